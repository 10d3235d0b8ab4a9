"""`parallel` and `foreach`: their values behind the shapes (spec 10 section 6.4)."""

from __future__ import annotations

from functools import partial

from edge.core.jsontypes import JsonValue
from edge.workflow.decode import Decoded
from edge.workflow.model import Foreach, Parallel
from edge.workflow.nodes import (
    ListNode,
    MapNode,
    Node,
    ScalarNode,
    go_text,
    go_type,
    json_of,
    scalar_text,
)
from edge.workflow.problems import Findings
from edge.workflow.shapes import fail, is_null
from edge.workflow.words import is_name

__all__ = ["body_nodes", "read_foreach", "read_parallel"]

_MOST = 1000
_PARALLEL_KEYS = ("items", "max_concurrent")
_FOREACH_KEYS = ("items", "as", "key", "max_concurrent", "steps", "collect")
#: keys that `foreach` cannot share a step with
_EXCLUDED = (
    "run",
    "action",
    "command",
    "exec",
    "script",
    "call",
    "parallel",
    "type",
    "container",
    "worker_selector",
)
_NAME_PATTERN = "^[A-Za-z][A-Za-z0-9_]*$"


def read_parallel(node: Node | None) -> Parallel | None:
    """Return the items of a fan-out; None when absent. Raises: FaultError."""
    if node is None or is_null(node):
        return None
    field = "parallel"
    if isinstance(node, MapNode):
        for key, value in node.entries.items():
            if key not in _PARALLEL_KEYS:
                fail(value, field, f'unknown parallel field "{key}"', go_text(node))
        most = _concurrency(node.entries.get("max_concurrent"), field)
        items = node.entries.get("items")
    else:
        most, items = 10, node
    if items is not None and not is_null(items):
        if isinstance(items, ListNode):
            literals = tuple(_item(item, node) for item in items.items)
            if literals:
                return Parallel(items=literals, max_concurrent=most)
        elif isinstance(items, ScalarNode) and isinstance(items.value, str):
            if items.value:
                return Parallel(variable=items.value, max_concurrent=most)
        else:
            message = f"parallel must be a string, array, or object, got {go_type(items)}"
            fail(items, field, message, go_text(items))
    message = "parallel must have either items array or variable reference"
    fail(node, field, message, go_text(node))


def _item(node: Node, whole: Node) -> str | dict[str, str]:
    """Return a literal item: text, or a flat map of texts."""
    if isinstance(node, MapNode):
        return {key: _parameter(key, value) for key, value in node.entries.items()}
    value = node.value if isinstance(node, ScalarNode) else None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        message = f"parallel items must be strings, numbers, or objects, got {go_type(node)}"
        fail(node, "parallel", message, go_text(whole))
    return scalar_text(value)


def _parameter(key: str, node: Node) -> str:
    value = node.value if isinstance(node, ScalarNode) else None
    if not isinstance(value, str | int | float):
        message = (
            f"parameter values must be strings, numbers, or booleans, got {go_type(node)}"
            f" for key {key}"
        )
        fail(node, "parallel", message, go_text(node))
    return scalar_text(value)


def _concurrency(node: Node | None, field: str) -> int:
    if node is None or is_null(node):
        return 10
    value = node.value if isinstance(node, ScalarNode) else None
    where = f"{field}.max_concurrent"
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        fail(node, where, f"{where} must be an integer, got {go_type(node)}", go_text(node))
    if not 1 <= value <= _MOST:
        message = f"max_concurrent must be an integer from 1 through {_MOST}"
        fail(node, where, message, go_text(node))
    return int(value)


def read_foreach(fields: Decoded) -> Foreach | None:
    """Return the loop without its body; None when absent. Raises: FaultError with every fault."""
    node = fields.get("foreach")
    if node is None:
        return None
    if not isinstance(node, MapNode):
        fail(node, "foreach", "foreach must be an object", go_text(node))
    found = Findings()
    for key in _EXCLUDED:
        if fields.get(key) is not None:
            message = f'foreach cannot be combined with "{key}" on the same step'
            found.read(partial(fail, fields.at(key), "foreach", message), None)
    entries = node.entries
    for key, value in entries.items():
        if key not in _FOREACH_KEYS:
            message = f'unknown foreach field "{key}"'
            found.read(partial(fail, value, "foreach", message), None)
    items = found.read(lambda: _items(node), ())
    name = found.read(lambda: _variable(entries.get("as")), "item")
    key_text = found.read(lambda: _key(entries.get("key")), "")
    most = found.read(lambda: _concurrency(entries.get("max_concurrent"), "foreach"), 10)
    collect = found.read(lambda: _collect(entries.get("collect")), {})
    found.read(lambda: body_nodes(node), [])
    found.raise_any()
    return Foreach(
        items=items, steps=(), name=name, key=key_text, max_concurrent=most, collect=collect
    )


def body_nodes(node: MapNode) -> list[MapNode]:
    """Return the steps of the body as they stand in the file. Raises: FaultError."""
    steps = node.entries.get("steps")
    field = "foreach.steps"
    if steps is None or is_null(steps) or (isinstance(steps, ListNode) and not steps.items):
        fail(steps or node, field, "foreach.steps must contain at least one step")
    if not isinstance(steps, ListNode):
        fail(steps, field, f"foreach.steps must be an array, got {go_type(steps)}")
    found = []
    for index, item in enumerate(steps.items):
        if not isinstance(item, MapNode):
            fail(item, field, f"foreach.steps[{index}] must be an object", go_text(item))
        found.append(item)
    return found


def _items(node: MapNode) -> tuple[JsonValue, ...] | str:
    items = node.entries.get("items")
    field = "foreach.items"
    if items is None or is_null(items):
        fail(items or node, field, "foreach.items is required")
    if isinstance(items, ListNode):
        return tuple(json_of(item) for item in items.items)
    value = items.value if isinstance(items, ScalarNode) else None
    if not isinstance(value, str):
        message = f"foreach.items must be string or array, got {go_type(items)}"
        fail(items, field, message, go_text(items))
    if not value.strip():
        fail(items, field, "foreach.items is required", value)
    return value


def _variable(node: Node | None) -> str:
    if node is None or is_null(node):
        return "item"
    field = "foreach.as"
    name = node.value if isinstance(node, ScalarNode) else None
    if not isinstance(name, str):
        fail(node, field, f"foreach.as must be a string, got {go_type(node)}", go_text(node))
    if name in ("index", "key"):
        fail(node, field, f'foreach.as "{name}" is reserved', name)
    if not is_name(name):
        fail(node, field, f'foreach.as "{name}" must match "{_NAME_PATTERN}"', name)
    return name


def _key(node: Node | None) -> str:
    if node is None or is_null(node):
        return ""
    text = node.value if isinstance(node, ScalarNode) else None
    if not isinstance(text, str):
        fail(node, "foreach.key", f"foreach.key must be a string, got {go_type(node)}")
    return text


def _collect(node: Node | None) -> dict[str, str]:
    if node is None or is_null(node):
        return {}
    field = "foreach.collect"
    if not isinstance(node, MapNode):
        fail(node, field, f"foreach.collect must be an object, got {go_type(node)}")
    found = {}
    for name, value in node.entries.items():
        if not is_name(name):
            message = f'foreach.collect name "{name}" must match "{_NAME_PATTERN}"'
            fail(value, field, message, name)
        text = value.value if isinstance(value, ScalarNode) else None
        if not isinstance(text, str):
            where = f"{field}.{name}"
            fail(value, where, f"{where} must be a string, got {go_type(value)}", go_text(value))
        found[name] = text
    return found
