"""The duration text of `catchup_window` (spec 10 section 4)."""

from __future__ import annotations

from edge.core.durations import parse_go_duration
from edge.workflow.nodes import Node, ScalarNode
from edge.workflow.shapes import fail

__all__ = ["read_window"]

#: what fits 64 bits of nanoseconds
_LONGEST_S = 2**63 / 1e9


def read_window(node: Node | None) -> float:
    """Return seconds; 0 when unset. Raises: FaultError."""
    text = node.value if isinstance(node, ScalarNode) else None
    if node is None or not isinstance(text, str) or not text:
        return 0.0
    try:
        seconds = parse_go_duration(text, days=True)
    except ValueError as exc:
        fail(node, "catchup_window", f"time: {exc}")
    if seconds > _LONGEST_S:
        fail(node, "catchup_window", f'time: invalid duration "{text}"')
    if seconds <= 0:
        fail(node, "catchup_window", "duration must be positive")
    return seconds
