"""Quotes in field texts, as far as the resolver must know them (spec 11 sections 7.2, 7.4)."""

from __future__ import annotations

import re
from bisect import bisect_right

__all__ = ["is_within", "json_escaped", "quoted_spans"]


def quoted_spans(text: str) -> list[tuple[int, int]]:
    """Return the (open, close) places of single quotes that form spans (section 7.2)."""
    quotes = []
    at = text.find("'")
    while at >= 0:
        slashes = at
        while slashes > 0 and text[slashes - 1] == "\\":
            slashes -= 1
        if (at - slashes) % 2 == 0:
            quotes.append(at)
        at = text.find("'", at + 1)
    spans = []
    opened = -1
    for quote in quotes:
        if opened >= 0:
            spans.append((opened, quote))
            opened = -1
        elif quote == 0 or text[quote - 1] not in "$}":
            opened = quote
    return spans


def is_within(spans: list[tuple[int, int]], position: int) -> bool:
    """Return whether a place is inside one of the spans."""
    index = bisect_right(spans, (position, position)) - 1
    return index >= 0 and spans[index][0] < position < spans[index][1]


def json_escaped(value: str) -> str:
    """Return a value as it stands inside a JSON string."""
    if not re.search('["\\\\\x00-\x1f\x7f]', value):
        return value
    import json

    return json.dumps(value, ensure_ascii=False)[1:-1].replace("\x7f", "\\u007f")
