"""The base configuration of a document: the global one, and that of its workspace over it.

Spec 10 section 5. The merge of a document over the result is `base`.
"""

from __future__ import annotations

from functools import lru_cache

from edge.workflow.nodes import ListNode, MapNode, Node, go_text, go_type
from edge.workflow.problems import DAGError, FaultError, Problem
from edge.workflow.shapes import is_null, read_labels
from edge.workflow.yaml_reader import read_documents

__all__ = ["base_error", "base_node", "overlay", "workspace_of"]


def base_error(exc: DAGError, doing: str) -> DAGError:
    """Return the error of a base configuration: its places are not in the workflow file."""
    problems = [
        Problem(
            0,
            0,
            "base config",
            f"line {problem.line}, column {problem.column}: {problem.field}: {problem.message}",
        )
        for problem in exc.problems
    ]
    message = f"failed to {doing} base config: " + "; ".join(exc.bullets)
    return DAGError(message, problems, [message])


@lru_cache(maxsize=16)
def base_node(text: str) -> MapNode | None:
    """Return the first document of a base configuration; None when the text is empty.

    Raises: DAGError.
    """
    if not text.strip():
        return None
    try:
        documents = [document.root for document in read_documents(text) if document.root]
    except DAGError as exc:
        raise base_error(exc, "unmarshal") from None
    if not documents:
        return None
    node = documents[0]
    if not isinstance(node, MapNode):
        message = f"failed to unmarshal base config: expected a mapping, got {go_type(node)}"
        raise DAGError(message, [Problem(0, 0, "base config", message)], [message])
    return node


def workspace_of(root: MapNode) -> str:
    """Return the value of the label `workspace`, "" without one."""
    for field in ("labels", "tags"):
        node = root.entries.get(field)
        if node is None or is_null(node) or "workspace" not in go_text(node).lower():
            continue
        try:
            labels = read_labels(node, field)
        except FaultError:
            return ""  # reported when the labels are read
        for label in labels:
            key, _, value = label.partition("=")
            if key == "workspace":
                return value
    return ""


def overlay(base: MapNode | None, workspace: MapNode | None) -> MapNode | None:
    """Return the workspace's configuration deep-merged over the global one."""
    if base is None or workspace is None:
        return base or workspace
    merged = _deep(base, workspace)
    before, after = base.entries.get("env"), workspace.entries.get("env")
    if before is not None and after is not None and not is_null(before) and not is_null(after):
        merged.entries["env"] = _in_order(before, after)
    return merged


def _deep(base: MapNode, over: MapNode) -> MapNode:
    entries: dict[str, Node] = dict(base.entries)
    for key, value in over.entries.items():
        own = entries.get(key)
        if isinstance(own, MapNode) and isinstance(value, MapNode):
            value = _deep(own, value)
        entries[key] = value
    return MapNode(over.line, over.column, entries, {**base.keys, **over.keys})


def _in_order(first: Node, second: Node) -> ListNode:
    items: list[Node] = []
    for node in (first, second):
        items += node.items if isinstance(node, ListNode) else [node]
    return ListNode(second.line, second.column, items)
