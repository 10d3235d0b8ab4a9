"""Connections and transactions of one store file.

One connection writes, under a re-entrant lock; another one reads and never waits for it. A thread
that is inside a transaction reads through the writing connection and so sees its own changes.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from edge.core.errors import StoreError
from edge.store import dialect, migrations

__all__ = ["Database"]

_T = TypeVar("_T")
_MAX_REPORTS = 100


class Database:
    """The file: `transaction` to write, `read` to read, reports of rows that were set aside."""

    def __init__(self, path: Path, writer: sqlite3.Connection | None) -> None:
        self.path = path
        self._writer = writer
        self._lock = threading.RLock()
        self._depth = 0
        self._owner = 0
        self._durable = False
        self._sync_after = False
        self._reader: sqlite3.Connection | None = None
        self._reader_lock = threading.Lock()
        #: of the file when an immutable reader was opened, None for an ordinary reader
        self._signature: tuple[int, int, int] | None = None
        self._reports: list[str] = []

    # -- opening and closing

    @staticmethod
    def _open_writer(path: Path, page_size: int) -> sqlite3.Connection:
        """Create or migrate the file and return the writing connection. Raises: StoreError."""
        created = False
        conn: sqlite3.Connection | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
            dialect.refuse_network_filesystem(path)
            created = dialect.create_file(path)
            conn = dialect.connect(path, "rw")
            # Refuses a file that is not ours before anything changes it.
            if migrations.check_version(conn, path) == 0:
                dialect.set_page_size(conn, page_size)
            migrations.migrate(conn, path)
            dialect.prepare_writer(conn)
            # Find out now, not at the first status, that the file cannot be written.
            conn.execute("BEGIN IMMEDIATE")
            conn.execute("ROLLBACK")
            return conn
        except BaseException as exc:
            if conn is not None:
                conn.close()
            if created:
                for suffix in ("", "-wal", "-shm", "-journal"):
                    Path(f"{path}{suffix}").unlink(missing_ok=True)
            if isinstance(exc, sqlite3.Error):
                raise dialect.map_error(exc, path) from exc
            if isinstance(exc, OSError):
                raise dialect.map_os_error(exc, path) from exc
            raise

    def close(self) -> None:
        """Close both connections; the last one of the host folds the log into the file."""
        with self._reader_lock:
            if self._reader is not None:
                self._reader.close()
                self._reader = None
        with self._lock:
            if self._writer is not None:
                self._writer.close()
                self._writer = None

    # -- writing

    @contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[None]:
        """Group writes; all or none of them happen. An inner call joins the outer one.

        With `durable` the facts are on disk when the block ends, else they are when the next
        durable transaction or checkpoint of any process has ended.

        Raises: StoreError, TransientError.
        """
        with self._lock:
            if self._depth:
                # Durability cannot be raised inside a transaction: sync when the outer one ends.
                self._sync_after |= durable and not self._durable
                yield
                return
            conn = self.connection()
            try:
                dialect.set_durable(conn, durable)
                conn.execute("BEGIN IMMEDIATE")
            except sqlite3.Error as exc:
                raise dialect.map_error(exc, self.path) from exc
            self._depth, self._durable, self._sync_after = 1, durable, False
            self._owner = threading.get_ident()
            try:
                yield
                conn.execute("COMMIT")
            except BaseException as exc:
                if conn.in_transaction:
                    conn.execute("ROLLBACK")
                self._forget()
                if isinstance(exc, sqlite3.Error):
                    raise dialect.map_error(exc, self.path) from exc
                raise
            finally:
                self._depth, self._owner = 0, 0
            if self._sync_after:
                try:
                    dialect.sync_wal(self.path)
                except OSError as exc:
                    raise dialect.map_os_error(exc, self.path) from exc

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo only the writes of this block when it raises; inside a transaction."""
        conn = self.connection()
        assert self._depth
        conn.execute("SAVEPOINT part")
        try:
            yield
        except BaseException as exc:
            # A full disk may have rolled back everything already.
            if conn.in_transaction:
                conn.execute("ROLLBACK TO part")
                conn.execute("RELEASE part")
            self._forget()
            if isinstance(exc, sqlite3.Error):
                raise dialect.map_error(exc, self.path) from exc
            raise
        conn.execute("RELEASE part")

    @property
    def in_transaction(self) -> bool:
        """True while the open transaction has not been rolled back by an error."""
        return self._writer is not None and self._writer.in_transaction

    def connection(self) -> sqlite3.Connection:
        """Return the writing connection, for the modules of this package inside a transaction."""
        if self._writer is None:
            raise StoreError(f"{self.path}: the store is closed or was opened for reading only")
        return self._writer

    def _forget(self) -> None:
        """Drop what is cached about rows: they may have been rolled back."""

    # -- reading

    def read(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Run a read on one consistent state; `work` may be run again and must not write."""
        if self._owner == threading.get_ident():
            return work(self.connection())
        try:
            with self._reader_lock:
                while True:
                    conn = self._reading_connection()
                    conn.execute("BEGIN")
                    try:
                        result = work(conn)
                    except sqlite3.Error:
                        if not self._was_overtaken():
                            raise
                        continue
                    finally:
                        if conn.in_transaction:
                            conn.execute("ROLLBACK")
                    if not self._was_overtaken():
                        return result
        except sqlite3.Error as exc:
            raise dialect.map_error(exc, self.path) from exc

    def _reading_connection(self) -> sqlite3.Connection:
        if self._reader is None:
            # Without a log no process has the store open: read the file itself, so that a mere
            # look makes no files beside it. `_was_overtaken` notices a writer that comes along.
            immutable = self._writer is None and not os.path.exists(f"{self.path}-wal")
            self._signature = _signature(self.path) if immutable else None
            self._reader = dialect.connect(self.path, "ro", immutable=immutable)
        elif self._signature is not None and self._was_overtaken():
            return self._reading_connection()
        return self._reader

    def _was_overtaken(self) -> bool:
        """Close an immutable reader whose file has changed or has got a log."""
        if self._signature is None:
            return False
        if _signature(self.path) == self._signature and not os.path.exists(f"{self.path}-wal"):
            return False
        if self._reader is not None:
            self._reader.close()
            self._reader = None
        self._signature = None
        return True

    # -- rows set aside

    def _report(self, text: str) -> None:
        if len(self._reports) < _MAX_REPORTS and text not in self._reports:
            self._reports.append(text)

    def take_reports(self) -> list[str]:
        """Return and clear the reports of unreadable rows that were set aside; log them."""
        reports, self._reports = self._reports, []
        return reports


def _signature(path: Path) -> tuple[int, int, int]:
    stat = os.stat(path)
    return stat.st_ino, stat.st_size, stat.st_mtime_ns
