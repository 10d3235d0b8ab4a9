"""YAML text to our own node tree (spec 10 sections 1.1, 1.2).

libyaml scans; we compose, so that positions, duplicate keys, YAML 1.2 scalars and the bounds are
ours. The parser is pulled event by event and left at the first event that is too deep, which is
also what keeps its cost linear: it never sees the rest of a text that nests without end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from yaml.error import MarkedYAMLError, YAMLError
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from edge.workflow.nodes import ListNode, MapNode, Node, ScalarNode, scalar_text
from edge.workflow.problems import DAGError, Problem
from edge.workflow.yaml_scalars import plain_scalar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "MAX_BYTES",
    "MAX_DEPTH",
    "MAX_NODES",
    "Document",
    "read_documents",
    "without_directives",
]

#: a text above this size is refused before anything looks at it
MAX_BYTES = 1024 * 1024
#: levels of lists and mappings
MAX_DEPTH = 100
#: nodes of one document with every alias counted in full
MAX_NODES = 200_000

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_DIRECTIVES = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\r?\n|%[^\n]*\n)*")
_STR_TAG = "tag:yaml.org,2002:str"


class Document:
    """One document of a stream: its root (None = empty) and the line it starts at."""

    __slots__ = ("line", "root")

    def __init__(self, line: int, root: Node | None) -> None:
        self.line = line
        self.root = root


class _Parser(Protocol):
    def get_event(self) -> Event | None: ...


def read_documents(text: str) -> list[Document]:
    """Return the documents of a stream in order, empty ones too.

    Raises: DAGError with `[line:column] reason` and an excerpt of the source.
    """
    text = text.removeprefix("\ufeff")
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise _plain_error(f"the file is larger than {MAX_BYTES} bytes")
    bad = _FORBIDDEN.search(text)
    if bad is not None:
        line = text.count("\n", 0, bad.start()) + 1
        column = bad.start() - text.rfind("\n", 0, bad.start())
        raise syntax_error(
            text, line, column, f"found character {_shown(bad[0])} that is not allowed in YAML"
        )
    source = without_directives(text)
    try:
        return list(_Composer(source, text).documents())
    except MarkedYAMLError as exc:
        raise _translate(text, exc) from None
    except YAMLError as exc:
        raise _plain_error(str(exc).splitlines()[0]) from None


def syntax_error(text: str, line: int, column: int, reason: str, *, prefix: str = "") -> DAGError:
    """Return the error for a place: `[line:column] reason`, then up to three lines around it."""
    lines = text.split("\n")
    shown = []
    for number in range(max(1, line - 3), min(len(lines), line + 3) + 1):
        content = lines[number - 1].rstrip("\r")
        if number == len(lines) and not content and number != line:
            break
        mark = ">" if number == line else " "
        shown.append(f"{mark}{number:>3} | {content}")
        if number == line:
            shown.append(" " * (6 + column) + "^")
    message = f"{prefix}[{line}:{column}] {reason}"
    return DAGError(
        "\n".join([message, *shown]),
        [Problem(line, column, "", reason)],
        ["\n".join([message, *shown])],
    )


def _plain_error(message: str) -> DAGError:
    return DAGError(message, [Problem(0, 0, "", message)], [message])


def without_directives(text: str) -> str:
    """Turn leading directives such as `%YAML 1.2` into comments, keeping every position."""
    if "%" not in text:
        return text
    match = _DIRECTIVES.match(text)
    if match is None or "%" not in match[0]:
        return text
    head = "\n".join("#" + line[1:] if line[:1] == "%" else line for line in match[0].split("\n"))
    return head + text[match.end() :]


def _new_parser(text: str) -> _Parser:
    try:
        from yaml._yaml import CParser
    except ImportError:
        from yaml.loader import Loader

        return Loader(text)
    return CParser(text)


class _Composer:
    """Builds nodes from events, iteratively; depth and size are bounded."""

    def __init__(self, source: str, shown: str) -> None:
        self._parser = _new_parser(source)
        self._text = shown
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._number = 0

    def documents(self) -> Iterator[Document]:
        get_event = self._parser.get_event
        while True:
            event = get_event()
            if event is None or isinstance(event, StreamEndEvent):
                return
            if isinstance(event, DocumentStartEvent):
                self._anchors = {}
                root = self._document(get_event)
                empty = isinstance(root, ScalarNode) and root.value is None
                yield Document(_place(event)[0], None if empty else root)
                self._number += 1

    def _fail(self, line: int, column: int, reason: str, prefix: str = "") -> DAGError:
        return syntax_error(self._text, line, column, reason, prefix=prefix)

    def _document(self, get_event: Callable[[], Event | None]) -> Node | None:
        root: Node | None = None
        total = 0
        stack: list[_Open] = []
        top: _Open | None = None
        while True:
            event = get_event()
            kind = type(event)
            node: Node
            if kind is ScalarEvent:
                assert isinstance(event, ScalarEvent)
                line, column = _place(event)
                if not event.style and event.tag not in (_STR_TAG, "!"):
                    node = ScalarNode(line, column, plain_scalar(event.value))
                else:
                    node = ScalarNode(line, column, event.value)
                if (
                    top is not None
                    and top.map is not None
                    and top.key is None
                    and not event.style
                    and event.value == "<<"
                ):
                    top.key = (_MERGE, line, column)
                    continue
                size = 1
                if event.anchor is not None:
                    self._anchors[event.anchor] = (node, 1)
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                assert isinstance(event, MappingStartEvent | SequenceStartEvent)
                line, column = _place(event)
                if len(stack) >= MAX_DEPTH:
                    raise self._fail(
                        line, column, f"lists and mappings are nested deeper than {MAX_DEPTH}"
                    )
                top = _Open(line, column, event.anchor, total, kind is MappingStartEvent)
                stack.append(top)
                continue
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                done = stack.pop()
                top = stack[-1] if stack else None
                node = done.node()
                size = 1
                if done.anchor is not None:
                    self._anchors[done.anchor] = (node, total - done.total + 1)
            elif kind is AliasEvent:
                assert isinstance(event, AliasEvent)
                found = self._anchors.get(event.anchor or "")
                if found is None:
                    line, column = _place(event)
                    raise self._fail(
                        line,
                        column + 1,
                        f'could not find alias "{event.anchor}"',
                        f"failed to decode document {self._number}: ",
                    )
                node, size = found
            elif kind is DocumentEndEvent:
                return root
            else:
                return root
            total += size
            if total > MAX_NODES:
                raise self._fail(
                    node.line, node.column, f"the document has more than {MAX_NODES} nodes"
                )
            if top is None:
                root = node
            elif top.map is None:
                top.items.append(node)
            elif top.key is None:
                self._key(top, node, event)
            else:
                self._entry(top, node)

    def _key(self, top: _Open, node: Node, event: Event | None) -> None:
        if not isinstance(node, ScalarNode):
            raise self._fail(node.line, node.column, "a mapping key must be a scalar")
        line, column = node.line, node.column
        if isinstance(event, AliasEvent):
            line, column = _place(event)
        key = scalar_text(node.value)
        if node.value is None:
            key = "null"
        at = top.explicit.get(key)
        if at is not None:
            raise self._fail(
                line, column, f'mapping key "{key}" already defined at [{at[0]}:{at[1]}]'
            )
        top.explicit[key] = (line, column)
        top.key = (key, line, column)

    def _entry(self, top: _Open, node: Node) -> None:
        assert top.key is not None
        assert top.map is not None
        key, line, column = top.key
        top.key = None
        if key is not _MERGE:
            # an explicit key takes the place where it is written
            top.map.pop(key, None)
            top.map[key] = node
            return
        sources = node.items if isinstance(node, ListNode) else [node]
        for source in sources:
            if not isinstance(source, MapNode):
                raise self._fail(line, column, "a merge key needs a mapping or a list of mappings")
            for name, value in source.entries.items():
                if name not in top.map:
                    top.map[name] = value
                    top.merged[name] = source.keys[name]


def _place(event: Event) -> tuple[int, int]:
    mark = event.start_mark
    assert mark is not None
    return mark.line + 1, mark.column + 1


_MERGE = "<<"


class _Open:
    """A list or mapping whose end has not been read yet."""

    __slots__ = (
        "anchor",
        "column",
        "explicit",
        "items",
        "key",
        "line",
        "map",
        "merged",
        "total",
    )

    def __init__(
        self, line: int, column: int, anchor: str | None, total: int, is_map: bool
    ) -> None:
        self.line = line
        self.column = column
        self.anchor = anchor
        #: nodes of the document before this one, so that an anchor knows its own size
        self.total = total
        self.items: list[Node] = []
        self.map: dict[str, Node] | None = {} if is_map else None
        self.key: tuple[str, int, int] | None = None
        #: places of keys written here, and of those that came from merge keys
        self.explicit: dict[str, tuple[int, int]] = {}
        self.merged: dict[str, tuple[int, int]] = {}

    def node(self) -> Node:
        if self.map is None:
            return ListNode(self.line, self.column, self.items)
        keys = {**self.merged, **self.explicit} if self.merged else self.explicit
        return MapNode(self.line, self.column, self.map, keys)


_VALUE_START = re.compile(r"\s*(?:- +)*[^:#]*?:\s+(?=\S)")


def _shown(char: str) -> str:
    return {"\t": "'\\t'"}.get(char, f"'\\x{ord(char):02x}'" if ord(char) < 256 else ascii(char))


def _translate(text: str, exc: MarkedYAMLError) -> DAGError:
    """Say libyaml's complaint in the words of spec 10 sections 1.1 and 1.2."""
    problem = exc.problem or exc.context or "syntax error"
    mark = exc.problem_mark or exc.context_mark
    if mark is None:
        return _plain_error(problem)
    line, column = mark.line + 1, mark.column + 1
    lines = text.split("\n")
    content = lines[line - 1] if line <= len(lines) else ""
    char = content[column - 1 : column]
    at_end = line > len(lines) or not "\n".join(lines[line - 1 :])[column - 1 :].strip()
    opened = exc.context_mark
    if problem == "found character that cannot start any token":
        if char == "\t":
            problem = "found character '\\t' that cannot start any token"
        elif char in ("`", "@", "%"):
            problem = f"'{char}' is a reserved character"
    elif problem == "mapping values are not allowed in this context":
        problem = "mapping value is not allowed in this context"
        start = _VALUE_START.match(content)
        if start is not None and start.end() < column:
            column = start.end() + 1
    elif problem == "found unknown escape character":
        char = content[column : column + 1]
        problem = f"found unknown escape character '{char}'"
    elif problem == "did not find expected ',' or ']'":
        problem = "sequence end token ']' not found" if at_end else "',' or ']' must be specified"
    elif problem == "did not find expected ',' or '}'":
        problem = "could not find flow mapping end token '}'"
    elif problem == "found unexpected end of stream" and opened is not None:
        line, column = opened.line + 1, opened.column + 1
        quote = lines[line - 1][column - 1 : column]
        kind = "single" if quote == "'" else "double"
        problem = f"could not find end character of {kind}-quoted text"
    elif problem == "could not find expected ':'":
        problem = "non-map value is specified"
    elif problem == "did not find expected node content" and at_end:
        tail = text.rstrip()[-1:]
        problem = {
            "{": "could not find flow mapping end token '}'",
            "[": "sequence end token ']' not found",
        }.get(tail, problem)
    if at_end and line > len(lines) - 1:
        if opened is not None and opened.line < len(lines) and lines[opened.line].strip():
            line, column = opened.line + 1, opened.column + 1
        else:
            # the end of what is written, not the empty line behind it
            written = text.rstrip().split("\n")
            line, column = len(written), max(1, len(written[-1]))
    return syntax_error(text, line, column, problem)
