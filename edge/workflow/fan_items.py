"""Items of `parallel` given as text (spec 11 section 8.7, spec 12 section 12)."""

from __future__ import annotations

import re

from edge.core.gojson import go_json
from edge.core.jsontypes import JsonValue
from edge.workflow.json_text import decode_json

__all__ = ["MAX_ITEMS", "split_items"]

#: items of one fan-out or loop
MAX_ITEMS = 1000

_SEPARATORS = "\t|;,"
#: a double quote at an edge or next to a blank
_HAS_QUOTES = re.compile(r'\A"|"\Z|\s"|"\s')
_GROUP = re.compile(r'"([^"]*)"|([^\s"]+)')


def split_items(text: str) -> list[str]:
    """Return the items of a text: a JSON array, one JSON object, or tokens; empty ones are dropped.

    Stops a little after `MAX_ITEMS`: the caller refuses more.
    """
    text = text.strip()
    if text[:1] in ("[", "{"):
        try:
            value = decode_json(text)
            if isinstance(value, list):
                found = [_item(entry) for entry in value[: MAX_ITEMS + 1]]
                return [item for item in found if item]
            if isinstance(value, dict):
                return [_item(value)]
        except ValueError:
            pass
    return [token for token in map(str.strip, _tokens(text)) if token][: MAX_ITEMS + 1]


def _item(value: JsonValue) -> str:
    return value if isinstance(value, str) else go_json(value, escape_html=False)


def _tokens(text: str) -> list[str]:
    if "\n" in text or "\r" in text:
        return text.splitlines()
    if _HAS_QUOTES.search(text):
        return [match[1] if match[1] is not None else match[2] for match in _GROUP.finditer(text)]
    # `max` keeps the first of equals
    most = max(_SEPARATORS, key=text.count)
    return text.split(most if most in text else None)
