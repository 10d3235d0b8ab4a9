"""The less common functions of slim-sprig for Go templates (spec 13 section 11)."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
import urllib.parse
import zlib
from collections.abc import Callable, Mapping

from edge.core.gojson import go_json
from edge.core.jsontypes import JsonValue
from edge.workflow.gotemplate_lists import identity
from edge.workflow.gotemplate_numbers import float_of, integer_of
from edge.workflow.gotemplate_values import (
    FunctionError,
    go_kind,
    go_type,
    is_true,
    list_of,
    map_of,
    number_of,
    pattern_of,
    shown,
    text_of,
)

__all__ = ["SPRIG_FUNCTIONS"]

_Function = Callable[..., JsonValue]


def _bytes(value: JsonValue) -> bytes:
    return text_of(value).encode("utf-8", "surrogatepass")


def _b32dec(value: JsonValue) -> str:
    try:
        return base64.b32decode(text_of(value)).decode("utf-8", "replace")
    except ValueError as exc:
        # slim-sprig returns the text of the error
        return f"illegal base32 data: {exc}"


def _chunk(size: JsonValue, value: JsonValue) -> list[JsonValue]:
    width, items = number_of(size), list_of(value)
    if width <= 0:
        raise FunctionError("the size of a chunk must be positive")
    return [items[at : at + width] for at in range(0, len(items), width)]


def _dig(*args: JsonValue) -> JsonValue:
    """Return what stands under the keys, else the default: keys..., default, map."""
    if len(args) < 3:
        raise FunctionError(f"dig needs at least three arguments, got {len(args)}")
    *keys, default, value = args
    for key in keys:
        found = map_of(value)
        if text_of(key) not in found:
            return default
        value = found[text_of(key)]
    return value


def _unset(value: JsonValue, key: JsonValue) -> JsonValue:
    found = map_of(value)
    assert isinstance(found, dict)
    found.pop(text_of(key), None)
    return found


def _pluck(key: JsonValue, *maps: JsonValue) -> list[JsonValue]:
    name = text_of(key)
    return [found[name] for found in map(map_of, maps) if name in found]


def _plural(one: JsonValue, many: JsonValue, count: JsonValue) -> str:
    return text_of(one if number_of(count) == 1 else many)


def _round(value: JsonValue, places: JsonValue, limit: JsonValue = 0.5) -> float:
    """Round half away from zero, at `limit`."""
    factor = 10.0 ** min(max(number_of(places), -300), 300)
    scaled = float_of(value) * factor
    fraction, whole = math.modf(scaled)
    if abs(fraction) >= float_of(limit):
        whole += math.copysign(1, scaled)
    return whole / factor


def _to_decimal(value: JsonValue) -> int:
    """Return a number that is written in octal."""
    text = shown(value)
    return int(text, 8) if re.fullmatch(r"[0-7]{1,21}", text, re.ASCII) else 0


def _splitn(separator: JsonValue, count: JsonValue, value: JsonValue) -> JsonValue:
    mark, most, text = text_of(separator), number_of(count), text_of(value)
    if most == 0:
        return {}
    if mark:
        parts = text.split(mark, most - 1 if most > 0 else -1)
    else:
        parts = list(text) if most < 0 else [*text[: most - 1], text[most - 1 :]]
    return {f"_{index}": part for index, part in enumerate(parts)}


def _find_all(pattern: JsonValue, value: JsonValue, count: JsonValue) -> list[JsonValue]:
    most = number_of(count)
    found: list[JsonValue] = []
    for match in pattern_of(pattern).finditer(text_of(value)):
        if 0 <= most <= len(found):
            break
        found.append(match.group())
    return found


def _regex_split(pattern: JsonValue, value: JsonValue, count: JsonValue) -> list[JsonValue]:
    most, text = number_of(count), text_of(value)
    if most == 0:
        return []
    parts: list[JsonValue] = []
    start = 0
    for match in pattern_of(pattern).finditer(text):
        if 0 < most <= len(parts) + 1:
            break
        # Go makes no empty part before the first character
        if match.end() == 0 or match.start() == match.end() == len(text):
            continue
        parts.append(text[start : match.start()])
        start = match.end()
    return [*parts, text[start:]]


def _replace_literal(pattern: JsonValue, value: JsonValue, put: JsonValue) -> str:
    literal = text_of(put)
    return pattern_of(pattern).sub(lambda _: literal, text_of(value))


def _quote_meta(value: JsonValue) -> str:
    return re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", text_of(value))


def _url_parse(value: JsonValue) -> JsonValue:
    try:
        parts = urllib.parse.urlsplit(text_of(value))
        host = parts.netloc.rpartition("@")[2]
        return {
            **{"scheme": parts.scheme, "host": host, "hostname": parts.hostname or ""},
            **{"path": urllib.parse.unquote(parts.path) if host else parts.path},
            **{"query": parts.query, "opaque": "", "fragment": parts.fragment},
            "userinfo": parts.netloc.rpartition("@")[0],
        }
    except ValueError as exc:
        raise FunctionError(f"unable to parse url: {exc}") from None


def _url_join(value: JsonValue) -> str:
    found = map_of(value)

    def part(key: str) -> str:
        return text_of(found.get(key, ""))

    user = part("userinfo")
    place = f"{user}@{part('host')}" if user else part("host")
    path = urllib.parse.quote(part("path"), safe="/:@!$&'()*+,;=~")
    return urllib.parse.urlunsplit((part("scheme"), place, path, part("query"), part("fragment")))


def _raw_json(value: JsonValue) -> str:
    try:
        return go_json(value, escape_html=False)
    except ValueError as exc:
        raise FunctionError(str(exc)) from None


def _must_from_json(value: JsonValue) -> JsonValue:
    try:
        parsed: JsonValue = json.loads(text_of(value))
    except (ValueError, RecursionError) as exc:
        raise FunctionError(str(exc)) from None
    return parsed


def _is_type(wanted: JsonValue, value: JsonValue) -> bool:
    return text_of(wanted) == go_type(value)


SPRIG_FUNCTIONS: Mapping[str, _Function] = {
    "hello": lambda: "Hello!",
    "add1": lambda value: integer_of(value) + 1,
    "ceil": lambda value: float(math.ceil(float_of(value))),
    "floor": lambda value: float(math.floor(float_of(value))),
    "round": _round,
    "maxf": lambda first, *others: max(map(float_of, (first, *others))),
    "minf": lambda first, *others: min(map(float_of, (first, *others))),
    "toDecimal": _to_decimal,
    "adler32sum": lambda value: str(zlib.adler32(_bytes(value))),
    "sha1sum": lambda value: hashlib.sha1(_bytes(value), usedforsecurity=False).hexdigest(),
    "b32enc": lambda value: base64.b32encode(_bytes(value)).decode(),
    "b32dec": _b32dec,
    "all": lambda *values: all(map(is_true, values)),
    "any": lambda *values: any(map(is_true, values)),
    "compact": lambda value: [item for item in list_of(value) if is_true(item)],
    "chunk": _chunk,
    "deepEqual": lambda first, second: identity(first) == identity(second),
    "dig": _dig,
    "unset": _unset,
    "pluck": _pluck,
    "plural": _plural,
    "isAbs": lambda value: text_of(value).startswith("/"),
    "kindIs": lambda kind, value: text_of(kind) == go_kind(value),
    "typeIs": _is_type,
    "typeIsLike": lambda kind, value: _is_type(text_of(kind).removeprefix("*"), value),
    "typeOf": go_type,
    "regexFindAll": _find_all,
    "regexQuoteMeta": _quote_meta,
    "regexReplaceAllLiteral": _replace_literal,
    "regexSplit": _regex_split,
    "splitn": _splitn,
    "toRawJson": _raw_json,
    "toStrings": lambda value: [shown(item) for item in list_of(value)],
    "urlJoin": _url_join,
    "urlParse": _url_parse,
    "mustFromJson": _must_from_json,
}
