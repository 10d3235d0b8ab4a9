"""JSON as Go's encoder writes it (spec 13 section 1.5)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from decimal import Decimal

from edge.core.jsontypes import JsonValue

__all__ = ["GoRecord", "go_json"]

_HTML = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})
_LINES = str.maketrans({"\u2028": "\\u2028", "\u2029": "\\u2029"})


class GoRecord(dict[str, JsonValue]):
    """An object whose members are written in the order they were put in, as a Go struct's."""


def go_json(value: JsonValue, *, indent: str = "", escape_html: bool = True) -> str:
    """Return the text: map keys sorted, non-ASCII kept, floats in their shortest form.

    `indent` is that of one level; "" = one line without blanks. Raises: ValueError for a number
    that JSON does not have, and for too deep nesting.
    """
    parts: list[str] = []
    try:
        _write(value, indent, "\n", escape_html, parts)
    except RecursionError:
        raise ValueError("json: nested too deeply") from None
    return "".join(parts)


def _write(value: JsonValue, indent: str, line: str, escape: bool, parts: list[str]) -> None:
    if isinstance(value, Mapping):
        keys = value if isinstance(value, GoRecord) else sorted(value)
        _write_items(
            [(_text(key, escape) + (": " if indent else ":"), value[key]) for key in keys],
            *("{", "}", indent, line, escape, parts),
        )
    elif isinstance(value, list | tuple):
        _write_items([("", item) for item in value], *("[", "]", indent, line, escape, parts))
    elif isinstance(value, str):
        parts.append(_text(value, escape))
    elif isinstance(value, float):
        parts.append(_number(value))
    else:
        parts.append(json.dumps(value))


def _write_items(
    items: list[tuple[str, JsonValue]],
    start: str,
    end: str,
    indent: str,
    line: str,
    escape: bool,
    parts: list[str],
) -> None:
    parts.append(start)
    inner = line + indent if indent else ""
    for index, (prefix, item) in enumerate(items):
        parts.append(("," if index else "") + inner + prefix)
        _write(item, indent, line + indent, escape, parts)
    parts.append((line if indent and items else "") + end)


def _text(text: str, escape: bool) -> str:
    # a lone surrogate has no UTF-8 form; Go writes the replacement character
    clean = text.encode("utf-8", "replace").decode() if _has_surrogate(text) else text
    quoted = json.dumps(clean, ensure_ascii=False).translate(_LINES)
    return quoted.translate(_HTML) if escape else quoted


def _has_surrogate(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text)


def _number(value: float) -> str:
    if not math.isfinite(value):
        raise ValueError(f"json: unsupported value: {value}")
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    if 1e-6 <= abs(value) < 1e21:
        # the shortest digits that read back, without an exponent
        return format(Decimal(repr(value)), "f").removesuffix(".0")
    mantissa, _, exponent = repr(value).partition("e")
    return f"{mantissa}e{exponent[0]}{exponent[1:].lstrip('0')}"
