"""How objects inside root fields meet those of the base configuration (spec 10 section 5)."""

from __future__ import annotations

from edge.core.jsontypes import JsonValue
from edge.workflow.fields import CONTEXTS, Field, Kind
from edge.workflow.nodes import ListNode, MapNode, Node, ScalarNode
from edge.workflow.shapes import is_null
from edge.workflow.step_policies import concatenated

__all__ = [
    "is_zero",
    "merged_container",
    "merged_deep",
    "merged_fields",
    "merged_handler",
    "merged_registry_auths",
    "merged_smtp",
]

#: what a handler executes; one of these replaces the whole execution of the base's handler
_FORMS = frozenset(
    "run action command script exec call type parallel foreach value routes messages".split()
)
#: what belongs to an execution
_SETTINGS = frozenset("with config params shell shell_args shell_packages container llm".split())
#: lists of a container that add up
_CONTAINER_LISTS = frozenset(("volumes", "ports", "env", "command", "shell"))


def is_zero(node: Node) -> bool:
    """Return whether a scalar is zero, empty or false: it never clears what the base says."""
    return isinstance(node, ScalarNode) and not node.value


def merged_fields(base: Node, own: Node, context: str = "") -> Node:
    """Merge an object field by field; lists of texts add up, the base's first.

    `context` names its line of the table of fields; "" for one that is not in it.
    """
    if not isinstance(base, MapNode) or not isinstance(own, MapNode):
        return own
    table = CONTEXTS.get(context, {})
    entries = dict(base.entries)
    for key, value in own.entries.items():
        before = entries.get(key)
        if before is None or is_null(before):
            entries[key] = value
        elif not is_null(value):
            entries[key] = _field(table.get(key), before, value)
    return MapNode(own.line, own.column, entries, {**base.keys, **own.keys})


def _field(field: Field | None, base: Node, own: Node) -> Node:
    kind = Kind.FREE if field is None else field.kind
    if isinstance(base, MapNode) and isinstance(own, MapNode):
        return merged_fields(base, own, "" if field is None else field.struct)
    if kind is Kind.SHELL:
        return base if is_zero(own) else own
    if is_zero(own) or (isinstance(own, ListNode) and not own.items):
        return base
    if kind is Kind.TEXTS or (_is_texts(base) and _is_texts(own)):
        return concatenated(base, own)
    return own


def _is_texts(node: Node) -> bool:
    return isinstance(node, ListNode) and all(isinstance(item, ScalarNode) for item in node.items)


def merged_smtp(base: Node, own: Node) -> Node:
    """Merge field by field; one that uses `oauth` is never mixed with another."""
    for node in (base, own):
        if isinstance(node, MapNode) and not is_null(node.entries.get("oauth")):
            return own
    return merged_fields(base, own, "smtp")


def merged_container(base: Node, own: Node) -> Node:
    """Merge field by field, volumes, ports, env and command base first.

    A document that works in a running container inherits nothing of an image, nor the reverse: the
    reference mixes them into a container that cannot start.
    """
    before, after = _container_map(base), _container_map(own)
    if before is None or after is None or not after.entries:
        return own
    modes = [
        {key for key in ("exec", "image") if not is_null(node.entries.get(key))}
        for node in (before, after)
    ]
    if modes[0] and modes[1] and modes[0] != modes[1]:
        return own
    merged = merged_fields(before, after)
    assert isinstance(merged, MapNode)
    for key in _CONTAINER_LISTS:
        first, second = before.entries.get(key), after.entries.get(key)
        if first is not None and second is not None and not is_null(first):
            merged.entries[key] = concatenated(first, second)
    checks = after.entries.get("healthcheck")
    if isinstance(checks, MapNode) and not is_null(checks.entries.get("test")):
        # its first word says what the others mean: two lists do not add up
        health = merged.entries["healthcheck"]
        assert isinstance(health, MapNode)
        health.entries["test"] = checks.entries["test"]
    return merged


def _container_map(node: Node) -> MapNode | None:
    if isinstance(node, ScalarNode):
        place = (node.line, node.column)
        return MapNode(node.line, node.column, {"exec": node}, {"exec": place})
    return node if isinstance(node, MapNode) else None


def merged_deep(base: MapNode, own: MapNode) -> MapNode:
    """Merge maps at every depth; lists and scalars are replaced, an empty map clears."""
    entries = dict(base.entries)
    for key, value in own.entries.items():
        before = entries.get(key)
        if isinstance(before, MapNode) and isinstance(value, MapNode) and value.entries:
            value = merged_deep(before, value)
        entries[key] = value
    return MapNode(own.line, own.column, entries, {**base.keys, **own.keys})


def merged_registry_auths(base: Node, own: Node) -> Node:
    """Merge by registry host; a text that is no JSON object yet replaces, or is replaced."""
    before, after = _registries(base), _registries(own)
    if before is None or after is None:
        return own
    keys = {**before.keys, **after.keys}
    return MapNode(own.line, own.column, {**before.entries, **after.entries}, keys)


def _registries(node: Node) -> MapNode | None:
    if isinstance(node, MapNode):
        return node
    text = node.value if isinstance(node, ScalarNode) else None
    if not isinstance(text, str):
        return None
    # costs start-up time and is hardly ever needed
    import json

    try:
        found = json.loads(text)
        if isinstance(found, dict) and isinstance(found.get("auths"), dict):
            found = found["auths"]
        made = _node_of(found, node.line, node.column)
    except (ValueError, RecursionError):
        return None
    return made if isinstance(made, MapNode) else None


def _node_of(value: JsonValue, line: int, column: int) -> Node:
    """Return decoded JSON as a tree, all of it at one place of the file."""
    if isinstance(value, dict):
        entries = {key: _node_of(inner, line, column) for key, inner in value.items()}
        return MapNode(line, column, entries, dict.fromkeys(entries, (line, column)))
    if isinstance(value, list):
        return ListNode(line, column, [_node_of(inner, line, column) for inner in value])
    return ScalarNode(line, column, value)


def merged_handler(base: Node | None, own: Node) -> Node:
    """Merge a handler field by field, what it executes as one unit; env comes base first."""
    if is_null(own) or (isinstance(own, MapNode) and not own.entries):
        return own if base is None else base
    if not isinstance(base, MapNode) or not isinstance(own, MapNode):
        return own
    inherited = dict(base.entries)
    if not _FORMS.isdisjoint(own.entries):
        replaced = _FORMS | _SETTINGS
        inherited = {key: value for key, value in inherited.items() if key not in replaced}
    entries = {**inherited, **own.entries}
    if "env" in inherited and "env" in own.entries and not is_null(inherited["env"]):
        entries["env"] = concatenated(inherited["env"], own.entries["env"])
    return MapNode(own.line, own.column, entries, {**base.keys, **own.keys})
