"""Paths into JSON values, in jq's spelling (spec 11 sections 8.5 and 8.6).

The part of jq that workflows use for this: `.a`, `.a.b`, `[n]`, `.[n]`, `.["k"]`, `."k"`. No
library: the Python bindings of jq have no wheels for 32-bit ARM, and these paths need a page.
Anything else is a `PathError`; a reference with such a path stays text.
"""

from __future__ import annotations

import re
from functools import lru_cache

from edge.core.jsontypes import JsonValue

__all__ = ["PathError", "select"]

_STRING = r'"(?:[^"\\]|\\.)*"'
_SEGMENT = re.compile(
    rf"\s*(?:\.\s*)?\[\s*(?:(?P<index>-?[0-9]{{1,9}})|(?P<key>{_STRING}))\s*\]"
    rf"|\s*\.(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)|\s*(?P<quoted>{_STRING}))",
    re.ASCII | re.DOTALL,
)


class PathError(ValueError):
    """The path is no supported one, or does not fit the value. Never quotes the value."""


def select(value: JsonValue, path: str) -> JsonValue:
    """Return what a path that starts with a dot leads to; a missing key or index is null.

    Raises: PathError.
    """
    for step in _parse(path):
        if value is None:
            continue
        if isinstance(step, str):
            if not isinstance(value, dict):
                raise PathError(f"expected an object but got: {_kind(value)}")
            value = value.get(step)
        elif not isinstance(value, list):
            raise PathError(f"expected an array but got: {_kind(value)}")
        else:
            value = value[step] if -len(value) <= step < len(value) else None
    return value


@lru_cache(maxsize=256)
def _parse(path: str) -> tuple[str | int, ...]:
    text = path.strip()
    if not text.startswith("."):
        raise PathError("a path must start with a dot")
    if text == ".":
        return ()
    steps: list[str | int] = []
    at = 0
    while at < len(text):
        match = _SEGMENT.match(text, at)
        if match is None:
            raise PathError("not a path of keys and indexes")
        if match["index"] is not None:
            steps.append(int(match["index"]))
        else:
            steps.append(match["name"] or _unquoted(match["key"] or match["quoted"]))
        at = match.end()
    return tuple(steps)


def _unquoted(text: str) -> str:
    import json

    try:
        key: str = json.loads(text)
    except ValueError:
        raise PathError("not a path of keys and indexes") from None
    return key


def _kind(value: JsonValue) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"
