"""Decoded JSON as the text that a reference inserts (spec 11 sections 2, 8.6 and 8.7)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from edge.core.jsontypes import JsonValue
from edge.workflow.nodes import decimal_text, go_float

__all__ = [
    "compact",
    "decode_json",
    "foreach_values",
    "insertion_text",
    "legacy_text",
]

# not U+DC80 to U+DCFF: they stand for single bytes of a text that is no UTF-8
_SURROGATE = re.compile("[\ud800-\udc7f\udd00-\udfff]")


def decode_json(text: str) -> JsonValue:
    """Return the value of a JSON text. Raises: ValueError, for too deep nesting as well."""
    import json

    try:
        value: JsonValue = json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value


def _refuse(word: str) -> JsonValue:
    raise ValueError(f"invalid value {word}")


def _finite(text: str) -> float:
    value = float(text)
    if value - value != 0:
        raise ValueError(f"number {text} is out of range")
    return value


def compact(value: JsonValue) -> str:
    """Return compact JSON with sorted keys. Raises: ValueError for too deep nesting."""
    import json

    try:
        text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return _SURROGATE.sub("\ufffd", text)


def insertion_text(value: JsonValue) -> str:
    """Return what a strict reference to an item or a field of one inserts."""
    if isinstance(value, float):
        return decimal_text(value)
    return _scalar(value)


def legacy_text(value: JsonValue) -> str:
    """Return what a JSON-path reference inserts: numbers as Go prints floats (section 8.6)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _scalar(value)
    try:
        return go_float(float(value))
    except OverflowError:
        return go_float(float("inf") if value > 0 else float("-inf"))


def _scalar(value: JsonValue) -> str:
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    return compact(value)


def foreach_values(name: str, item: JsonValue, index: int, key: str | None) -> Mapping[str, str]:
    """Return what `${foreach...}` reads for one item, `name` being the foreach's `as`.

    `key` None = not known yet (while the key itself is resolved).
    """
    values = {"index": str(index), name: insertion_text(item)}
    if key is not None:
        values["key"] = key
    if isinstance(item, dict):
        for field, value in item.items():
            values[f"{name}.{field}"] = insertion_text(value)
    return values
