"""Program and arguments of `action: exec` and of the old `exec` (spec 13 section 2)."""

from __future__ import annotations

from edge.workflow.commands import refuse_nul
from edge.workflow.model import ExecRun
from edge.workflow.nodes import ListNode, MapNode, Node, ScalarNode, go_text, go_type, scalar_text
from edge.workflow.shapes import fail, is_null

__all__ = ["read_exec"]


def read_exec(node: MapNode, field: str) -> ExecRun:
    """Return the program, which is never split, and its arguments. Raises: FaultError."""
    command = node.entries.get("command")
    value = command.value if isinstance(command, ScalarNode) else None
    if command is None:
        fail(node, f"{field}.command", f"{field}.command is required")
    if not isinstance(value, str) or not value.strip():
        message = f"{field}.command must be a non-empty string"
        fail(command, f"{field}.command", message, go_text(command))
    refuse_nul(command, value)
    return ExecRun(value.strip(), _arguments(node.entries.get("args")))


def _arguments(node: Node | None) -> tuple[str, ...]:
    if node is None or is_null(node):
        return ()
    if not isinstance(node, ListNode):
        fail(node, "exec.args", f"exec args must be an array, got {go_type(node)}", go_text(node))
    found = []
    for index, item in enumerate(node.items):
        if not isinstance(item, ScalarNode) or item.value is None:
            fail(
                item,
                f"exec.args[{index}]",
                f"exec args must be strings or primitive values, got {go_type(item)}",
                go_text(item),
            )
        text = scalar_text(item.value)
        refuse_nul(item, text, f"exec.args[{index}]")
        found.append(text)
    return tuple(found)
