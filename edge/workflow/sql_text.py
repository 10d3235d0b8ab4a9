"""SQL as text: its statements and placeholders (spec 13 section 17). Pure.

Quotes, comments and `$tag$` strings are known; nothing else of the language is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from edge.core.gojson import go_json
from edge.core.jsontypes import JsonValue

__all__ = ["SqlTextError", "SqlValue", "bind", "query_hash", "returns_rows", "split_statements"]

SqlValue = str | int | float | None

_TOKEN = re.compile(
    r"""(?P<skip>'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]
    |--[^\n]*|/\*.*?\*/|\$(?P<tag>[A-Za-z_]\w*|)\$.*?\$(?P=tag)\$)
    |(?P<cast>::)|(?P<end>;)
    |:(?P<name>[A-Za-z_]\w*)|\$(?P<number>[0-9]{1,5})(?!\w)|\?(?P<place>[0-9]{0,5})""",
    re.VERBOSE | re.DOTALL,
)
_COMMENT = re.compile(r"\s+|--[^\n]*(?:\n|\Z)|/\*.*?(?:\*/|\Z)", re.DOTALL)
_ROWS = re.compile(r"(SELECT|WITH|TABLE|VALUES|PRAGMA)\b", re.IGNORECASE)
_RETURNING = re.compile(r"\sRETURNING\s", re.IGNORECASE)


class SqlTextError(ValueError):
    """The text and its parameters do not fit."""


def split_statements(text: str) -> list[str]:
    """Return the statements between semicolons; comments alone are none."""
    found, start = [], 0
    for match in _TOKEN.finditer(text):
        if match["end"]:
            found.append(text[start : match.start()])
            start = match.end()
    found.append(text[start:])
    return [part.strip() for part in found if _without_comments(part)]


def _without_comments(text: str) -> str:
    """Return the text from its first word on."""
    at = 0
    while match := _COMMENT.match(text, at):
        if match.end() == at:
            break
        at = match.end()
    return text[at:]


def returns_rows(statement: str) -> bool:
    """Tell whether a statement is fetched from or only executed."""
    bare = _without_comments(statement)
    return _ROWS.match(bare) is not None or _RETURNING.search(bare) is not None


def bind(
    statement: str, params: Mapping[str, JsonValue] | Sequence[JsonValue], *, skips_unused: bool
) -> tuple[str, list[SqlValue]]:
    """Return the statement with `?` for every placeholder, and the values in their order.

    `skips_unused`: a statement of a script needs no parameter. Raises: SqlTextError.
    """
    if isinstance(params, Mapping):
        return _bind_names(statement, params)
    return _bind_places(statement, params, skips_unused)


def _bind_names(statement: str, params: Mapping[str, JsonValue]) -> tuple[str, list[SqlValue]]:
    parts: list[str] = []
    values: list[SqlValue] = []
    at = 0
    for match in _TOKEN.finditer(statement):
        name = match["name"]
        if name is None:
            continue
        if name not in params:
            raise SqlTextError(f'parameter "{name}" not found in params')
        parts += (statement[at : match.start()], "?")
        values.append(_value(params[name]))
        at = match.end()
    return "".join(parts) + statement[at:], values


def _bind_places(
    statement: str, params: Sequence[JsonValue], skips_unused: bool
) -> tuple[str, list[SqlValue]]:
    parts: list[str] = []
    order: list[int] = []
    at = plain = 0
    for match in _TOKEN.finditer(statement):
        number = match["number"] or match["place"]
        if number is None:
            continue
        if number == "":
            plain += 1
            number = str(plain)
        parts += (statement[at : match.start()], "?")
        order.append(int(number) - 1)
        at = match.end()
    used = len(set(order))
    if (used or not skips_unused) and (used != len(params) or set(order) != set(range(used))):
        raise SqlTextError(
            f"parameter count mismatch: the statement has {used}, params has {len(params)}"
        )
    return "".join(parts) + statement[at:], [_value(params[index]) for index in order]


def _value(value: JsonValue) -> SqlValue:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
        raise SqlTextError(f"parameter {str(value)[:40]} is out of range")
    return go_json(value) if isinstance(value, list | dict) else value


def query_hash(statement: str) -> str:
    """Return the 16 hex digits that name a statement in the log."""
    found = 0
    for char in statement:
        found = (found * 31 + ord(char)) & 0xFFFF_FFFF_FFFF_FFFF
    return f"{found:016x}"
