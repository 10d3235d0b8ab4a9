"""The schema version and how an older store becomes a newer one, in order, in one place.

A store of any earlier version opens; one from a newer version is refused. A copy of the file is
kept beside it before a migration, until the first good start.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from edge.core.errors import StoreError
from edge.store import dialect

__all__ = ["MIGRATIONS", "SCHEMA_VERSION", "Migration", "check_version", "copies", "migrate"]

#: changes the schema inside a transaction that is already open
Migration: TypeAlias = Callable[[sqlite3.Connection], None]


def _create(conn: sqlite3.Connection) -> None:
    run_script(conn, Path(__file__).with_name("schema.sql").read_text(encoding="utf-8"))
    conn.execute(f"PRAGMA application_id = {dialect.APPLICATION_ID}")


def _add_state(conn: sqlite3.Connection) -> None:
    run_script(conn, Path(__file__).with_name("state.sql").read_text(encoding="utf-8"))


def _add_children(conn: sqlite3.Connection) -> None:
    """Let runs lie below a root run (spec 12 section 12): `root` is its `runs.id`, NULL for a root.

    A child's id follows from its parent's run id, which users choose: it is unique below its root.
    """
    run_script(
        conn,
        """
        ALTER TABLE runs ADD COLUMN root INTEGER;
        DROP INDEX runs_by_ref;
        CREATE UNIQUE INDEX runs_by_ref ON runs (run_id, dag, ifnull(root, 0));
        DROP INDEX runs_by_dag;
        CREATE INDEX runs_by_dag ON runs (dag) WHERE root IS NULL;
        """,
    )


#: entry N brings version N to N + 1
MIGRATIONS: tuple[Migration, ...] = (_create, _add_state, _add_children)
SCHEMA_VERSION = len(MIGRATIONS)


def run_script(conn: sqlite3.Connection, script: str) -> None:
    """Run statements one by one; `executescript` would commit the open transaction.

    Comments and indentation are left out: SQLite keeps the text of each statement in the file.
    """
    statement = ""
    for line in script.splitlines():
        statement += line.partition("--")[0].strip()
        if statement.endswith(";"):
            conn.execute(statement)
            statement = ""


def check_version(conn: sqlite3.Connection, path: Path, known: int = SCHEMA_VERSION) -> int:
    """Return the schema version, 0 for an empty file.

    Raises: StoreError when the file is from a newer version or is not ours.
    """
    # One state of the file: another process may be creating it.
    joined = conn.in_transaction
    if not joined:
        conn.execute("BEGIN")
    try:
        version = int(conn.execute("PRAGMA user_version").fetchone()[0])
        owner = int(conn.execute("PRAGMA application_id").fetchone()[0])
        empty = conn.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    finally:
        if not joined and conn.in_transaction:
            conn.execute("ROLLBACK")
    if not empty and owner != dialect.APPLICATION_ID:
        raise StoreError(
            f"{path}: a database of another program",
            hint="move the file away or set another data directory",
        )
    if version > known:
        raise StoreError(
            f"{path}: the database is of schema version {version}, this edge knows {known}",
            hint="upgrade edge or restore the copy",
        )
    return version


def migrate(
    conn: sqlite3.Connection, path: Path, migrations: Sequence[Migration] = MIGRATIONS
) -> int:
    """Bring the store to the newest version; return the version that it had.

    All steps are one transaction: after a crash the file is of the old version or of the new one.
    Raises: StoreError as `check_version`.
    """
    known = len(migrations)
    found = check_version(conn, path, known)
    if found == known:
        return found
    if found:
        _keep_copy(conn, path, found)
    conn.execute("PRAGMA synchronous = FULL")
    conn.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have been faster.
        current = check_version(conn, path, known)
        for step in migrations[current:]:
            step(conn)
        conn.execute(f"PRAGMA user_version = {known}")
        conn.execute("COMMIT")
    except BaseException:
        if conn.in_transaction:
            conn.execute("ROLLBACK")
        raise
    return found


def copies(path: Path) -> list[Path]:
    """Return the copies that migrations kept, oldest version first."""
    return sorted(path.parent.glob(f"{path.name}.v*.bak"))


def _keep_copy(conn: sqlite3.Connection, path: Path, version: int) -> None:
    target = path.with_name(f"{path.name}.v{version}.bak")
    part = path.with_name(f"{path.name}.v{version}.{os.getpid()}.part")
    try:
        part.unlink(missing_ok=True)
        dialect.create_file(part)
        copy = sqlite3.connect(part)
        try:
            conn.backup(copy)
        finally:
            copy.close()
        fd = os.open(part, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
