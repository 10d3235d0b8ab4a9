"""Where a step runs and which files it needs: `worker_selector`, `inputs`, `dependencies`.

Spec 10 section 6.4; spec 12 section 21.
"""

from __future__ import annotations

import re
from typing import NoReturn

from edge.workflow.nodes import ListNode, MapNode, Node, ScalarNode, go_text, go_type
from edge.workflow.problems import Fault, FaultError
from edge.workflow.shapes import fail, is_null, read_texts
from edge.workflow.words import is_name

__all__ = ["read_dependencies", "read_inputs", "read_labels_of_worker"]

#: a strict reference: braces, a namespace, a dot; `$X` and `${X}` are text
_REFERENCE = re.compile(r"\$\{[ \t]*(?:consts|params|env|context|steps|foreach|inputs|outputs)\.")


def read_labels_of_worker(node: Node | None) -> dict[str, str]:
    """Return the selector of a sub-DAG step: text to text, resolved when the step starts."""
    if node is None or is_null(node):
        return {}
    field = "worker_selector"
    if not isinstance(node, MapNode):
        short = {"[]interface {}": "slice"}.get(go_type(node), go_type(node))
        _misshaped(node, field, f"'{field}' expected a map or struct, got \"{short}\"")
    found = {}
    for key, value in node.entries.items():
        text = value.value if isinstance(value, ScalarNode) else None
        if not isinstance(text, str):
            where = f"{field}[{key}]"
            kind = go_type(value)
            message = f"'{where}' expected type 'string', got unconvertible type '{kind}'"
            _misshaped(value, where, message)
        found[key] = text
    return found


def read_dependencies(node: Node | None) -> tuple[str, ...]:
    """Return the literal paths and globs; their shape was checked. Raises: FaultError."""
    if node is None:
        return ()
    field = "dependencies"
    paths = read_texts(node, field)
    if not paths:
        fail(node, field, "must not be empty", go_text(node))
    for index, path in enumerate(paths):
        at = node.items[index] if isinstance(node, ListNode) else node
        if not path.strip():
            fail(at, field, f"item {index} must not be empty", path)
        if _REFERENCE.search(path):
            fail(at, field, "file dependency paths must be literal", path)
    return paths


def read_inputs(node: Node | None) -> tuple[tuple[str, str], ...]:
    """Return name and path of each input of a build step. Raises: FaultError."""
    if node is None or is_null(node):
        return ()
    field = "inputs"
    if not isinstance(node, ListNode) or not node.items:
        fail(node, field, "inputs must be a non-empty sequence", go_text(node))
    found: dict[str, str] = {}
    for index, item in enumerate(node.items):
        where = f"inputs[{index}]: "
        if not isinstance(item, MapNode):
            fail(item, field, f"{where}item must be an object", go_text(item))
        for key, value in item.entries.items():
            if key not in ("name", "path"):
                fail(value, field, f'{where}unknown field "{key}"', go_text(item))
        name, path = _text(item, "name", where), _text(item, "path", where)
        if not is_name(name):
            fail(item, field, f'{where}name must match "^[A-Za-z][A-Za-z0-9_]*$"', name)
        if name in found:
            fail(item, field, f'{where}duplicate input name "{name}"', name)
        found[name] = path
    return tuple(found.items())


def _text(item: MapNode, key: str, where: str) -> str:
    node = item.entries.get(key)
    if node is None:
        fail(item, "inputs", f"{where}{key} is required", go_text(item))
    value = node.value if isinstance(node, ScalarNode) else None
    if not isinstance(value, str):
        fail(node, "inputs", f"{where}{key} must be a string", go_text(node))
    if not value.strip():
        fail(node, "inputs", f"{where}{key} is required", value)
    return value


def _misshaped(node: Node, field: str, message: str) -> NoReturn:
    raise FaultError([Fault(node.line, node.column, field, message, bullet=message)], decoding=True)
