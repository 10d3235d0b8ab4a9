"""Files of `NAME=value` lines (spec 11 section 7.7). Pure.

A parser of our own: python-dotenv skips a bad line in silence where the spec wants a warning, and
knows only the `${X}` form.
"""

from __future__ import annotations

import re

__all__ = ["DotenvError", "parse_dotenv"]

_NAME = re.compile(r"(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.]*)[ \t]*[=:][ \t]*", re.ASCII)
_REFERENCE = re.compile(r"(\\)?\$(?:\{([A-Za-z0-9_]+)\}|([A-Za-z0-9_]+))", re.ASCII)
_ESCAPE = re.compile(r"\\([^$])", re.DOTALL)
_CONTROL = {"n": "\n", "r": "\r", "t": "\t"}


class DotenvError(ValueError):
    """A file that cannot be read; the text says at which line."""


def parse_dotenv(text: str) -> dict[str, str]:
    """Return the values in order; a later line of the same name wins. Raises: DotenvError."""
    return _Reader(text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")).read()


class _Reader:
    """One pass over a file."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._values: dict[str, str] = {}

    def read(self) -> dict[str, str]:
        while self._skip_blank():
            match = _NAME.match(self._text, self._at)
            if match is None:
                raise self._error("expected NAME=value")
            self._at = match.end()
            value = self._value()
            self._values.pop(match[1], None)
            self._values[match[1]] = value
        return self._values

    def _skip_blank(self) -> bool:
        """Go to the next assignment; False at the end."""
        while self._at < len(self._text):
            if self._text[self._at].isspace():
                self._at += 1
            elif self._text[self._at] == "#":
                self._at = self._line_end()
            else:
                return True
        return False

    def _line_end(self) -> int:
        end = self._text.find("\n", self._at)
        return len(self._text) if end < 0 else end

    def _value(self) -> str:
        quote = self._text[self._at : self._at + 1]
        if quote in ("'", '"') and quote:
            body = self._quoted(quote)
            if quote == "'":
                return body
            body = _ESCAPE.sub(lambda match: _CONTROL.get(match[1], match[1]), body)
            return self._expanded(body)
        end = self._line_end()
        line = self._text[self._at : end]
        self._at = end
        comment = re.search(r"(?:^|[ \t])#", line)
        return self._expanded((line[: comment.start()] if comment else line).strip())

    def _quoted(self, quote: str) -> str:
        """Return the text up to the closing quote, which may stand on a later line."""
        start = self._at + 1
        at = start
        while at < len(self._text) and self._text[at] != quote:
            at += 2 if quote == '"' and self._text[at] == "\\" else 1
        if at >= len(self._text):
            raise self._error("the quote is not closed")
        self._at = at + 1
        end = self._line_end()
        rest = self._text[self._at : end].strip()
        if rest and not rest.startswith("#"):
            raise self._error("text after the closing quote")
        self._at = end
        return self._text[start:at]

    def _expanded(self, text: str) -> str:
        """Insert values of the same file; an unknown name is empty, `\\$` is a dollar."""

        def insert(match: re.Match[str]) -> str:
            return match[0][1:] if match[1] else self._values.get(match[2] or match[3], "")

        return _REFERENCE.sub(insert, text)

    def _error(self, reason: str) -> DotenvError:
        line = self._text.count("\n", 0, self._at) + 1
        return DotenvError(f"line {line}: {reason}")
