"""jq's functions of plain values (spec 13 section 7). Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from itertools import groupby
from typing import Any

from edge.core.jsontypes import JsonValue
from edge.workflow.jq_formats import as_bytes, as_text
from edge.workflow.jq_values import (
    JqError,
    compare,
    delete_paths,
    describe,
    key_of,
    set_in,
    show,
    sort_key,
    split_text,
    type_name,
)

__all__ = ["FUNCTIONS", "UNBUILT"]

#: functions of jq that this build has not
UNBUILT = frozenset(
    (
        "input inputs debug stderr input_filename input_line_number env getenv now mktime gmtime"
        " localtime strftime strptime strflocaltime todate fromdate date dateadd datesub"
        " fromdateiso8601 todateiso8601 fromstream tostream truncate_stream halt halt_error"
        " modulemeta builtins INDEX GROUP_BY IN significand drem ldexp scalb nearbyint trunc abs"
        " toarray pick skip ascii get_search_list"
    ).split()
)


def _need(value: Any, kind: str, what: str) -> Any:
    if type_name(value) != kind:
        raise JqError(f"{describe(value)} {what}")
    return value


def _length(value: Any) -> JsonValue:
    if value is None:
        return 0.0
    if isinstance(value, bool):
        raise JqError(f"{describe(value)} has no length")
    return abs(value) if isinstance(value, float) else float(len(value))


def _keys(value: Any) -> JsonValue:
    if isinstance(value, dict):
        return sorted(value)
    if isinstance(value, list):
        return [float(at) for at in range(len(value))]
    raise JqError(f"{describe(value)} has no keys")


def _has(value: Any, key: Any) -> bool:
    if isinstance(value, dict) and isinstance(key, str):
        return key in value
    if isinstance(value, list) and isinstance(key, float):
        return 0 <= key < len(value)
    raise JqError(f"cannot check whether {type_name(value)} has a {type_name(key)} key")


def _contains(a: Any, b: Any) -> bool:
    if isinstance(a, dict) and isinstance(b, dict):
        return all(key in a and _contains(a[key], item) for key, item in b.items())
    if isinstance(a, list) and isinstance(b, list):
        return all(any(_contains(one, item) for one in a) for item in b)
    if isinstance(a, str) and isinstance(b, str):
        return b in a
    if type_name(a) == type_name(b):
        return compare(a, b) == 0
    raise JqError(f"{describe(a)} and {describe(b)} cannot have their containment checked")


def _add(value: Any) -> JsonValue:
    from edge.workflow.jq_values import arithmetic

    items = list(value.values()) if isinstance(value, dict) else value
    _need(items, "array", "cannot be iterated over")
    if items and all(isinstance(item, str) for item in items):
        return "".join(items)
    total: JsonValue = None
    for item in items:
        total = arithmetic("+", total, item)
    return total


def _tonumber(value: Any) -> JsonValue:
    if isinstance(value, float):
        return value
    if isinstance(value, str) and re.fullmatch(
        r"\s*-?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?\s*", value, re.ASCII
    ):
        return float(value)
    raise JqError(f"{describe(value)} cannot be parsed as a number")


def _fromjson(value: Any) -> JsonValue:
    from edge.workflow.json_text import decode_json

    text = _need(value, "string", "cannot be parsed as JSON")
    try:
        return _floats(decode_json(text))
    except ValueError as exc:
        raise JqError(f"{describe(value)} cannot be parsed as JSON: {exc}") from None


def _floats(value: Any) -> JsonValue:
    if isinstance(value, list):
        return [_floats(item) for item in value]
    if isinstance(value, dict):
        return {key: _floats(item) for key, item in value.items()}
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _array(value: Any, what: str = "cannot be sorted, as it is not an array") -> list[Any]:
    found: list[Any] = _need(value, "array", what)
    return found


def _sorted_by(value: list[Any], keys: list[Any]) -> list[tuple[Any, Any]]:
    pairs = list(zip(keys, value, strict=True))
    return sorted(pairs, key=lambda pair: sort_key(pair[0]))


def _groups(value: Any, keys: Any) -> list[list[Any]]:
    pairs = _sorted_by(_array(value), keys)
    return [[item for _, item in group] for _, group in groupby(pairs, lambda pair: show(pair[0]))]


def _least(value: Any, keys: Any, sign: int) -> JsonValue:
    best: Any = None
    for pair in zip(keys, _array(value), strict=True):
        found = 0 if best is None else compare(pair[0], best[0]) * sign
        if best is None or found < 0 or (found == 0 and sign < 0):
            best = pair
    return None if best is None else best[1]


def _flatten(value: Any, depth: float = 1e9) -> JsonValue:
    if depth < 0:
        raise JqError("flatten depth must not be negative")
    found: list[Any] = []
    for item in _array(value, "cannot be flattened"):
        if isinstance(item, list) and depth > 0:
            found.extend(_flatten(item, depth - 1))  # type: ignore[arg-type]
        else:
            found.append(item)
    return found


def _join(value: Any, by: Any) -> JsonValue:
    items = _array(value, "cannot be joined")
    if not items:
        return ""
    _need(by, "string", "cannot be joined with")
    texts = []
    for item in items:
        if isinstance(item, list | dict):
            raise JqError(f"{describe(by)} and {describe(item)} cannot be added")
        texts.append("" if item is None else as_text(item))
    return str(by).join(texts)


def _indices(value: Any, part: Any) -> JsonValue:
    if value is None:
        return None
    if isinstance(value, str) and isinstance(part, str):
        found: list[JsonValue] = []
        at = value.find(part) if part else -1
        while at >= 0:
            found.append(float(at))
            at = value.find(part, at + 1)
        return found
    if isinstance(value, list) and not isinstance(part, list):
        return [float(at) for at, item in enumerate(value) if compare(item, part) == 0]
    return key_of(value, part)


def _one_index(value: Any, part: Any, at: int) -> JsonValue:
    found = _indices(value, part)
    return found[at] if isinstance(found, list) and found else None


def _pattern(pattern: Any, flags: Any) -> tuple[re.Pattern[str], bool]:
    text = _need(pattern, "string", "cannot be matched, as it is not a string")
    letters = "" if flags is None else _need(flags, "string", "is not a string of flags")
    found = 0
    for letter in letters:
        if letter not in "gimnpsxl":
            raise JqError(f"{letters} is not a valid modifier string")
        found |= {"i": re.I, "x": re.X, "s": re.S, "p": re.S}.get(letter, 0)
    try:
        return re.compile(re.sub(r"\(\?<(?=[A-Za-z_])", "(?P<", text), found), "g" in letters
    except (re.error, OverflowError, RecursionError) as exc:
        raise JqError(f"{text} (at offset 0) is not a valid regex: {exc}") from None


def _match(value: Any, pattern: Any, flags: Any) -> JsonValue:
    text = _need(value, "string", "cannot be matched, as it is not a string")
    if isinstance(pattern, list):
        pattern, flags = (*pattern, None)[:2]
    regex, is_global = _pattern(pattern, flags)
    names = {number: name for name, number in regex.groupindex.items()}
    found: list[JsonValue] = []
    for match in regex.finditer(text):
        captures: list[JsonValue] = [
            {
                "offset": float(match.start(number)),
                "length": float(len(match[number] or "")),
                "string": match[number],
                "name": names.get(number),
            }
            for number in range(1, regex.groups + 1)
        ]
        found.append(
            {
                "offset": float(match.start()),
                "length": float(len(match[0])),
                "string": match[0],
                "captures": captures,
            }
        )
        if not is_global:
            break
    return found


def _split(value: Any, by: Any, flags: Any) -> JsonValue:
    regex, _ = _pattern(by, flags)
    text = _need(value, "string", "cannot be split")
    found, at = [], 0
    for match in regex.finditer(text):
        found.append(text[at : match.start()])
        at = match.end()
    return [*found, text[at:]]


def _split_plain(value: Any, by: Any) -> JsonValue:
    if not isinstance(value, str) or not isinstance(by, str):
        raise JqError("split input and separator must be strings")
    return split_text(value, by)


def _text(function: Callable[[str], JsonValue], what: str) -> Callable[[Any], JsonValue]:
    return lambda value: function(_need(value, "string", what))


def _cut(value: Any, part: Any, at_end: bool) -> JsonValue:
    if not isinstance(value, str) or not isinstance(part, str):
        return value  # type: ignore[no-any-return]
    return value.removesuffix(part) if at_end else value.removeprefix(part)


def _number(function: Callable[[float], float]) -> Callable[[Any], JsonValue]:
    def call(value: Any) -> JsonValue:
        _need(value, "number", "number required")
        try:
            return float(function(value))
        except (ValueError, OverflowError):
            return value if not math.isfinite(value) else float("nan")

    return call


def _implode(value: Any) -> JsonValue:
    points = _array(value, "cannot be imploded")
    try:
        return "".join(chr(int(point)) for point in points)
    except (TypeError, ValueError, OverflowError):
        raise JqError("implode input must be an array of code points") from None


def _transpose(value: Any) -> JsonValue:
    rows = _array(value, "cannot be transposed")
    if not all(isinstance(row, list) for row in rows):
        raise JqError("only arrays of arrays can be transposed")
    width = max(map(len, rows), default=0)
    return [[row[at] if at < len(row) else None for row in rows] for at in range(width)]


def _pow(a: Any, b: Any) -> JsonValue:
    try:
        return float(math.pow(_need(a, "number", "number required"), b))
    except (ValueError, OverflowError, TypeError):
        return float("nan")


def _isvalid(test: Callable[[float], bool]) -> Callable[[Any], JsonValue]:
    return lambda value: test(_need(value, "number", "number required"))


FUNCTIONS: dict[tuple[str, int], Callable[..., Any]] = {
    ("not", 0): lambda value: value is None or value is False,
    ("length", 0): _length,
    ("utf8bytelength", 0): _text(
        lambda text: float(len(as_bytes(text))), "only strings have bytes"
    ),
    ("keys", 0): _keys,
    ("keys_unsorted", 0): _keys,
    ("has", 1): _has,
    ("contains", 1): _contains,
    ("add", 0): _add,
    ("type", 0): type_name,
    ("tostring", 0): as_text,
    ("tonumber", 0): _tonumber,
    ("tojson", 0): show,
    ("fromjson", 0): _fromjson,
    ("sort", 0): lambda value: sorted(_array(value), key=sort_key),
    ("_sort_by", 1): lambda value, keys: [item for _, item in _sorted_by(_array(value), keys)],
    ("_group_by", 1): _groups,
    ("_unique_by", 1): lambda value, keys: [group[0] for group in _groups(value, keys)],
    ("_min_by", 1): lambda value, keys: _least(value, keys, 1),
    ("_max_by", 1): lambda value, keys: _least(value, keys, -1),
    ("unique", 0): lambda value: [group[0] for group in _groups(value, value)],
    ("min", 0): lambda value: _least(value, value, 1),
    ("max", 0): lambda value: _least(value, value, -1),
    ("reverse", 0): lambda value: (
        value[::-1] if isinstance(value, str) else [] if value is None else _array(value)[::-1]
    ),
    ("flatten", 0): _flatten,
    ("flatten", 1): _flatten,
    ("join", 1): _join,
    ("indices", 1): _indices,
    ("index", 1): lambda value, part: _one_index(value, part, 0),
    ("rindex", 1): lambda value, part: _one_index(value, part, -1),
    ("transpose", 0): _transpose,
    ("setpath", 2): lambda value, path, new: set_in(value, tuple(_array(path, "is no path")), new),
    ("delpaths", 1): lambda value, paths: delete_paths(
        value, [tuple(_array(path, "is no path")) for path in _array(paths, "are no paths")]
    ),
    ("_match", 2): _match,
    ("test", 2): lambda value, pattern, flags: bool(_match(value, pattern, flags)),
    ("split", 1): _split_plain,
    ("split", 2): _split,
    ("startswith", 1): lambda value, part: _both(value, part, "startswith").startswith(part),
    ("endswith", 1): lambda value, part: _both(value, part, "endswith").endswith(part),
    ("ltrimstr", 1): lambda value, part: _cut(value, part, False),
    ("rtrimstr", 1): lambda value, part: _cut(value, part, True),
    ("trim", 0): _text(str.strip, "cannot be trimmed"),
    ("ltrim", 0): _text(str.lstrip, "cannot be trimmed"),
    ("rtrim", 0): _text(str.rstrip, "cannot be trimmed"),
    ("ascii_downcase", 0): _text(lambda text: _case(text, str.lower), "cannot be downcased"),
    ("ascii_upcase", 0): _text(lambda text: _case(text, str.upper), "cannot be upcased"),
    ("explode", 0): _text(lambda text: [float(ord(char)) for char in text], "cannot be exploded"),
    ("implode", 0): _implode,
    ("floor", 0): _number(math.floor),
    ("ceil", 0): _number(math.ceil),
    ("round", 0): _number(lambda value: math.floor(abs(value) + 0.5) * math.copysign(1, value)),
    ("sqrt", 0): _number(math.sqrt),
    ("fabs", 0): _number(abs),
    ("exp", 0): _number(math.exp),
    ("log", 0): _number(math.log),
    ("log2", 0): _number(math.log2),
    ("log10", 0): _number(math.log10),
    ("sin", 0): _number(math.sin),
    ("cos", 0): _number(math.cos),
    ("pow", 2): lambda value, a, b: _pow(a, b),
    ("infinite", 0): lambda value: float("inf"),
    ("nan", 0): lambda value: float("nan"),
    ("null", 0): lambda value: None,
    ("true", 0): lambda value: True,
    ("false", 0): lambda value: False,
    ("isinfinite", 0): _isvalid(math.isinf),
    ("isnan", 0): _isvalid(math.isnan),
    ("isnormal", 0): _isvalid(lambda value: math.isfinite(value) and abs(value) >= 2.3e-308),
}


def _both(value: Any, part: Any, name: str) -> str:
    if not isinstance(value, str) or not isinstance(part, str):
        raise JqError(f"{name}() requires string inputs")
    return value


def _case(text: str, change: Callable[[str], str]) -> str:
    return "".join(change(char) if char.isascii() else char for char in text)
