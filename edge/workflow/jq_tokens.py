"""The words of jq's language (spec 13 section 7). Pure."""

from __future__ import annotations

import json
import re
from typing import TypeAlias

__all__ = ["Interpolation", "JqSyntaxError", "Token", "tokens"]

#: kind, and the text; of a string its parts
Token: TypeAlias = "tuple[str, object]"

_TOKEN = re.compile(
    r"""\s+|\#[^\n]*
    |(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    |(?P<string>")
    |(?P<format>@[A-Za-z0-9_]+)
    |(?P<field>\.[A-Za-z_][A-Za-z0-9_]*)
    |(?P<variable>\$[A-Za-z_][A-Za-z0-9_]*)
    |(?P<word>[A-Za-z_][A-Za-z0-9_]*(?:::[A-Za-z_][A-Za-z0-9_]*)*)
    |(?P<sign>\?//=?|//=|\|=|\+=|-=|\*=|/=|%=|==|!=|<=|>=|//|\.\.|[][(){}|,:;.?<>=+*/%-])""",
    re.VERBOSE | re.ASCII,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "/": "/", "\\": "\\", '"': '"'}


class JqSyntaxError(ValueError):
    """The text is no filter, or one that this build cannot carry out."""


class Interpolation:
    """What stands in `\\(...)` inside a string."""

    __slots__ = ("tokens",)

    def __init__(self, found: list[Token]) -> None:
        self.tokens = found


def tokens(text: str) -> list[Token]:
    """Return the words of a filter. Raises: JqSyntaxError."""
    try:
        return _Tokens(text).all()
    except RecursionError:
        raise JqSyntaxError("nested too deeply") from None


class _Tokens:
    """Cuts a text; a string with interpolations is a token of its parts."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def all(self, until: str = "") -> list[Token]:
        """Return (kind, value); `until` = the bracket that ends an interpolation."""
        found: list[Token] = []
        depth = 0
        while self._at < len(self._text):
            match = _TOKEN.match(self._text, self._at)
            if match is None:
                raise JqSyntaxError(f'unexpected token "{self._text[self._at]}"')
            self._at = match.end()
            kind = match.lastgroup
            if kind is None:
                continue
            value = match[kind]
            if kind == "string":
                found.append((kind, self._string()))
                continue
            if until and value in "()":
                depth += 1 if value == "(" else -1
                if depth < 0:
                    return found
            found.append((kind, value))
        if until:
            raise JqSyntaxError("unexpected end of a string")
        return found

    def _string(self) -> list[object]:
        """Return texts and the interpolations between them."""
        parts: list[object] = []
        text: list[str] = []
        source = self._text
        while self._at < len(source):
            char = source[self._at]
            self._at += 1
            if char == '"':
                return [*parts, "".join(text)]
            if char != "\\":
                text.append(char)
                continue
            mark = source[self._at : self._at + 1]
            self._at += 1
            if mark == "(":
                parts += ("".join(text), Interpolation(self.all(until=")")))
                text = []
            elif mark == "u":
                text.append(self._unicode())
            elif mark in _ESCAPES and mark:
                text.append(_ESCAPES[mark])
            else:
                raise JqSyntaxError(f'invalid escape "\\{mark}" in a string')
        raise JqSyntaxError("unexpected end of a string")

    def _unicode(self) -> str:
        match = re.compile(r"[0-9a-fA-F]{4}(?:\\u[dD][c-fC-F][0-9a-fA-F]{2})?").match(
            self._text, self._at
        )
        if match is None:
            raise JqSyntaxError("invalid \\u escape in a string")
        found = match[0]
        if len(found) > 4 and not 0xD800 <= int(found[:4], 16) < 0xDC00:
            found = found[:4]
        self._at += len(found)
        text: str = json.loads(f'"\\u{found}"')
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
