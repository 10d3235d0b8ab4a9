"""config.yaml as a flat list of dotted keys with their lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge.core.errors import UserError
from edge.workflow.nodes import ListNode, MapNode, Node, ScalarNode
from edge.workflow.problems import DAGError
from edge.workflow.yaml_reader import read_documents

__all__ = ["Entry", "read_file"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One leaf: `worker.labels` and lists stay whole."""

    #: as it is written: lookup ignores case, but camelCase has to be recognised
    key: str
    value: object
    line: int


def read_file(path: Path) -> list[Entry]:
    """Return the entries of a configuration file, an empty one for an empty file.

    Raises: UserError naming file, line and column.
    """
    try:
        text = path.read_text(encoding="utf-8")
        documents = read_documents(text)
    except (OSError, UnicodeDecodeError) as exc:
        raise UserError(f"failed to read config: {path}: {exc}") from exc
    except DAGError as exc:
        raise UserError(f"failed to read config: While parsing config: {path}: {exc}") from exc
    root = documents[0].root if documents else None
    if root is None or (isinstance(root, ScalarNode) and root.value is None):
        return []
    if not isinstance(root, MapNode):
        raise UserError(f"failed to read config: {path}:{root.line}: a mapping is expected")
    return list(_leaves(root, ""))


def _leaves(node: MapNode, prefix: str) -> Iterator[Entry]:
    for name, child in node.entries.items():
        key = prefix + name
        if isinstance(child, MapNode) and key.lower() != "worker.labels":
            yield from _leaves(child, key + ".")
        else:
            yield Entry(key, _plain(child), node.keys[name][0])


def _plain(node: Node) -> object:
    if isinstance(node, ScalarNode):
        return "" if node.value is None else node.value
    if isinstance(node, ListNode):
        return [_plain(item) for item in node.items]
    assert isinstance(node, MapNode)
    return {key: _plain(value) for key, value in node.entries.items()}
