from __future__ import annotations

import os
import sqlite3
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge.core.errors import StoreError
from edge.core.ids import RunRef
from edge.store import Store
from tests.store.support import HOST, SNAPSHOT, make_record, start_node


@contextmanager
def without_privileges() -> Iterator[Path]:
    """Act as a user who is bound by file modes; yield a directory that is read-only."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o555)
        uid = os.geteuid()
        if uid == 0:
            os.seteuid(65534)
        try:
            yield Path(name)
        finally:
            if uid == 0:
                os.seteuid(uid)
            os.chmod(name, 0o755)


def refuse(path: Path) -> str:
    with pytest.raises(StoreError) as caught:
        Store.open(path)
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith(f"{path}: ")
    assert "; " in text
    return text


def test_files_are_the_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        store = Store.open(tmp_path / "data" / "edge.db")
        store.set_last_tick(1)
        modes = {path.name: path.stat().st_mode & 0o777 for path in store.path.parent.iterdir()}
        store.close()
    finally:
        os.umask(old)
    assert modes == {"edge.db": 0o600, "edge.db-wal": 0o600, "edge.db-shm": 0o600}


def test_an_open_file_loses_the_modes_of_others(tmp_path: Path) -> None:
    path = tmp_path / "edge.db"
    Store.open(path).close()
    path.chmod(0o644)
    Store.open(path).close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_page_size_is_small_and_the_journal_a_log(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "edge.db")
    conn = store.connection()
    assert conn.execute("PRAGMA page_size").fetchone() == (1024,)
    assert conn.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    store.close()
    store = Store.open(tmp_path / "big.db", page_size=4096)
    assert store.connection().execute("PRAGMA page_size").fetchone() == (4096,)
    store.close()


def test_odd_characters_in_the_path(tmp_path: Path) -> None:
    path = tmp_path / "a b?c#d%41é" / "edge.db"
    store = Store.open(path)
    store.set_last_tick(5)
    assert store.last_tick_ms() == 5
    store.close()
    assert path.exists()


def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "edge.db"
    path.write_bytes(b"hello, I am a text file\n" * 100)
    assert "not a database" in refuse(path)
    assert path.read_bytes().startswith(b"hello")
    assert os.listdir(tmp_path) == ["edge.db"]


def test_a_database_of_another_program_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "edge.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE mine (x)")
    other.commit()
    other.close()
    before = path.read_bytes()
    assert "another program" in refuse(path)
    assert path.read_bytes() == before


def test_a_directory_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "edge.db").mkdir()
    assert "is a directory" in refuse(tmp_path / "edge.db")


def test_a_directory_that_cannot_be_written_is_refused() -> None:
    with without_privileges() as folder:
        assert "permission denied" in refuse(folder / "edge.db")
        assert "permission denied" in refuse(folder / "data" / "edge.db")
        assert os.listdir(folder) == []


def test_a_file_that_cannot_be_written_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "edge.db"
        Store.open(path).close()
        if os.geteuid() == 0:
            os.chmod(name, 0o755)
            os.chmod(path, 0o644)
            monkeypatch.setattr("edge.store.dialect.os.chmod", lambda *_args: None)
            os.seteuid(65534)
        else:
            os.chmod(path, 0o400)
            os.chmod(name, 0o555)
        try:
            assert "writable" in refuse(path)
        finally:
            if os.getuid() == 0:
                os.seteuid(0)
            else:
                os.chmod(name, 0o755)


def test_a_full_disk_at_creation_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edge.store import migrations

    def fill(conn: sqlite3.Connection) -> None:
        conn.execute("PRAGMA max_page_count = 8")
        real(conn)

    real = migrations.MIGRATIONS[0]
    monkeypatch.setattr(migrations.migrate, "__defaults__", ((fill,),))
    assert "the disk is full" in refuse(tmp_path / "edge.db")
    assert os.listdir(tmp_path) == []


def test_a_full_disk_later_loses_only_the_new(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "edge.db")
    record = make_record("r1")
    store.begin_attempt(record, SNAPSHOT, HOST, new_run=True)
    pages = store.connection().execute("PRAGMA page_count").fetchone()[0]
    store.connection().execute(f"PRAGMA max_page_count = {pages}")

    def fill() -> None:
        for number in range(2, 200):
            store.begin_attempt(make_record(f"r{number}"), SNAPSHOT, HOST, new_run=True)

    with pytest.raises(StoreError, match="the disk is full; free some space"):
        fill()
    found = store.load_record(record.ref)
    assert found is not None
    assert found.to_json() == record.to_json()
    store.connection().execute("PRAGMA max_page_count = 100000")
    store.begin_attempt(make_record("again"), SNAPSHOT, HOST, new_run=True)
    assert store.connection().execute("PRAGMA integrity_check").fetchone() == ("ok",)
    store.close()


def test_a_transaction_is_all_or_nothing_and_joins(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "edge.db")

    def half() -> None:
        with store.transaction():
            store.begin_attempt(make_record("r1"), SNAPSHOT, HOST, new_run=True)
            assert store.load_record(RunRef("pump", "r1")) is not None
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()
    assert store.load_record(RunRef("pump", "r1")) is None
    store.close()


def test_a_durable_call_inside_an_ordinary_transaction_is_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edge.store import dialect

    synced: list[Path] = []
    real = dialect.sync_wal

    def sync(path: Path) -> None:
        synced.append(path)
        real(path)

    monkeypatch.setattr(dialect, "sync_wal", sync)
    store = Store.open(tmp_path / "edge.db")
    with store.transaction():
        store.set_last_tick(1)
    assert synced == []
    with store.transaction():
        store.begin_attempt(make_record(), SNAPSHOT, HOST, new_run=True)
    assert synced == [store.path]
    with store.transaction(durable=True):
        store.begin_attempt(make_record("r2"), SNAPSHOT, HOST, new_run=True)
    assert synced == [store.path]
    store.close()


def test_a_durable_transaction_asks_sqlite_to_sync(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "edge.db")
    with store.transaction(durable=True):
        assert store.connection().execute("PRAGMA synchronous").fetchone() == (2,)
    with store.transaction():
        assert store.connection().execute("PRAGMA synchronous").fetchone() == (1,)
    store.close()


def test_readers_do_not_wait_for_the_writer(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "edge.db")
    record = make_record()
    attempt = store.begin_attempt(record, SNAPSHOT, HOST, new_run=True)
    start_node(record, 0)
    seen: list[str] = []
    with store.transaction():
        store.write_nodes(attempt, record, ["0"])

        def look() -> None:
            found = store.load_record(record.ref)
            assert found is not None
            seen.append(found.nodes[0].status.word)

        thread = threading.Thread(target=look)
        thread.start()
        thread.join(5)
        found = store.load_record(record.ref)
        assert found is not None
        seen.append(found.nodes[0].status.word)
    assert seen == ["not_started", "running"]
    store.close()


def test_a_reader_writes_nothing_at_all(tmp_path: Path) -> None:
    path = tmp_path / "edge.db"
    assert Store.open_reader(path) is None
    assert os.listdir(tmp_path) == []
    store = Store.open(path)
    record = make_record()
    store.begin_attempt(record, SNAPSHOT, HOST, new_run=True)
    store.close()
    before = path.read_bytes()
    reader = Store.open_reader(path)
    assert reader is not None
    found = reader.load_record(record.ref)
    assert found is not None
    assert os.listdir(tmp_path) == ["edge.db"]
    assert path.read_bytes() == before
    with pytest.raises(StoreError, match="reading only"):
        reader.set_last_tick(1)
    reader.close()


def test_a_reader_sees_what_a_writer_does_later(tmp_path: Path) -> None:
    path = tmp_path / "edge.db"
    Store.open(path).close()
    reader = Store.open_reader(path)
    assert reader is not None
    assert reader.last_tick_ms() is None
    store = Store.open(path)
    store.set_last_tick(1)
    assert reader.last_tick_ms() == 1
    store.set_last_tick(2)
    assert reader.last_tick_ms() == 2
    store.close()
    assert reader.last_tick_ms() == 2
    reader.close()


def test_a_read_that_was_overtaken_is_done_again(tmp_path: Path) -> None:
    path = tmp_path / "edge.db"
    Store.open(path).close()
    reader = Store.open_reader(path)
    assert reader is not None
    rounds: list[object] = []

    def work(conn: sqlite3.Connection) -> object:
        if not rounds:
            store = Store.open(path)
            store.set_last_tick(7)
            store.close()
        rounds.append(conn.execute("SELECT value FROM meta").fetchone())
        return rounds[-1]

    assert reader.read(work) == (7,)
    assert len(rounds) == 2
    reader.close()


def test_a_reader_of_a_damaged_file_says_so(tmp_path: Path) -> None:
    path = tmp_path / "edge.db"
    path.write_bytes(b"no" * 600)
    with pytest.raises(StoreError, match="not a database"):
        Store.open_reader(path)
    path.write_bytes(b"")
    assert Store.open_reader(path) is None


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "edge.db")
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.set_last_tick(1)
