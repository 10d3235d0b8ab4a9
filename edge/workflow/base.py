"""Merge of a document over the base configuration (spec 10 section 5)."""

from __future__ import annotations

from edge.workflow.fields import CONTEXTS, Merge
from edge.workflow.nodes import ListNode, MapNode, Node, ScalarNode
from edge.workflow.shapes import is_null
from edge.workflow.steps import concatenated

__all__ = ["merge_documents"]

_RETENTION = ("hist_retention_days", "hist_retention_runs")
_EXECUTION = frozenset(["run", "with", "command", "script", "shell", "shell_args", "action"])


def merge_documents(base: MapNode, document: MapNode) -> MapNode:
    """Return the document with what it inherits; both have passed the table of root fields."""
    entries = dict(document.entries)
    keys = {**base.keys, **document.keys}
    if "tags" in base.entries and ("labels" in entries or "tags" in entries):
        base = _without(base, "tags")
    if "tags" in entries and "labels" in base.entries:
        base = _without(base, "labels")
    for name, inherited in base.entries.items():
        field = CONTEXTS["root"].get(name)
        if field is None or is_null(inherited):
            continue
        own = entries.get(name)
        merged = (
            _own_rule(name, inherited, own, document)
            if (field.merge is Merge.OWN)
            else _merged(field.merge, name, inherited, own, document)
        )
        if merged is not None:
            entries[name] = merged
    if "steps" not in document.entries and "steps" in base.entries:
        entries["steps"] = base.entries["steps"]
    return MapNode(document.line, document.column, entries, keys)


def _without(node: MapNode, key: str) -> MapNode:
    entries = {name: value for name, value in node.entries.items() if name != key}
    return MapNode(node.line, node.column, entries, node.keys)


def _merged(rule: Merge, name: str, base: Node, own: Node | None, document: MapNode) -> Node | None:
    if rule is Merge.NEVER:
        return own
    if name == "type":
        return own if name in document.entries else base
    if own is None or is_null(own):
        return base
    if rule is Merge.CONCAT:
        if name == "dotenv" and isinstance(own, ListNode) and not own.items:
            return own
        return concatenated(base, own)
    if rule is Merge.LIST:
        return base if isinstance(own, ListNode) and not own.items else own
    if rule in (Merge.KEYS, Merge.STRUCT):
        if not isinstance(base, MapNode) or not isinstance(own, MapNode):
            return own
        entries = dict(base.entries)
        for key, value in own.entries.items():
            if rule is Merge.KEYS or key not in entries or not _is_zero(value):
                entries[key] = value
        return MapNode(own.line, own.column, entries, {**base.keys, **own.keys})
    if rule is Merge.WHOLE:
        return own
    return base if _is_zero(own) else own


def _own_rule(name: str, base: Node, own: Node | None, document: MapNode) -> Node | None:
    if name in ("params", "consts", "steps"):
        # values are merged after reading, steps are never mixed
        return own
    if name in _RETENTION:
        other = _RETENTION[1 - _RETENTION.index(name)]
        if other in document.entries and not is_null(document.entries[other]):
            return own
        return base if own is None or is_null(own) else own
    if own is None or is_null(own):
        return base
    if name == "schedule":
        return _schedule(base, own)
    if name == "handler_on" and isinstance(base, MapNode) and isinstance(own, MapNode):
        entries = dict(base.entries)
        for event, value in own.entries.items():
            entries[event] = _handler(entries.get(event), value)
        return MapNode(own.line, own.column, entries, {**base.keys, **own.keys})
    if name == "defaults" and isinstance(base, MapNode) and isinstance(own, MapNode):
        return _defaults(base, own)
    return own


def _handler(base: Node | None, own: Node) -> Node:
    if is_null(own) or (isinstance(own, MapNode) and not own.entries):
        return own if base is None else base
    if not isinstance(base, MapNode) or not isinstance(own, MapNode):
        return own
    inherited = dict(base.entries)
    if _EXECUTION & set(own.entries):
        inherited = {key: value for key, value in inherited.items() if key not in _EXECUTION}
    entries = {**inherited, **own.entries}
    if "env" in inherited and "env" in own.entries and not is_null(inherited["env"]):
        entries["env"] = concatenated(inherited["env"], own.entries["env"])
    return MapNode(own.line, own.column, entries, {**base.keys, **own.keys})


def _defaults(base: MapNode, own: MapNode) -> Node:
    entries = {**base.entries, **own.entries}
    for key in ("env", "preconditions"):
        before, after = base.entries.get(key), own.entries.get(key)
        if before is None or after is None or is_null(before):
            continue
        if isinstance(after, ListNode) and not after.items:
            continue
        entries[key] = concatenated(before, after)
    return MapNode(own.line, own.column, entries, {**base.keys, **own.keys})


def _schedule(base: Node, own: Node) -> Node:
    """Merge start, stop and restart, each replaced when the document's is not empty."""
    parts = _schedule_parts(base)
    for kind, value in _schedule_parts(own).items():
        if not (is_null(value) or (isinstance(value, ListNode) and not value.items)):
            parts[kind] = value
    return MapNode(own.line, own.column, parts, dict.fromkeys(parts, (own.line, own.column)))


def _schedule_parts(node: Node) -> dict[str, Node]:
    return dict(node.entries) if isinstance(node, MapNode) else {"start": node}


def _is_zero(node: Node) -> bool:
    return isinstance(node, ScalarNode) and not node.value
