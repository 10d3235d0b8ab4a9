"""Lists and maps of Go templates (spec 13 section 11)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from edge.core.jsontypes import JsonValue
from edge.workflow.gotemplate_values import (
    FunctionError,
    check_count,
    go_kind,
    go_print,
    go_quote,
    list_of,
    map_of,
    number_of,
    shown,
    text_of,
)

__all__ = ["LIST_FUNCTIONS", "identity"]

_Function = Callable[..., JsonValue]


def _len(value: JsonValue) -> int:
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogatepass"))
    if isinstance(value, Mapping | list):
        return len(value)
    raise FunctionError(
        f"len of type {go_kind(value)}" if value is not None else "len of nil pointer"
    )


def _count(value: JsonValue) -> int:
    return 0 if value is None else _len(value)


def _index(value: JsonValue, *keys: JsonValue) -> JsonValue:
    for key in keys:
        if value is None:
            raise FunctionError("index of nil pointer")
        if isinstance(value, Mapping):
            value = value.get(text_of(key))
            continue
        if isinstance(value, str):
            place = _place(key, _len(value))
            value = value.encode("utf-8", "surrogatepass")[place]
        elif isinstance(value, list):
            value = value[_place(key, len(value))]
        else:
            raise FunctionError(f"can't index item of type {go_kind(value)}")
    return value


def _place(key: JsonValue, length: int) -> int:
    if isinstance(key, bool) or not isinstance(key, int):
        raise FunctionError(f"cannot index slice/array with type {go_kind(key)}")
    if not 0 <= key < length:
        raise FunctionError(f"index out of range: {key}")
    return key


def _slice(value: JsonValue, *places: JsonValue) -> JsonValue:
    if value is None:
        raise FunctionError("slice of untyped nil")
    if not isinstance(value, str | list):
        raise FunctionError(f"can't slice item of type {go_kind(value)}")
    if len(places) > 2:
        raise FunctionError(f"too many slice indexes: {len(places)}")
    numbers = [number_of(place) for place in places]
    start = numbers[0] if numbers else 0
    end = numbers[1] if len(numbers) > 1 else len(value)
    if not 0 <= start <= end <= len(value):
        odd = start if not 0 <= start <= len(value) else end
        raise FunctionError(f"index out of range: {odd}")
    return value[start:end]


def _split(separator: JsonValue, value: JsonValue) -> list[JsonValue]:
    mark, text = text_of(separator), text_of(value)
    return list(text.split(mark)) if mark else list(text)


def _join(separator: JsonValue, value: JsonValue) -> str:
    if value is None:
        return ""
    if not isinstance(value, list):
        raise FunctionError(f"join: unsupported type {go_kind(value)}")
    return text_of(separator).join(shown(item) for item in value if item is not None)


def _dict(*args: JsonValue) -> JsonValue:
    made: dict[str, JsonValue] = {}
    for index in range(0, len(args), 2):
        made[shown(args[index])] = args[index + 1] if index + 1 < len(args) else ""
    return made


def _get(value: JsonValue, key: JsonValue) -> JsonValue:
    return map_of(value).get(text_of(key), "")


def _set(value: JsonValue, key: JsonValue, item: JsonValue) -> JsonValue:
    # changes the map itself, as in Go; the caller's data was copied for it
    found = map_of(value)
    assert isinstance(found, dict)
    found[text_of(key)] = item
    return found


def _keys(*maps: JsonValue) -> list[JsonValue]:
    return [key for value in maps for key in sorted(map_of(value))]


def _values(value: JsonValue) -> list[JsonValue]:
    found = map_of(value)
    return [found[key] for key in sorted(found)]


def _pick(value: JsonValue, *keys: JsonValue) -> JsonValue:
    found = map_of(value)
    return {name: found[name] for name in map(text_of, keys) if name in found}


def _omit(value: JsonValue, *keys: JsonValue) -> JsonValue:
    left = dict(map_of(value))
    for key in keys:
        left.pop(text_of(key), None)
    return left


def _concat(*lists: JsonValue) -> list[JsonValue]:
    check_count(sum(len(list_of(value)) for value in lists))
    return [item for value in lists for item in list_of(value)]


def _uniq(value: JsonValue) -> list[JsonValue]:
    found: dict[str, JsonValue] = {}
    for item in list_of(value):
        found.setdefault(identity(item), item)
    return list(found.values())


def identity(value: JsonValue) -> str:
    """Return a text that is the same for equal values of the same type."""
    if isinstance(value, Mapping):
        return "{" + ",".join(go_quote(k) + identity(value[k]) for k in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(identity(item) for item in value) + "]"
    return go_quote(value) if isinstance(value, str) else f"{go_kind(value)} {go_print(value)}"


def _has(item: JsonValue, value: JsonValue) -> bool:
    wanted = identity(item)
    return value is not None and any(identity(other) == wanted for other in list_of(value))


def _without(value: JsonValue, *items: JsonValue) -> list[JsonValue]:
    refused = {identity(item) for item in items}
    return [item for item in list_of(value) if identity(item) not in refused]


def _sort_alpha(value: JsonValue) -> list[JsonValue]:
    items = list_of(value) if isinstance(value, list) else [value]
    return [*sorted(shown(item) for item in items)]


LIST_FUNCTIONS: Mapping[str, _Function] = {
    "len": _len,
    "count": _count,
    "index": _index,
    "slice": _slice,
    "split": _split,
    "join": _join,
    "list": lambda *items: list(items),
    "dict": _dict,
    "get": _get,
    "set": _set,
    "hasKey": lambda value, key: text_of(key) in map_of(value),
    "keys": _keys,
    "values": _values,
    "pick": _pick,
    "omit": _omit,
    "first": lambda value: next(iter(list_of(value)), None),
    "last": lambda value: next(reversed(list_of(value)), None),
    "rest": lambda value: list_of(value)[1:],
    "initial": lambda value: list_of(value)[:-1],
    "append": lambda value, item: [*list_of(value), item],
    "prepend": lambda value, item: [item, *list_of(value)],
    "concat": _concat,
    "uniq": _uniq,
    "has": _has,
    "without": _without,
    "reverse": lambda value: list_of(value)[::-1],
    "sortAlpha": _sort_alpha,
}
