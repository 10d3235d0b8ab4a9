"""jq's values: order, arithmetic, paths (spec 13 section 7). Pure."""

from __future__ import annotations

import math
from functools import cmp_to_key
from typing import Any

from edge.core.gojson import go_json
from edge.core.jsontypes import JsonValue

__all__ = [
    "JqError",
    "arithmetic",
    "compare",
    "delete_paths",
    "describe",
    "get_in",
    "key_of",
    "set_in",
    "show",
    "sort_key",
    "split_text",
    "type_name",
]

Path = tuple[JsonValue, ...]

_MAX_ITEMS = 1_000_000
_MAX_CHARS = 64 * 1024 * 1024
_MAX_SHOWN = 30


class JqError(Exception):
    """The filter failed while it ran; `value` is what `catch` sees."""

    def __init__(self, value: JsonValue) -> None:
        super().__init__(value if isinstance(value, str) else f"{show(value)} (not a string)")
        self.value = value


def show(value: JsonValue) -> str:
    """Return compact JSON."""
    try:
        return go_json(value, escape_html=False)
    except ValueError as exc:
        raise JqError(str(exc)) from None


def _brief(value: JsonValue) -> str:
    text = show(value)
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 3] + "..."


def type_name(value: JsonValue) -> str:
    """Return `null`, `boolean`, `number`, `string`, `array` or `object`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def describe(value: JsonValue) -> str:
    """Return a value as error texts name it: `number (5)`."""
    return f"{type_name(value)} ({_brief(value)})"


def _rank(value: JsonValue) -> int:
    if isinstance(value, bool):
        return 2 if value else 1
    names = ("null", "", "", "number", "string", "array", "object")
    return names.index(type_name(value))


def compare(a: Any, b: Any) -> int:
    """Return -1, 0 or 1 in jq's order of all values."""
    left, right = _rank(a), _rank(b)
    if left != right or left < 3:
        return (left > right) - (left < right)
    if left == 5:
        for one, other in zip(a, b, strict=False):
            if found := compare(one, other):
                return found
        return (len(a) > len(b)) - (len(a) < len(b))
    if left == 6:
        keys, others = sorted(a), sorted(b)
        if keys != others:
            return 1 if keys > others else -1
        return next((found for key in keys if (found := compare(a[key], b[key]))), 0)
    if left == 3 and math.isnan(a):
        # nan is below every number, itself included
        return -1
    return int(a > b) - int(a < b)


#: a key for `sorted`
sort_key = cmp_to_key(compare)


def arithmetic(sign: str, a: Any, b: Any) -> JsonValue:
    """Return `a <sign> b`. Raises: JqError."""
    kinds = type_name(a), type_name(b)
    result: Any = None
    if sign == "+" and "null" in kinds:
        return b if a is None else a  # type: ignore[no-any-return]
    if kinds == ("number", "number"):
        return _numbers(sign, a, b)
    match sign, kinds:
        case "+", ("string", "string") | ("array", "array"):
            result = a + b
        case "+", ("object", "object"):
            result = {**a, **b}
        case "-", ("array", "array"):
            result = [item for item in a if all(compare(item, other) for other in b)]
        case "*", ("object", "object"):
            result = _merged(a, b)
        case "*", ("string", "number") | ("number", "string"):
            text, count = (a, b) if kinds[0] == "string" else (b, a)
            if count <= 0 or math.isnan(count):
                return None
            if len(text) * count > _MAX_CHARS:
                raise JqError("the result is too large")
            result = text * max(int(count), 1)
        case "/", ("string", "string"):
            result = split_text(a, b)
        case _:
            words = {"+": "added", "-": "subtracted", "*": "multiplied"}.get(sign, "divided")
            raise JqError(f"{describe(a)} and {describe(b)} cannot be {words}")
    if isinstance(result, str | list) and len(result) > _MAX_CHARS:
        raise JqError("the result is too large")
    return result  # type: ignore[no-any-return]


def _numbers(sign: str, a: float, b: float) -> float:
    if sign in "/%" and (b == 0 or (sign == "%" and abs(b) < 1)):
        raise JqError(
            f"{describe(a)} and {describe(b)} cannot be divided because the divisor is zero"
        )
    if sign == "%":
        if not (math.isfinite(a) and math.isfinite(b)):
            return float("nan") if math.isnan(a) or math.isnan(b) else float(a)
        return float(math.fmod(int(a), int(b)))
    if sign == "+":
        return a + b
    if sign == "-":
        return a - b
    return a * b if sign == "*" else a / b


def split_text(text: str, by: str) -> list[JsonValue]:
    """Return the parts of a text."""
    if not text:
        return []
    return list(text.split(by)) if by else list(text)


def _merged(a: dict[str, JsonValue], b: dict[str, JsonValue]) -> dict[str, JsonValue]:
    found = dict(a)
    for key, value in b.items():
        old = found.get(key)
        both = isinstance(old, dict) and isinstance(value, dict)
        found[key] = _merged(old, value) if both else value  # type: ignore[arg-type]
    return found


def key_of(value: Any, key: Any) -> JsonValue:
    """Return `value[key]`; `key` may be a slice (an object of start and end). Raises: JqError."""
    if isinstance(key, dict):
        if value is None:
            return None
        if not isinstance(value, list | str):
            raise JqError(f"cannot index {type_name(value)} with object")
        start, end = _bounds(key, len(value))
        return value[start:end]
    if value is None and (key is None or isinstance(key, str | float)):
        return None
    if isinstance(value, dict) and isinstance(key, str):
        return value.get(key)
    if isinstance(value, list) and isinstance(key, float):
        if math.isnan(key):
            return None
        at = math.floor(key) if abs(key) < 1 << 53 else len(value)
        return value[at] if -len(value) <= at < len(value) else None
    if isinstance(value, list) and isinstance(key, list):
        size = len(key)
        return [
            float(at)
            for at in range(len(value) - size + 1)
            if size and value[at : at + size] == key
        ]
    named = f'"{key}"' if isinstance(key, str) else type_name(key)
    raise JqError(f"cannot index {type_name(value)} with {named}")


def _bounds(key: dict[str, Any], length: int) -> tuple[int, int]:
    found = []
    for name, default in (("start", 0), ("end", length)):
        edge = key.get(name)
        if edge is not None and not isinstance(edge, float):
            raise JqError("start and end of a slice must be numbers")
        if edge is None or math.isnan(edge):
            found.append(default)
            continue
        edge = max(min(edge, 1e15), -1e15)
        at = math.floor(edge) if name == "start" else math.ceil(edge)
        found.append(min(max(at + length if at < 0 else at, 0), length))
    return found[0], max(found[0], found[1])


def get_in(value: JsonValue, path: Path) -> JsonValue:
    """Return what a path leads to; null beyond a null."""
    for key in path:
        if value is None:
            return None
        value = key_of(value, key)
    return value


def set_in(value: Any, path: Path, new: JsonValue) -> JsonValue:
    """Return a value with another one at a path; what is missing on the way is made."""
    if not path:
        return new
    key, rest = path[0], path[1:]
    inner = set_in(None if value is None else key_of(value, key), rest, new)
    if isinstance(key, dict):
        if value is not None and not isinstance(value, list):
            raise JqError("a slice of a string cannot be changed")
        if not isinstance(inner, list):
            raise JqError("a slice of an array can only be assigned another array")
        old = value or []
        start, end = _bounds(key, len(old))
        return [*old[:start], *inner, *old[end:]]
    if isinstance(key, str):
        return {**(value or {}), key: inner}
    if isinstance(key, float):
        return _set_item(list(value or []), key, inner)
    raise JqError(f"invalid path component: {type_name(key)}")


def _set_item(items: list[JsonValue], key: float, new: JsonValue) -> list[JsonValue]:
    if math.isnan(key) or abs(key) > _MAX_ITEMS:
        raise JqError("array index too large")
    at = math.floor(key)
    if at < 0:
        at += len(items)
        if at < 0:
            raise JqError("out of bounds negative array index")
    if at >= len(items):
        items.extend([None] * (at + 1 - len(items)))
    items[at] = new
    return items


def delete_paths(value: JsonValue, paths: list[Path]) -> JsonValue:
    """Return a value without what the paths lead to."""
    for path in sorted(paths, key=lambda path: sort_key(list(path)), reverse=True):
        value = _delete(value, path)
    return value


def _delete(value: Any, path: Path) -> JsonValue:
    if value is None or not path:
        return None
    key = path[0]
    if len(path) > 1:
        inner = key_of(value, key)
        return value if inner is None else set_in(value, (key,), _delete(inner, path[1:]))
    key_of(value, key)
    if isinstance(key, dict):
        start, end = _bounds(key, len(value))
        return value[:start] + value[end:]  # type: ignore[no-any-return]
    if isinstance(value, dict):
        return {name: item for name, item in value.items() if name != key}
    assert isinstance(key, float)
    at = math.floor(key)
    at += len(value) if at < 0 else 0
    return [item for index, item in enumerate(value) if index != at]
