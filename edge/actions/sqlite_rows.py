"""Rows as `jsonl`, `json` or `csv`, to stdout or a file (spec 13 section 17). Blocking."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Sequence
from types import TracebackType
from typing import BinaryIO

from edge.actions.base import ActionContext, ActionError
from edge.actions.inprocess import go_error, print_from_thread
from edge.actions.inputs import Inputs
from edge.core.gojson import go_json
from edge.core.jsontypes import JsonValue

__all__ = ["RowWriter"]


class RowWriter:
    """Writes the rows of one statement after another; a file appears when all went well."""

    def __init__(self, context: ActionContext, inputs: Inputs) -> None:
        self._context = context
        self._format = inputs.text("output_format", "jsonl")
        self._has_headers = inputs.flag("headers")
        self._null = inputs.text("null_string", "null")
        self._path = inputs.path("output_file") if inputs.flag("streaming") else ""
        self._file: BinaryIO | None = None
        self._names: list[str] = []
        self._rows = 0

    def __enter__(self) -> RowWriter:
        if self._path:
            try:
                flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
                self._file = open(os.open(self._path + ".tmp", flags, 0o600), "wb")
            except OSError as exc:
                raise self._error(exc) from None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is None:
            return
        try:
            self._file.close()
            if kind is None:
                os.replace(self._path + ".tmp", self._path)
            else:
                os.unlink(self._path + ".tmp")
        except OSError as exc:
            raise self._error(exc) from None

    def _error(self, exc: OSError) -> ActionError:
        return ActionError(f"failed to write output file: {go_error('open', exc, self._path)}")

    def begin(self, names: list[str]) -> None:
        """Begin the rows of a statement."""
        self._names = names
        self._rows = 0
        if self._format == "csv" and self._has_headers:
            self._put(_csv_text([names]))
        elif self._format == "json":
            self._put("[")

    def write(self, rows: Sequence[Sequence[object]]) -> None:
        """Write some rows."""
        parts = []
        if self._format == "csv":
            parts.append(_csv_text([[self._cell(value) for value in row] for row in rows]))
        for row in rows if self._format != "csv" else ():
            members = dict(zip(self._names, map(_json_value, row), strict=True))
            if self._format == "json":
                text = go_json(members, indent="  ").replace("\n", "\n  ")
                parts.append(("," if self._rows else "") + "\n  " + text)
            else:
                parts.append(go_json(members) + "\n")
            self._rows += 1
        self._put("".join(parts))

    def end(self) -> None:
        """End the rows of the statement."""
        if self._format == "json":
            self._put(("\n" if self._rows else "") + "]\n")

    def _cell(self, value: object) -> str:
        shown = _json_value(value)
        if shown is None:
            return self._null
        return shown if isinstance(shown, str) else go_json(shown)

    def _put(self, text: str) -> None:
        data = text.encode("utf-8", "replace")
        if not data:
            return
        if self._file is None:
            print_from_thread(self._context.write_stdout, data)
            return
        try:
            self._file.write(data)
        except OSError as exc:
            raise self._error(exc) from None


def _json_value(value: object) -> JsonValue:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, float) and not math.isfinite(value):
        return "+Inf" if value > 0 else "-Inf"
    return value if isinstance(value, str | int | float) else None


def _csv_text(rows: list[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
