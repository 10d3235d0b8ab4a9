"""Quotes in field texts, as far as the resolver must know them (spec 11 sections 7.2, 7.4)."""

from __future__ import annotations

import re

__all__ = ["json_escaped", "quoted_heredocs", "quoted_spans"]


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


_HEREDOC = r"<<-?[ \t]*(?:'([^'\n]+)'|\"([^\"\n]+)\"|\\([A-Za-z_][A-Za-z0-9_]*))"


def quoted_heredocs(text: str) -> list[tuple[int, int]]:
    """Return the (start, end) places of here-document bodies that the shell does not read."""
    spans: list[tuple[int, int]] = []
    if "<<" not in text:
        return spans
    for match in re.finditer(_HEREDOC, text):
        start = text.find("\n", match.end())
        if start < 0 or (spans and match.start() < spans[-1][1]):
            continue
        word = match[1] or match[2] or match[3]
        end = re.compile(rf"^\t*{re.escape(word)}$", re.MULTILINE).search(text, start + 1)
        spans.append((start, len(text) if end is None else end.start()))
    return spans


def json_escaped(value: str) -> str:
    """Return a value as it stands inside a JSON string."""
    if not re.search('["\\\\\x00-\x1f\x7f]', value):
        return value
    import json

    return json.dumps(value, ensure_ascii=False)[1:-1].replace("\x7f", "\\u007f")
