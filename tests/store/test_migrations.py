from __future__ import annotations

import hashlib
import sqlite3
import threading
from pathlib import Path

import pytest

from edge.core.errors import StoreError
from edge.store import Store, dialect, migrations
from edge.store.migrations import MIGRATIONS, SCHEMA_VERSION, Migration
from tests.store.support import HOST, SNAPSHOT, make_record


def add_column(conn: sqlite3.Connection) -> None:
    conn.execute("ALTER TABLE runs ADD COLUMN colour TEXT DEFAULT 'red'")


def fail(conn: sqlite3.Connection) -> None:
    add_column(conn)
    raise RuntimeError("half way")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    store = Store.open(tmp_path / "edge.db")
    store.begin_attempt(make_record(), SNAPSHOT, HOST, new_run=True)
    store.close()
    return store.path


def run(path: Path, steps: tuple[Migration, ...]) -> int:
    conn = dialect.connect(path, "rw")
    try:
        return migrations.migrate(conn, path, steps)
    finally:
        conn.close()


def query(path: Path, sql: str) -> object:
    conn = sqlite3.connect(path)
    try:
        return conn.execute(sql).fetchone()[0]
    finally:
        conn.close()


def test_a_new_store_is_of_the_newest_version(path: Path) -> None:
    assert query(path, "PRAGMA user_version") == SCHEMA_VERSION
    assert migrations.copies(path) == []


def test_an_older_store_is_brought_up_to_date_and_a_copy_kept(path: Path) -> None:
    assert run(path, (*MIGRATIONS, add_column)) == SCHEMA_VERSION
    assert query(path, "PRAGMA user_version") == SCHEMA_VERSION + 1
    assert query(path, "SELECT colour FROM runs") == "red"
    [copy] = migrations.copies(path)
    assert copy.name == f"edge.db.v{SCHEMA_VERSION}.bak"
    assert copy.stat().st_mode & 0o777 == 0o600
    assert query(copy, "PRAGMA user_version") == SCHEMA_VERSION
    assert query(copy, "SELECT count(*) FROM runs") == 1
    assert query(copy, "PRAGMA integrity_check") == "ok"


def test_a_migration_that_fails_changes_nothing(path: Path) -> None:
    with pytest.raises(RuntimeError, match="half way"):
        run(path, (*MIGRATIONS, fail))
    assert query(path, "PRAGMA user_version") == SCHEMA_VERSION
    store = Store.open(path)
    assert store.load_record(make_record().ref) is not None
    store.close()


def test_the_copy_goes_when_a_start_has_turned_out_well(path: Path) -> None:
    run(path, (*MIGRATIONS, add_column))
    conn = sqlite3.connect(path)
    conn.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    conn.close()
    store = Store.open(path)
    assert migrations.copies(path)
    store.discard_copies()
    assert not migrations.copies(path)
    store.close()


def test_a_newer_store_is_refused_and_left_alone(path: Path) -> None:
    conn = sqlite3.connect(path)
    conn.execute("PRAGMA user_version = 99")
    conn.close()
    before = path.read_bytes()
    text = (
        f"{path}: the database is of schema version 99, this edge knows {SCHEMA_VERSION};"
        " upgrade edge or restore the copy"
    )
    for open_it in (Store.open, Store.open_reader):
        with pytest.raises(StoreError) as caught:
            open_it(path)
        assert str(caught.value) == text
    assert path.read_bytes() == before


def test_many_may_create_one_store_at_once(tmp_path: Path) -> None:
    path, problems = tmp_path / "edge.db", []

    def create(number: int) -> None:
        try:
            store = Store.open(path)
            store.begin_attempt(make_record(f"r{number}"), SNAPSHOT, HOST, new_run=True)
            store.close()
        except Exception as exc:
            problems.append(exc)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert query(path, "SELECT count(*) FROM runs") == 8


@pytest.mark.parametrize(
    ("version", "digest"),
    [(1, "d0715c033dd03ba9"), (2, "0c36ba76d28214a9"), (3, "781eb310bf46bc9a")],
)
def test_the_schema_of_a_version_never_moves(tmp_path: Path, version: int, digest: str) -> None:
    """A store of any earlier commit has to open: a change is a migration, never an edit."""
    path = tmp_path / "edge.db"
    dialect.create_file(path)
    run(path, MIGRATIONS[:version])
    text = str(query(path, "SELECT group_concat(sql, ';') FROM sqlite_master WHERE sql NOT NULL"))
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == digest
    assert version <= SCHEMA_VERSION
    store = Store.open(path)
    store.close()
    assert query(path, "PRAGMA user_version") == SCHEMA_VERSION


def test_turning_the_log_on_waits_for_who_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "edge.db"
    dialect.create_file(path)
    reader, writer = dialect.connect(path, "rw"), dialect.connect(path, "rw")
    reader.execute("CREATE TABLE t (x)")
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM t").fetchall()
    writer.execute("PRAGMA busy_timeout = 0")
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        reader.execute("COMMIT")

    monkeypatch.setattr(dialect.time, "sleep", wait)
    dialect.prepare_writer(writer)
    assert len(waits) == 1
    assert writer.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    reader.close()
    writer.close()
