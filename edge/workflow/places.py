"""From the path of a field to its place in the file (line and column)."""

from __future__ import annotations

import re

from edge.workflow.nodes import ListNode, MapNode, Node
from edge.workflow.problems import Place

__all__ = ["node_at", "place_of"]

_PART = re.compile(r"\[(?P<index>[0-9]+)\]|\.?(?P<name>[^.\[\]]+)")


def place_of(root: MapNode, path: str) -> Place:
    """Return the place of the field, or of the innermost thing around it that is in the file.

    An index into a mapping counts its entries: `env[1]` of a map, `steps[0]` of named steps.
    """
    place = (0, 0)
    node: Node | None = root
    for part in _parts(path):
        node, found = _enter(node, part)
        if found is None:
            break
        place = found
    return place


def node_at(root: MapNode, path: str) -> Node | None:
    """Return the node of a field; None where the file has none."""
    node: Node | None = root
    for part in _parts(path):
        node, _ = _enter(node, part)
    return node


def _parts(path: str) -> list[str | int]:
    return [
        match["name"] if match["index"] is None else int(match["index"])
        for match in _PART.finditer(path)
    ]


def _enter(node: Node | None, part: str | int) -> tuple[Node | None, Place | None]:
    if isinstance(node, MapNode):
        if isinstance(part, int):
            part = next((key for at, key in enumerate(node.entries) if at == part), "")
        if part in node.entries:
            return node.entries[part], node.keys[part]
    elif isinstance(node, ListNode) and isinstance(part, int) and part < len(node.items):
        item = node.items[part]
        return item, (item.line, item.column)
    return None, None
