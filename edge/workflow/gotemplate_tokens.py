"""Tokens of Go's text/template: text, and the words between `{{` and `}}` (spec 13 section 11)."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator

__all__ = ["TemplateSyntaxError", "Token", "tokens_of"]

_ACTION = re.compile(
    r"""(?P<space>\s+)
    |(?P<raw>`[^`]*`)
    |(?P<text>"(?:[^"\\\n]|\\.)*")
    |(?P<char>'(?:[^'\\\n]|\\.)+')
    |(?P<number>[+-]?(?:0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+
        |(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?)(?![\w.]))
    |(?P<variable>\$\w*)
    |(?P<field>\.[^\W\d]\w*)
    |(?P<dot>\.(?!\w))
    |(?P<word>[^\W\d]\w*)
    |(?P<mark>:=|[=|(),])
    """,
    re.VERBOSE,
)
_ESCAPE = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))", re.DOTALL
)
_PLAIN = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


class TemplateSyntaxError(Exception):
    """The template cannot be read; `line` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


class Token:
    """A token; `kind` is that of `_ACTION`, or `plain`, `open`, `close`, `end`.

    `spaced` tells that blanks come before it.
    """

    __slots__ = ("at", "kind", "spaced", "value")

    def __init__(self, kind: str, value: str, at: int, spaced: bool = False) -> None:
        self.kind = kind
        self.value = value
        self.at = at
        self.spaced = spaced


def tokens_of(text: str) -> Iterator[Token]:
    """Yield the tokens of a template. Raises: TemplateSyntaxError."""
    at = 0
    trim = False
    while True:
        start = text.find("{{", at)
        end = len(text) if start < 0 else start
        plain = text[at:end]
        if trim:
            plain = plain.lstrip(" \t\r\n")
        body = start + 2
        trims_before = text.startswith("-", body) and text[body + 1 : body + 2] in tuple(" \t\r\n")
        if start >= 0 and trims_before:
            plain = plain.rstrip(" \t\r\n")
        if plain:
            yield Token("plain", plain, at)
        if start < 0:
            yield Token("end", "", len(text))
            return
        body += 1 if trims_before else 0
        at, trim = yield from _action(text, start, body)


def _action(text: str, start: int, body: int) -> Generator[Token, None, tuple[int, bool]]:
    """Yield the tokens of an action; return the place after it, and whether it trims there."""
    comment = re.compile(r"\s*/\*").match(text, body)
    if comment is not None:
        return _after_comment(text, start, comment.end())
    yield Token("open", "{{", start)
    at = body
    depth = 0
    spaced = False
    while True:
        if text.startswith("}}", at):
            if depth:
                raise _error(text, at, "unclosed left paren")
            yield Token("close", "}}", at, spaced)
            return at + 2, False
        if spaced and text.startswith("-}}", at):
            if depth:
                raise _error(text, at, "unclosed left paren")
            yield Token("close", "-}}", at, spaced)
            return at + 3, True
        match = _ACTION.match(text, at)
        if match is None:
            raise _bad(text, at, start)
        kind = match.lastgroup or ""
        if kind != "space":
            value = match.group()
            if value == "(":
                depth += 1
            elif value == ")":
                depth -= 1
                if depth < 0:
                    raise _error(text, at, "unexpected right paren")
            yield Token(kind, value, at, spaced)
        spaced = kind == "space"
        at = match.end()


def _after_comment(text: str, start: int, body: int) -> tuple[int, bool]:
    end = text.find("*/", body)
    if end < 0:
        raise _error(text, start, "unclosed comment")
    close = re.compile(r"\s+-\}\}|\}\}").match(text, end + 2)
    if close is None:
        raise _error(text, end, "comment ends before closing delimiter")
    return close.end(), close.group() != "}}"


def _bad(text: str, at: int, start: int) -> TemplateSyntaxError:
    if at >= len(text):
        return _error(text, start, "unclosed action")
    char = text[at]
    if char == '"':
        return _error(text, at, "unterminated quoted string")
    if char == "`":
        return _error(text, at, "unterminated raw quoted string")
    if char == "'":
        return _error(text, at, "unterminated character constant")
    if char.isdigit() or char in "+-.":
        word = re.compile(r"[^\s|(){}]*").match(text, at)
        return _error(text, at, f'bad number syntax: "{word.group() if word else char}"')
    return _error(text, at, f"unexpected {char!r} in command")


def _error(text: str, at: int, message: str) -> TemplateSyntaxError:
    return TemplateSyntaxError(text.count("\n", 0, at) + 1, message)


def unquoted(text: str) -> str:
    """Return the value of a Go text or character constant, quotes included."""
    return _ESCAPE.sub(_escaped, text[1:-1])


def _escaped(match: re.Match[str]) -> str:
    for group, base in ((1, 16), (2, 16), (3, 16), (4, 8)):
        if match[group]:
            code = int(match[group], base)
            return chr(code) if code <= 0x10FFFF else "�"
    return _PLAIN.get(match[5], match[5])
