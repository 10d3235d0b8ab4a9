"""Values as JSON, YAML, CSV, TSV and text (spec 13 section 19)."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from edge.actions.base import ActionError
from edge.core.gojson import go_json
from edge.core.jsontypes import JsonValue
from edge.workflow.json_text import decode_json
from edge.workflow.nodes import json_of, scalar_text
from edge.workflow.problems import DAGError
from edge.workflow.yaml_reader import read_documents

__all__ = ["decode", "encode"]

_CELL_MAX_CHARS = 16 * 1024 * 1024


def decode(
    text: str, kind: str, *, has_header: bool, delimiter: str, columns: list[str]
) -> JsonValue:
    """Return the value of a text in a format. Raises: ActionError."""
    match kind:
        case "json":
            try:
                return decode_json(text)
            except ValueError as exc:
                raise ActionError(f"data: failed to decode json: {exc}") from None
        case "yaml":
            return _decode_yaml(text)
        case "csv" | "tsv":
            return _decode_rows(text, delimiter or _comma(kind), has_header, columns)
    return text


def _comma(kind: str) -> str:
    return "\t" if kind == "tsv" else ","


def _decode_yaml(text: str) -> JsonValue:
    try:
        documents = read_documents(text)
        root = documents[0].root if documents else None
        return None if root is None else json_of(root)
    except RecursionError:
        raise ActionError("data: failed to decode yaml: nested too deeply") from None
    except DAGError as exc:
        raise ActionError(f"data: failed to decode yaml: {exc}") from None


def _decode_rows(text: str, delimiter: str, has_header: bool, columns: list[str]) -> JsonValue:
    csv.field_size_limit(_CELL_MAX_CHARS)
    try:
        rows = [
            row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row
        ]
    except csv.Error as exc:
        raise ActionError(f"data: failed to decode csv: {exc}") from None
    if has_header and rows:
        header = rows.pop(0)
        columns = columns or header
    if not columns:
        return [list(row) for row in rows]
    return [
        {name: row[at] if at < len(row) else "" for at, name in enumerate(columns)} for row in rows
    ]


def encode(
    value: JsonValue, kind: str, *, headers: bool, delimiter: str, columns: list[str]
) -> str:
    """Return a value as a text in a format. Raises: ActionError."""
    match kind:
        case "json":
            return _json(value, "  ") + "\n"
        case "yaml":
            return _encode_yaml(value)
        case "csv" | "tsv":
            return _encode_rows(value, headers, delimiter or _comma(kind), columns)
    return value if isinstance(value, str) else _json(value, "")


def _json(value: JsonValue, indent: str) -> str:
    try:
        return go_json(value, indent=indent)
    except ValueError as exc:
        raise ActionError(f"data: {exc}") from None


def _encode_yaml(value: JsonValue) -> str:
    import yaml

    try:
        text: str = yaml.safe_dump(
            value, allow_unicode=True, sort_keys=True, default_flow_style=False, width=1 << 30
        )
    except (yaml.YAMLError, RecursionError) as exc:
        raise ActionError(f"data: failed to encode yaml: {exc}") from None
    # the library ends a bare scalar with an end-of-document mark
    return text.removesuffix("...\n")


def _encode_rows(value: JsonValue, headers: bool, delimiter: str, columns: list[str]) -> str:
    if not isinstance(value, list):
        raise ActionError("data: csv output requires an array input")
    rows: list[list[str]] = []
    if all(isinstance(item, dict) for item in value):
        names = columns or sorted({key for item in value if isinstance(item, dict) for key in item})
        rows += [names] if headers and names else []
        rows += [
            [_cell(item.get(name)) for name in names] for item in value if isinstance(item, dict)
        ]
    elif all(isinstance(item, list) for item in value):
        rows += [columns] if headers and columns else []
        rows += [[_cell(part) for part in item] for item in value if isinstance(item, list)]
    else:
        raise ActionError("data: csv output requires an array of objects or of arrays")
    return _csv_text(rows, delimiter)


def _cell(value: JsonValue) -> str:
    if value is None:
        return ""
    return _json(value, "") if isinstance(value, list | dict) else scalar_text(value)


def _csv_text(rows: Sequence[Sequence[str]], delimiter: str) -> str:
    text = io.StringIO()
    try:
        csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows(rows)
    except csv.Error as exc:
        raise ActionError(f"data: failed to encode csv: {exc}") from None
    return text.getvalue()
