"""One connection to a SQLite file of a workflow (spec 13 section 17)."""

from __future__ import annotations

import datetime as dt
import fcntl
import os
import re
import sqlite3
import time
from collections.abc import Sequence

import trio

from edge.actions.base import ActionContext, ActionError
from edge.actions.inprocess import check_stop, go_error, in_thread
from edge.actions.inputs import Inputs, resolve_path
from edge.workflow.sql_text import SqlValue

__all__ = ["Connection", "connect", "sql_error"]

_TRIES = 30
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 2.0
#: how long a locked database is waited for, and how often a stop is looked for meanwhile
_BUSY_S = 5.0
_BUSY_TURN_MS = 250
_BUSY, _LOCKED = 5, 6
_NAMES = {
    1: "SQL logic error",
    5: "database is locked",
    6: "database table is locked",
    8: "attempt to write a readonly database",
    9: "interrupted",
    11: "database disk image is malformed",
    13: "database or disk is full",
    14: "unable to open database file",
    19: "constraint failed",
    20: "datatype mismatch",
    26: "file is not a database",
}
_TIME = re.compile(
    rb"(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?))?\s*(Z|[+-]\d\d:\d\d)?"
)


class Connection:
    """Runs statements; `interrupt` may be called from another thread."""

    def __init__(self, database: str, lock_file: str) -> None:
        """Open. Raises: sqlite3.Error, OSError, ActionError when another process has the lock."""
        self._lock = _lock(lock_file) if lock_file else -1
        try:
            self._raw = sqlite3.connect(
                database,
                uri=database.startswith("file:"),
                timeout=_BUSY_TURN_MS / 1000,
                isolation_level=None,
                check_same_thread=False,
                detect_types=sqlite3.PARSE_DECLTYPES,
            )
            self._raw.execute("PRAGMA foreign_keys = ON")
            self._raw.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
        except BaseException:
            self._unlock()
            raise

    def execute(self, text: str, values: Sequence[SqlValue] = ()) -> sqlite3.Cursor:
        """Run a statement; a locked database is waited for. Raises: sqlite3.Error."""
        limit = time.monotonic() + _BUSY_S
        while True:
            check_stop()
            try:
                return self._raw.execute(text, values)
            except sqlite3.OperationalError as exc:
                code = getattr(exc, "sqlite_errorcode", 0) & 0xFF
                if code not in (_BUSY, _LOCKED) or time.monotonic() > limit:
                    raise
                # in a thread of the action's own; SQLite tells nobody when a lock is given back
                time.sleep(0.01)

    @property
    def max_parameters(self) -> int:
        """Return how many values one statement may have."""
        return self._raw.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER)

    def roll_back(self) -> None:
        """Undo the open transaction, if there still is one."""
        if self._raw.in_transaction:
            self._raw.execute("ROLLBACK")

    def interrupt(self) -> None:
        """End the statement that runs."""
        self._raw.interrupt()

    def close(self) -> None:
        """Close; what was not committed is undone."""
        self._raw.close()
        self._unlock()

    def _unlock(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def _lock(path: str) -> int:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise ActionError("database is locked by another process") from None
    return fd


async def connect(context: ActionContext, inputs: Inputs) -> Connection:
    """Open the database, thirty times if need be. Raises: ActionError."""
    database = _database(context, inputs)
    lock_file = ""
    if inputs.flag("file_lock") and not _is_memory(database):
        lock_file = _file_of(database) + ".lock"
    wait_s, error = _FIRST_WAIT_S, ""
    for number in range(_TRIES):
        if number:
            await trio.sleep(wait_s)
            wait_s = min(wait_s * 2, _LONGEST_WAIT_S)
        try:
            return await in_thread(Connection, database, lock_file)
        except sqlite3.Error as exc:
            error = sql_error(exc)
        except OSError as exc:
            error = go_error("open", exc)
        except ActionError as exc:
            error = str(exc)
    raise ActionError(f"failed to connect to database: {error}")


def _database(context: ActionContext, inputs: Inputs) -> str:
    """Return the name that SQLite opens; relative paths start at the step's directory."""
    dsn = inputs.text("dsn").strip()
    if dsn == ":memory:":
        if not inputs.flag("shared_memory"):
            return dsn
        # by run: others of this process must not see it
        run = context.scope.get("DAG_RUN_ID", with_process=False) or "run"
        return f"file:edge-{run}?mode=memory&cache=shared"
    if not dsn.startswith("file:"):
        return resolve_path(context, dsn)
    path, mark, options = dsn.removeprefix("file:").partition("?")
    if not _is_memory(dsn):
        path = resolve_path(context, path.removeprefix("//"))
    return f"file:{path}{mark}{options}"


def _is_memory(database: str) -> bool:
    return ":memory:" in database or "mode=memory" in database


def _file_of(database: str) -> str:
    return database.removeprefix("file:").partition("?")[0]


def sql_error(exc: sqlite3.Error) -> str:
    """Return an error in the words of the reference's driver: `SQL logic error: ... (1)`."""
    code = getattr(exc, "sqlite_errorcode", None)
    text = str(exc)
    if code is None:
        return text
    name = _NAMES.get(code & 0xFF, "")
    return f"{name}: {text} ({code})" if name and name != text else f"{text} ({code})"


def _time(data: bytes) -> object:
    """Return a value of a date or time column: RFC 3339 where it is one (spec 13 section 17)."""
    match = _TIME.fullmatch(data.strip())
    text = data.decode("utf-8", "replace")
    if match is None:
        return int(text) if re.fullmatch(r"-?\d{1,18}", text) else text
    day, clock, zone = (part.decode() if part else "" for part in match.groups())
    clock = clock or "00:00:00"
    if clock.count(":") == 1:
        clock += ":00"
    if "." in clock:
        clock = clock.rstrip("0").rstrip(".")
    try:
        dt.date.fromisoformat(day)
    except ValueError:
        return text
    return f"{day}T{clock}{zone or 'Z'}"


for _type in ("date", "datetime", "timestamp"):
    # known to this module's connections alone: others do not ask for declared types
    sqlite3.register_converter(_type, _time)
