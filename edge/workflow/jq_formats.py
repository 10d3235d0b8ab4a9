"""jq's string formats: `@csv`, `@sh`, `@base64` and so on (spec 13 section 7). Pure."""

from __future__ import annotations

import base64
import urllib.parse
from collections.abc import Callable
from typing import Any

from edge.core.jsontypes import JsonValue
from edge.workflow.jq_values import JqError, describe, show

__all__ = ["as_bytes", "as_text", "format_text"]


def as_text(value: Any) -> str:
    """Return a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else show(value)


def as_bytes(text: str) -> bytes:
    """Return a text's UTF-8."""
    return text.encode("utf-8", "surrogateescape")


def _row(value: Any, cell: Callable[[Any], str], by: str) -> str:
    return by.join(map(cell, _list(value)))


def _csv_cell(value: Any) -> str:
    if isinstance(value, list | dict):
        raise JqError(f"{describe(value)} is not valid in a csv row")
    if isinstance(value, str):
        return '"' + value.replace('"', '""') + '"'
    return "" if value is None else show(value)


def _tsv_cell(value: Any) -> str:
    if isinstance(value, list | dict):
        raise JqError(f"{describe(value)} cannot be tsv-formatted")
    text = "" if value is None else as_text(value)
    for char, mark in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r")):
        text = text.replace(char, mark)
    return text


def _sh(value: Any) -> str:
    words = value if isinstance(value, list) else [value]
    shown = []
    for word in words:
        if isinstance(word, list | dict):
            raise JqError(f"{describe(word)} can not be escaped for shell")
        shown.append(
            "'" + word.replace("'", "'\\''") + "'" if isinstance(word, str) else show(word)
        )
    return " ".join(shown)


def _html(text: str) -> str:
    for char, mark in (
        ("&", "&amp;"),
        ("<", "&lt;"),
        (">", "&gt;"),
        ("'", "&#39;"),
        ('"', "&quot;"),
    ):
        text = text.replace(char, mark)
    return text


def _base64d(text: str) -> str:
    try:
        return base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4)).decode(
            "utf-8", "replace"
        )
    except ValueError:
        raise JqError(f"{describe(text)} is not valid base64 data") from None


_FORMATS: dict[str, Callable[[Any], str]] = {
    "@text": as_text,
    "@json": show,
    "@csv": lambda value: _row(value, _csv_cell, ","),
    "@tsv": lambda value: _row(value, _tsv_cell, "\t"),
    "@html": lambda value: _html(as_text(value)),
    "@uri": lambda value: urllib.parse.quote(as_bytes(as_text(value)), safe="-_.~"),
    "@sh": _sh,
    "@base64": lambda value: base64.b64encode(as_bytes(as_text(value))).decode(),
    "@base64d": lambda value: _base64d(as_text(value)),
}


def format_text(name: str, value: JsonValue) -> str:
    """Return a value in one of jq's formats. Raises: JqError."""
    function = _FORMATS.get(name)
    if function is None:
        raise JqError(f"{name[1:]} is not a valid format")
    return function(value)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise JqError(f"{describe(value)} cannot be formatted, only an array can be")
    return value
