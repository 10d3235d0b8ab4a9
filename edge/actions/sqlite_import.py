"""`sqlite.import`: rows of a CSV, TSV or JSON lines file into a table (spec 13 section 17)."""

from __future__ import annotations

import csv
import json
import sqlite3
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

from edge.actions.base import ActionError
from edge.actions.files import rfc3339_ns
from edge.actions.inprocess import check_stop, go_error
from edge.actions.inputs import Inputs
from edge.actions.sqlite_connection import sql_error
from edge.core.clock import SystemClock
from edge.core.gojson import GoRecord, go_json
from edge.core.jsontypes import JsonValue
from edge.workflow.sql_text import SqlValue

if TYPE_CHECKING:
    from edge.actions.sqlite import Run

__all__ = ["import_rows"]

_FORMATS = {".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_NULLS = ["", "NULL", "null", "\\N"]
_CONFLICTS = {"error": "INSERT", "ignore": "INSERT OR IGNORE", "replace": "INSERT OR REPLACE"}
_BATCH_ROWS = 1000
_LINE_MAX_CHARS = 16 * 1024 * 1024
_T = TypeVar("_T")


class _Counts:
    """What an import has done so far."""

    def __init__(self) -> None:
        self.read = self.imported = self.skipped = self.batches = 0


def import_rows(run: Run) -> None:
    """Import and tell on stderr what became of it. Raises: ActionError."""
    started_ns, started_at = time.monotonic_ns(), _now()
    counts = _Counts()
    error = ""
    try:
        options = Inputs(run.inputs.members("import"), run.context)
        run.transaction(run.inputs.flag("transaction"), lambda: _import(run, options, counts))
    except ActionError as exc:
        error = str(exc)
    except sqlite3.Error as exc:
        check_stop()
        error = sql_error(exc)
    except (csv.Error, UnicodeDecodeError) as exc:
        error = f"failed to read input: {exc}"
    record = GoRecord(
        started_at=started_at,
        finished_at=_now(),
        duration_ms=(time.monotonic_ns() - started_ns) // 1_000_000,
        rows_read=counts.read,
        rows_imported=counts.imported,
        rows_skipped=counts.skipped,
        batch_count=counts.batches,
        status="failed" if error else "completed",
    )
    if error:
        record["error"] = error
    run.tell(record)
    if error:
        raise ActionError(f"import failed: {error}")


def _now() -> str:
    return rfc3339_ns(SystemClock().now_ms() * 1_000_000)


def _import(run: Run, options: Inputs, counts: _Counts) -> None:
    for key in ("input_file", "table"):
        if not options.text(key):
            raise ActionError(f"{key} is required for import")
    word = _CONFLICTS.get(options.text("on_conflict", "error"))
    if word is None:
        raise ActionError('on_conflict must be one of "error", "ignore", "replace"')
    columns, rows = _source(run, options, counts)
    if not columns:
        return
    head = f"{word} INTO {_quoted(options.text('table'))} ({', '.join(map(_quoted, columns))})"
    places = f"({', '.join('?' * len(columns))})"
    size = max(options.integer("batch_size", _BATCH_ROWS), 1)
    size = max(min(size, run.connection.max_parameters // len(columns)), 1)
    is_dry = options.flag("dry_run")
    for batch in _batches(rows, size):
        check_stop()
        counts.batches += 1
        counts.imported += len(batch)
        if not is_dry:
            text = f"{head} VALUES {', '.join([places] * len(batch))}"
            run.connection.execute(text, [value for row in batch for value in row])


def _quoted(name: str) -> str:
    if "\0" in name:
        raise ActionError("a name cannot hold a NUL character")
    return ".".join('"' + part.replace('"', '""') + '"' for part in name.split("."))


def _batches(rows: Iterable[list[SqlValue]], size: int) -> Iterator[list[list[SqlValue]]]:
    batch: list[list[SqlValue]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _source(
    run: Run, options: Inputs, counts: _Counts
) -> tuple[list[str], Iterator[list[SqlValue]]]:
    """Return the columns and the rows that are to be imported."""
    path = options.path("input_file")
    suffix = path[path.rfind(".") :].lower() if "." in path else ""
    kind = options.text("format") or _FORMATS.get(suffix, "csv")
    if kind not in ("csv", "tsv", "jsonl"):
        raise ActionError('format must be one of "csv", "tsv", "jsonl"')
    try:
        # kept open by the generator that reads it
        lines = open(path, encoding="utf-8-sig", newline="")  # noqa: SIM115
    except OSError as exc:
        raise ActionError(go_error("open", exc, path)) from None
    columns = options.texts("columns")
    if kind == "jsonl":
        return _jsonl(lines, columns, options, counts)
    delimiter = options.text("delimiter") or ("\t" if kind == "tsv" else ",")
    if len(delimiter) != 1:
        raise ActionError("delimiter must be one character")
    csv.field_size_limit(_LINE_MAX_CHARS)
    records = csv.reader(lines, delimiter=delimiter, strict=False)
    if options.flag("has_header", True):
        header = next(records, [])
        columns = columns or header
    nulls = set(options.texts("null_values") if options.has("null_values") else _NULLS)
    if not columns:
        first = next(records, None)
        if first is None:
            return [], iter(())
        raise ActionError("columns is required for a file without a header")

    def rows() -> Iterator[list[SqlValue]]:
        for record in _taken(filter(None, records), options, counts):
            if len(record) != len(columns):
                raise ActionError(
                    f"row {counts.read} has {len(record)} fields, expected {len(columns)}"
                )
            yield [None if field in nulls else field for field in record]

    return columns, rows()


def _jsonl(
    lines: Iterable[str], columns: list[str], options: Inputs, counts: _Counts
) -> tuple[list[str], Iterator[list[SqlValue]]]:
    records = filter(None, map(_object, lines))
    first = next(records, None)
    if first is None:
        return [], iter(())
    columns = columns or sorted(first)

    def every() -> Iterator[dict[str, JsonValue]]:
        yield first
        yield from records

    def rows() -> Iterator[list[SqlValue]]:
        for record in _taken(every(), options, counts):
            yield [_cell(record.get(name)) for name in columns]

    return columns, rows()


def _object(line: str) -> dict[str, JsonValue] | None:
    if not line.strip():
        return None
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        raise ActionError("a line is not valid JSON") from None
    if not isinstance(value, dict):
        raise ActionError("a line is not a JSON object")
    return value


def _cell(value: JsonValue) -> SqlValue:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
        return str(value)
    return go_json(value) if isinstance(value, list | dict) else value


def _taken(records: Iterable[_T], options: Inputs, counts: _Counts) -> Iterator[_T]:
    """Leave out the first `skip_rows` and what comes after `max_rows`."""
    skip, limit = options.integer("skip_rows"), options.integer("max_rows")
    for record in records:
        counts.read += 1
        if counts.read <= skip:
            counts.skipped += 1
            continue
        yield record
        if 0 < limit <= counts.read - skip:
            return
