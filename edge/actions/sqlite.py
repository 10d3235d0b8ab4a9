"""`sqlite.query` and `sqlite.import` (spec 13 section 17).

The statements run in a thread; a stop interrupts the one that runs. A locked database is asked
again in short turns, so that a stop is not kept waiting by it.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable

import trio

from edge.actions.base import ActionContext, ActionError, DeadlineError, Outcome
from edge.actions.files import read_content, rfc3339_ns
from edge.actions.inprocess import (
    check_stop,
    go_error,
    in_thread,
    operation_of,
    print_from_thread,
    run_in_process,
)
from edge.actions.inputs import Inputs, resolve_path
from edge.actions.sqlite_connection import Connection, connect, sql_error
from edge.actions.sqlite_rows import RowWriter
from edge.core.clock import SystemClock
from edge.core.gojson import GoRecord, go_json
from edge.core.jsontypes import JsonValue
from edge.workflow.sql_text import SqlTextError, bind, query_hash, returns_rows, split_statements

__all__ = ["Run", "run_sqlite"]

_TIMEOUT_S = 60
_FETCH_ROWS = 200


async def run_sqlite(context: ActionContext) -> Outcome:
    """Carry the statements, or the import, out."""
    return await run_in_process(context, _run)


async def _run(context: ActionContext, inputs: Inputs) -> None:
    if not inputs.text("dsn").strip():
        raise ActionError("failed to set up step: failed to parse sql config: dsn is required")
    limit_s = inputs.integer("timeout", _TIMEOUT_S)
    with trio.move_on_after(limit_s if limit_s > 0 else float("inf")) as scope:
        connection = await connect(context, inputs)
        run = Run(context, inputs, connection)
        work: Callable[[], None] = run.query
        if operation_of(context) == "import" or inputs.has("import"):
            from edge.actions.sqlite_import import import_rows

            work = lambda: import_rows(run)  # noqa: E731
        try:
            await in_thread(work, interrupt=connection.interrupt)
        finally:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + 5):
                await in_thread(connection.close)
    if scope.cancelled_caught:
        raise DeadlineError("context deadline exceeded")


class Run:
    """One execution. Its methods block: they run inside `in_thread`."""

    def __init__(self, context: ActionContext, inputs: Inputs, connection: Connection) -> None:
        self.context = context
        self.inputs = inputs
        self.connection = connection

    def query(self) -> None:
        """Run the statements of `query` in order. Raises: ActionError."""
        text = self._text()
        statements = split_statements(text)
        is_script = len(statements) > 1
        with RowWriter(self.context, self.inputs) as writer:

            def run_all() -> None:
                for number, statement in enumerate(statements, 1):
                    self._statement(number if is_script else 0, statement, writer)

            self.transaction(self.inputs.flag("transaction"), run_all)

    def _text(self) -> str:
        text = self.inputs.text("query")
        if not text.startswith("file://"):
            return text
        path = resolve_path(self.context, text.removeprefix("file://").strip())
        try:
            return read_content(path, 0).decode("utf-8", "replace")
        except OSError as exc:
            raise ActionError(f"failed to read query file: {go_error('open', exc, path)}") from None

    def transaction(self, is_wanted: bool, work: Callable[[], None]) -> None:
        """Do the work, in one transaction if wanted: whatever it raises rolls back."""
        if not is_wanted:
            return work()
        try:
            self.connection.execute("BEGIN")
            work()
            self.connection.execute("COMMIT")
        except sqlite3.Error as exc:
            self.connection.roll_back()
            check_stop()
            raise ActionError(sql_error(exc)) from None
        except BaseException:
            self.connection.roll_back()
            raise
        return None

    def _statement(self, number: int, statement: str, writer: RowWriter) -> None:
        started_ns = time.monotonic_ns()
        record = GoRecord(query_hash=query_hash(statement), started_at=_now())
        error = ""
        counts: dict[str, JsonValue] = {}
        try:
            raw = self.inputs.values.get("params")
            params = raw if isinstance(raw, dict | list) else []
            text, values = bind(statement, params, skips_unused=number > 0)
            cursor = self.connection.execute(text, values)
            if returns_rows(statement) and cursor.description is not None:
                counts["rows_returned"] = self._fetch(cursor, writer)
            else:
                counts["rows_affected"] = max(cursor.rowcount, 0)
            cursor.close()
        except SqlTextError as exc:
            error = str(exc)
        except sqlite3.Error as exc:
            check_stop()
            error = sql_error(exc)
        record["finished_at"] = _now()
        record["duration_ms"] = (time.monotonic_ns() - started_ns) // 1_000_000
        record.update((key, value) for key, value in counts.items() if value)
        record["status"] = "error" if error else "success"
        if error:
            record["error"] = error
        self.tell(record)
        if error:
            raise ActionError(f"statement {number} failed: {error}" if number else error)

    def _fetch(self, cursor: sqlite3.Cursor, writer: RowWriter) -> int:
        limit = self.inputs.integer("max_rows")
        names = [str(column[0]) for column in cursor.description]
        writer.begin(names)
        total = 0
        while rows := cursor.fetchmany(_FETCH_ROWS):
            if limit > 0:
                rows = rows[: limit - total]
            writer.write(rows)
            total += len(rows)
            if 0 < limit <= total:
                break
            check_stop()
        writer.end()
        return total

    def tell(self, record: GoRecord) -> None:
        """Print a line about a statement to stderr."""
        print_from_thread(self.context.write_stderr, (go_json(record) + "\n").encode("utf-8"))


def _now() -> str:
    return rfc3339_ns(SystemClock().now_ms() * 1_000_000)
