"""The grammar of parameters given as text (spec 10 section 9, spec 11 section 5).

A caller's words and a declaration's text share it: blanks separate tokens, a token is `name=value`
or `value`, and a value may be `"quoted"` (backslash escapes) or in backticks, which stay text. A
text that is a JSON object or array is taken as such.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edge.core.jsontypes import JsonValue
from edge.workflow.param_values import value_text

__all__ = [
    "ParamOverrides",
    "declared_tokens",
    "parse_override_text",
    "parse_overrides",
    "quoted",
]

_ENTRY = re.compile(r"([^\s=\"'`{}\[\]]+)=", re.ASCII)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}
_ESCAPES = str.maketrans(
    {"\\": "\\\\", '"': '\\"'} | {char: f"\\{letter}" for letter, char in _ESCAPED.items()}
)


@dataclass(frozen=True, slots=True)
class ParamOverrides:
    """What the caller gave: (name or "", value) in order."""

    items: tuple[tuple[str, str], ...] = ()
    #: the caller's JSON text when that is what was given
    json_text: str = ""

    @property
    def positional_count(self) -> int:
        return sum(not name for name, _ in self.items)


def parse_overrides(words: Sequence[str]) -> ParamOverrides:
    """Read the words after `--`: one parameter each, or one word of JSON."""
    if len(words) == 1:
        found = _json_overrides(words[0])
        if found is not None:
            return found
    items = []
    for word in words:
        match = _ENTRY.match(word)
        if match is None:
            items.append(("", _unquoted(word)))
        else:
            items.append((match[1], _unquoted(word[match.end() :])))
    return ParamOverrides(tuple(items))


def parse_override_text(text: str) -> ParamOverrides:
    """Read the text of `-p`, of a form field or of the API: tokens, or JSON."""
    found = _json_overrides(text)
    return ParamOverrides(tuple(_tokens(text))) if found is None else found


def quoted(text: str) -> str:
    """Return a value as a token that reads back: `"two\\nlines"`."""
    return f'"{text.translate(_ESCAPES)}"'


def declared_tokens(text: str) -> list[tuple[str, str]]:
    """Return the (name or "", value) pairs of a declaration given as text."""
    return list(parse_override_text(text).items)


def _tokens(text: str) -> Iterable[tuple[str, str]]:
    at, end = 0, len(text)
    while True:
        while at < end and text[at].isspace():
            at += 1
        if at >= end:
            return
        name = ""
        match = _ENTRY.match(text, at)
        if match is not None:
            name = match[1]
            at = match.end()
        stop = _token_end(text, at)
        yield name, _unquoted(text[at:stop])
        at = stop


def _token_end(text: str, at: int) -> int:
    quote = text[at : at + 1]
    if quote in ('"', "`") and quote:
        close = at + 1
        while close < len(text) and text[close] != quote:
            close += 2 if text[close] == "\\" and quote == '"' else 1
        if close < len(text):
            return close + 1
    while at < len(text) and not text[at].isspace():
        at += 1
    return at


def _unquoted(text: str) -> str:
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    return re.sub(
        r"\\(.)", lambda match: _ESCAPED.get(match[1], match[1]), text[1:-1], flags=re.DOTALL
    )


def _json_overrides(text: str) -> ParamOverrides | None:
    """Return the pairs of a JSON object or array; None when the text is not one.

    In an array, objects are named and everything else is positional. A null is no value.
    """
    body = text.strip()
    if not body or body[0] + body[-1] not in ("{}", "[]"):
        return None
    import json

    try:
        data: JsonValue = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None
    items: list[tuple[str, str]] = []
    for entry in data if isinstance(data, list) else [data]:
        if isinstance(entry, dict):
            items.extend(
                (name, value_text(value)) for name, value in entry.items() if value is not None
            )
        elif entry is not None:
            items.append(("", value_text(entry)))
    return ParamOverrides(tuple(items), body)


def _refuse_constant(word: str) -> None:
    """`NaN` and `Infinity` are Python's idea, not JSON."""
    raise ValueError(word)
