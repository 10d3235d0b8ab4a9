"""Merge of a document over the base configuration (spec 10 section 5).

Works on the trees of both, before anything is built; only `params` and `consts` are merged after
reading (`root`). Which rule a field has stands in the table of fields.
"""

from __future__ import annotations

from collections.abc import Callable

from edge.workflow.base_parts import (
    is_zero,
    merged_container,
    merged_deep,
    merged_fields,
    merged_handler,
    merged_registry_auths,
    merged_smtp,
)
from edge.workflow.fields import CONTEXTS, Merge
from edge.workflow.nodes import ListNode, MapNode, Node
from edge.workflow.problems import DAGError, Problem
from edge.workflow.shapes import is_null
from edge.workflow.step_policies import concatenated

__all__ = ["merge_documents"]

_ACTIONS = ("actions", "step_types")


def merge_documents(base: MapNode, document: MapNode, number: int = 0) -> MapNode:
    """Return the document with what it inherits; both have passed the table of root fields.

    `number` is the document's place in its file, for messages. Raises: DAGError when both define a
    custom action of one name.
    """
    _check_actions(base, document, number)
    entries = dict(document.entries)
    if "tags" in base.entries and ("labels" in entries or "tags" in entries):
        base = _renamed_labels(base, "labels" if "labels" in entries else "tags")
    elif "tags" in entries and "labels" in base.entries:
        base = _renamed_labels(base, "tags")
    keys = {**base.keys, **document.keys}
    for name, inherited in base.entries.items():
        field = CONTEXTS["root"].get(name)
        if field is None or is_null(inherited):
            continue
        merged = _merged(field.merge, name, inherited, document, entries.get(name))
        if merged is not None:
            entries[name] = merged
    return MapNode(document.line, document.column, entries, keys)


def _renamed_labels(node: MapNode, name: str) -> MapNode:
    """Return the base with its labels under the key that the document uses."""
    entries = {
        name if key in ("labels", "tags") else key: value for key, value in node.entries.items()
    }
    return MapNode(node.line, node.column, entries, node.keys)


def _merged(rule: Merge, name: str, base: Node, document: MapNode, own: Node | None) -> Node | None:
    if rule is Merge.NEVER:
        return own
    if rule is Merge.OWN and name in _OF_DOCUMENT:
        return _OF_DOCUMENT[name](base, document, own)
    if name == "type":
        return own if name in document.entries else base
    if own is None or is_null(own):
        return base
    if rule is Merge.CONCAT:
        return concatenated(base, own)
    if rule is Merge.LIST:
        return base if _is_empty(own) else own
    if rule is Merge.KEYS:
        return _by_key(base, own)
    if rule is Merge.STRUCT:
        return merged_fields(base, own, CONTEXTS["root"][name].struct)
    if rule is Merge.WHOLE:
        return own
    if rule is Merge.OWN:
        return _OF_VALUE[name](base, own)
    return base if is_zero(own) else own


def _is_empty(node: Node) -> bool:
    if isinstance(node, ListNode):
        return not node.items
    return not node.entries if isinstance(node, MapNode) else is_zero(node)


def _by_key(base: Node, own: Node) -> Node:
    if not isinstance(base, MapNode) or not isinstance(own, MapNode):
        return own
    keys = {**base.keys, **own.keys}
    return MapNode(own.line, own.column, {**base.entries, **own.entries}, keys)


# rules that look at the whole document


def _after_reading(base: Node, document: MapNode, own: Node | None) -> Node | None:
    return own


def _steps(base: Node, document: MapNode, own: Node | None) -> Node | None:
    """Steps are never mixed: those of the base only where the document says nothing at all."""
    return own if "steps" in document.entries else base


def _days(base: Node, document: MapNode, own: Node | None) -> Node | None:
    """Setting the number of runs clears the inherited days."""
    if _is_set(document, "hist_retention_runs"):
        return own
    return base if own is None or is_null(own) or is_zero(own) else own


def _runs(base: Node, document: MapNode, own: Node | None) -> Node | None:
    """Setting days clears the inherited number of runs. (A zero stays: it is refused.)"""
    if _is_set(document, "hist_retention_days"):
        return own
    return base if own is None or is_null(own) else own


def _is_set(document: MapNode, name: str) -> bool:
    node = document.entries.get(name)
    return node is not None and not is_null(node) and not is_zero(node)


_OF_DOCUMENT: dict[str, Callable[[Node, MapNode, Node | None], Node | None]] = {
    "params": _after_reading,
    "consts": _after_reading,
    "steps": _steps,
    "hist_retention_days": _days,
    "hist_retention_runs": _runs,
}


# rules of single values, both of them there


def _schedule(base: Node, own: Node) -> Node:
    """Merge start, stop and restart, each replaced when the document's is not empty."""
    parts = _schedule_parts(base)
    for kind, value in _schedule_parts(own).items():
        if not is_null(value) and not _is_empty(value):
            parts[kind] = value
    return MapNode(own.line, own.column, parts, dict.fromkeys(parts, (own.line, own.column)))


def _schedule_parts(node: Node) -> dict[str, Node]:
    return dict(node.entries) if isinstance(node, MapNode) else {"start": node}


def _handlers(base: Node, own: Node) -> Node:
    if not isinstance(base, MapNode) or not isinstance(own, MapNode):
        return own
    entries = dict(base.entries)
    for event, value in own.entries.items():
        entries[event] = merged_handler(entries.get(event), value)
    return MapNode(own.line, own.column, entries, {**base.keys, **own.keys})


def _defaults(base: Node, own: Node) -> Node:
    """Replace what the document's `defaults` has; env and preconditions come base first."""
    if not isinstance(base, MapNode) or not isinstance(own, MapNode):
        return own
    entries = {**base.entries, **own.entries}
    for key in ("env", "preconditions"):
        before, after = base.entries.get(key), own.entries.get(key)
        if before is None or after is None or is_null(before):
            continue
        if isinstance(after, ListNode) and not after.items:
            continue
        entries[key] = concatenated(before, after)
    return MapNode(own.line, own.column, entries, {**base.keys, **own.keys})


def _kubernetes(base: Node, own: Node) -> Node:
    """Merge maps at every depth; an empty one clears."""
    if not isinstance(base, MapNode) or not isinstance(own, MapNode) or not own.entries:
        return own
    return merged_deep(base, own)


_OF_VALUE: dict[str, Callable[[Node, Node], Node]] = {
    "actions": _by_key,
    "step_types": _by_key,
    "schedule": _schedule,
    "handler_on": _handlers,
    "defaults": _defaults,
    "container": merged_container,
    "registry_auths": merged_registry_auths,
    "smtp": merged_smtp,
    "kubernetes": _kubernetes,
}


def _check_actions(base: MapNode, document: MapNode, number: int) -> None:
    inherited = _action_names(base)
    for name, (line, column) in _action_names(document).items():
        if name in inherited:
            text = (
                f'duplicate custom action "{name}" conflicts with the one of the base configuration'
            )
            message = f"failed to process document {number}: {text}"
            raise DAGError(message, [Problem(line, column, f"actions.{name}", text)], [message])


def _action_names(node: MapNode) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for field in _ACTIONS:
        actions = node.entries.get(field)
        if isinstance(actions, MapNode):
            found.update(actions.keys)
    return found
