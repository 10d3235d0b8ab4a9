"""Where a shell reads quotes in a text: what a value inserted there may hold (spec 11 7.4).

A careful reader, not a parser: from the first place on where it is not sure (`case` inside `$( )`,
quotes inside `${ }`, ...) everything is `UNKNOWN`, and nothing that a shell could read goes in.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from enum import Enum

__all__ = ["Place", "ShellText"]


class Place(Enum):
    """What surrounds a place in shell text."""

    BARE = "bare"
    DOUBLE = "double quotes"
    SINGLE = "single quotes"
    #: body of a here-document whose delimiter is quoted
    VERBATIM = "verbatim"
    #: body of a here-document that the shell expands
    EXPANDED = "expanded"
    UNKNOWN = "unknown"


_HEREDOC = re.compile(
    r"<<(?P<dash>-?)[ \t]*"
    r"(?:'(?P<single>[^'\n]+)'|\"(?P<double>[^\"\\$`\n]+)\"|\\(?P<slash>\w+)|(?P<word>\w+))"
    r"(?=[\s;&|<>)]|\Z)"
)
_SPECIAL = re.compile(r"""[\\'"`#\n()]|\$[({'"]|<<|\bcase\b""")
_IN_DOUBLE = re.compile(r'[\\"`]|\$[({]')
#: an expansion in braces without anything that a shell would read inside
_PLAIN_BRACES = re.compile(r"\$\{(?:[^}'\"`\\${\n]|\$[\w#?@*])*\}")
_PLAIN_BACKTICKS = re.compile(r"`[^'\"`\\]*`")


class ShellText:
    """The places of one text, found in one pass."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = [0]
        self._places = [Place.BARE]
        #: the places that a `)` or `"` comes back to
        self._stack: list[Place] = []
        self._heredocs: list[tuple[str, bool, bool]] = []
        self._read()

    def at(self, position: int) -> Place:
        """Return what surrounds the character at a position."""
        return self._places[bisect_right(self._starts, position) - 1]

    def _enter(self, at: int, place: Place) -> None:
        self._starts.append(at)
        self._places.append(place)

    def _read(self) -> None:
        at = 0
        while 0 <= at < len(self._text):
            place = self._places[-1]
            if place is Place.UNKNOWN:
                return
            at = self._read_double(at) if place is Place.DOUBLE else self._read_bare(at)

    def _read_bare(self, at: int) -> int:
        """Go to the next thing that matters outside of quotes; -1 = the end."""
        match = _SPECIAL.search(self._text, at)
        if match is None:
            return -1
        found, start, end = match[0], match.start(), match.end()
        if found == "\\":
            return end + 1
        if found in ("'", "$'"):
            return self._single(end, ansi=found == "$'")
        if found in ('"', '$"'):
            self._stack.append(Place.BARE)
            self._enter(end, Place.DOUBLE)
            return end
        if found == "#":
            return self._comment(start)
        if found == "\n":
            return self._bodies(end)
        if found == "<<":
            return self._heredoc(start)
        return self._nesting(found, start, end, Place.BARE)

    def _read_double(self, at: int) -> int:
        match = _IN_DOUBLE.search(self._text, at)
        if match is None:
            return -1
        found, start, end = match[0], match.start(), match.end()
        if found == "\\":
            return end + 1
        if found == '"':
            self._enter(end, self._stack.pop())
            return end
        return self._nesting(found, start, end, Place.DOUBLE)

    def _nesting(self, found: str, start: int, end: int, outer: Place) -> int:
        if found == "${":
            braces = _PLAIN_BRACES.match(self._text, start)
            if braces is not None:
                return braces.end()
        elif found in ("(", "$("):
            self._stack.append(outer)
            self._enter(end, Place.BARE)
            return end
        elif found == "`":
            command = _PLAIN_BACKTICKS.match(self._text, start)
            if command is not None:
                self._enter(start, Place.BARE)
                self._enter(command.end(), outer)
                return command.end()
        elif found == ")":
            # with nothing open it ends a pattern of `case`
            if self._stack:
                self._enter(end, self._stack.pop())
            return end
        elif not self._stack:
            return end
        return self._give_up(start)

    def _single(self, start: int, *, ansi: bool) -> int:
        text = self._text
        close = text.find("'", start)
        # shells without `$'...'` read a backslash in it differently
        if close < 0 or (ansi and "\\" in text[start:close]):
            return self._give_up(start)
        self._enter(start, Place.UNKNOWN if ansi else Place.SINGLE)
        self._enter(close, Place.BARE)
        return close + 1

    def _comment(self, start: int) -> int:
        if start > 0 and self._text[start - 1] not in " \t\n;&|()":
            return start + 1
        end = self._text.find("\n", start)
        return end if end >= 0 else len(self._text)

    def _heredoc(self, start: int) -> int:
        if self._text.startswith("<<<", start):
            return start + 3
        match = _HEREDOC.match(self._text, start)
        if match is None or self._stack:
            return self._give_up(start)
        quoted = match["single"] or match["double"] or match["slash"]
        word = quoted or match["word"]
        self._heredocs.append((word, bool(match["dash"]), quoted is not None))
        return match.end()

    def _bodies(self, at: int) -> int:
        """Pass over the bodies of the here-documents that this line opened."""
        for word, is_dash, is_quoted in self._heredocs:
            self._enter(at, Place.VERBATIM if is_quoted else Place.EXPANDED)
            tabs = "\t*" if is_dash else ""
            end = re.compile(rf"^{tabs}{re.escape(word)}$", re.MULTILINE).search(self._text, at)
            if end is None:
                return -1
            at = end.end()
            self._enter(end.start(), Place.BARE)
        self._heredocs = []
        return at

    def _give_up(self, at: int) -> int:
        self._enter(at, Place.UNKNOWN)
        return -1
