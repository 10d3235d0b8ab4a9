"""The text of a workflow file as pieces that can be renamed, moved and put under another key.

`migrate-dag` keeps comments and layout, so it edits text by position: PyYAML's composer says where
each key and value stands, and everything that is not touched stays byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode

from edge.workflow.nodes import Scalar
from edge.workflow.yaml_scalars import plain_scalar

__all__ = ["Edits", "Piece", "Source", "nested", "plain", "render", "value_of"]

_INDENT = 2


class Piece:
    """One entry of a mapping: key, and the source behind the colon.

    `lead` are the whole lines above it, comments and blank ones.
    `column` is where the entry stood; `node` is None for what is new.
    """

    __slots__ = ("column", "key", "lead", "node", "value")

    def __init__(
        self, key: str, value: str, node: Node | None = None, *, lead: str = "", column: int = 0
    ) -> None:
        self.key = key
        self.value = value
        self.node = node
        self.lead = lead
        self.column = column


class Edits:
    """Replacements that do not overlap; of two that do, the first given counts."""

    def __init__(self) -> None:
        self._found: list[tuple[int, int, str]] = []

    def add(self, start: int, end: int, text: str) -> None:
        if all(end <= begin or start >= stop for begin, stop, _ in self._found):
            self._found.append((start, end, text))

    def extend(self, other: Edits) -> None:
        for edit in other._found:
            self.add(*edit)

    def __bool__(self) -> bool:
        return bool(self._found)

    def apply(self, text: str) -> str:
        for start, end, new in sorted(self._found, reverse=True):
            text = text[:start] + new + text[end:]
        return text


def plain(node: Node | None) -> Scalar:
    """Return the value of a scalar node by our rules; None for anything else."""
    if not isinstance(node, ScalarNode):
        return None
    text: str = node.value
    return plain_scalar(text) if node.style is None and node.tag != "!" else text


def value_of(node: MappingNode, key: str) -> Node | None:
    """Return the value of a key, None when it is not written there."""
    for name, value in node.value:
        if isinstance(name, ScalarNode) and name.value == key:
            found: Node = value
            return found
    return None


class Source:
    """Text with the nodes composed from it."""

    def __init__(self, text: str) -> None:
        self.text = text

    def end(self, node: Node, after: int = 0) -> int:
        """Return where the source of a value ends; `after` is the end of its key or dash."""
        if node.start_mark.index < after:
            return self._alias_end(after)
        if isinstance(node, ScalarNode):
            stop = node.end_mark.index
            if node.style in ("|", ">"):
                written = self.text[node.start_mark.index : stop]
                header = written.partition("\n")[0]
                kept = written[:-1] if "+" in header else written.rstrip()
                return node.start_mark.index + len(kept)
            return int(stop)
        assert isinstance(node, CollectionNode)
        if node.flow_style or not node.value:
            return int(node.end_mark.index)
        last = node.value[-1]
        if isinstance(node, MappingNode):
            return self.end(last[1], last[0].end_mark.index)
        # an alias as the last item stands behind its dash
        before = node.value[-2] if len(node.value) > 1 else None
        start = self.end(before) if before is not None else node.start_mark.index
        return self.end(last, start)

    def _alias_end(self, after: int) -> int:
        at = self.text.index("*", after)
        while at < len(self.text) and self.text[at] not in " \t\r\n,]}":
            at += 1
        return at

    def line_end(self, at: int) -> int:
        """Return the end of the line, its comment included, without the break."""
        stop = self.text.find("\n", at)
        stop = len(self.text) if stop < 0 else stop
        return stop - 1 if stop > at and self.text[stop - 1] == "\r" else stop

    def pieces(self, node: MappingNode) -> list[Piece]:
        """Return the entries of a mapping with the comments that stand above them."""
        found: list[Piece] = []
        done = node.start_mark.index
        for name, value in node.value:
            start = name.start_mark.index
            colon = self.text.index(":", name.end_mark.index)
            stop = self.end(value, colon)
            if node.flow_style:
                stop = max(stop, colon + 1)
                lead = ""
            else:
                stop = self.line_end(max(stop, colon))
                # whole lines between the entries; what follows the last one is indentation
                lead = "".join(f"{line}\n" for line in self.text[done:start].split("\n")[1:-1])
            written = self.text[colon + 1 : stop]
            key = self.text[start : name.end_mark.index]
            found.append(Piece(key, written, value, lead=lead, column=name.start_mark.column))
            done = stop
        return found

    def span(self, node: MappingNode) -> tuple[int, int]:
        """Return where the pieces of a mapping stand."""
        if node.flow_style:
            # an anchor stands before the bracket
            return self.text.index("{", node.start_mark.index), node.end_mark.index
        first, _ = node.value[0]
        name, value = node.value[-1]
        colon = self.text.index(":", name.end_mark.index)
        return first.start_mark.index, self.line_end(max(self.end(value, colon), colon))


def render(pieces: Sequence[Piece], column: int, *, flow: bool) -> str:
    """Return the source of a mapping whose first key stands at `column`."""
    if flow:
        # an empty value needs a blank behind the colon
        return "{" + ", ".join(f"{piece.key}:{piece.value or ' '}" for piece in pieces) + "}"
    lines: list[str] = []
    for piece in pieces:
        shift = column - piece.column
        lines += _shifted(piece.lead.split("\n")[:-1], shift)
        head, *rest = f"{piece.key}:{piece.value}".split("\n")
        lines.append(" " * column + head)
        lines += _shifted(rest, shift if piece.node is not None else 0)
    return "\n".join(lines).lstrip(" ")


def nested(key: str, pieces: Sequence[Piece], column: int, *, flow: bool) -> Piece:
    """Return a new entry that holds others; `column` is its own."""
    inner = column + _INDENT
    text = render(pieces, inner, flow=flow)
    return Piece(key, f" {text}" if flow else "\n" + " " * inner + text, column=column)


def _shifted(lines: Iterable[str], by: int) -> list[str]:
    if by >= 0:
        return [" " * by + line if line.strip() else line for line in lines]
    return [line[min(-by, len(line) - len(line.lstrip(" "))) :] for line in lines]
