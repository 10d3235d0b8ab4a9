"""`repeat_policy` of a step (spec 10 section 7.3)."""

from __future__ import annotations

import re

from edge.workflow.decode import Decoded
from edge.workflow.model import RepeatPolicy
from edge.workflow.nodes import ListNode, Node, ScalarNode, go_text, go_type
from edge.workflow.problems import Findings
from edge.workflow.shapes import fail

__all__ = ["read_repeat_policy"]

_FIELD = "repeat_policy"


def read_repeat_policy(fields: Decoded) -> RepeatPolicy | None:
    """Return the policy; None when it does not repeat anything.

    A count that is text stays text until the step starts. Raises: FaultError with every fault.
    """
    found = Findings()
    written = found.read(lambda: _mode(fields), "")
    interval = found.read(lambda: _count(fields, "interval_sec"), 0)
    limit = found.read(lambda: _count(fields, "limit"), 0)
    longest = found.read(lambda: _count(fields, "max_interval_sec"), 0)
    codes = found.read(lambda: _codes(fields), ())
    backoff = found.read(lambda: _backoff(fields), 0.0)
    condition, expected = fields.text("condition"), fields.text("expected")
    if written in ("while", "until") and not condition and not codes and not found.errors:
        message = (
            f"repeat mode '{written}' requires either 'condition' or 'exit_code' to be specified"
        )
        found.read(lambda: fail(fields.at("repeat"), _FIELD, message), None)
    found.raise_any()
    mode = _effective(written, condition, expected, codes)
    if not mode:
        return None
    return RepeatPolicy(
        mode=mode,
        interval_s=interval,
        limit=limit,
        condition=condition,
        expected=expected,
        exit_codes=codes,
        backoff=backoff,
        max_interval_s=longest,
    )


def _mode(fields: Decoded) -> str:
    """Return `while`, `until`, `true`, `false`, or "" when absent."""
    node = fields.get("repeat")
    if node is None:
        return ""
    value = node.value if isinstance(node, ScalarNode) else None
    if isinstance(value, bool):
        return "true" if value else "false"
    if value in ("while", "until"):
        return str(value)
    text = go_text(node)
    message = f"invalid value for repeat: '{text}'. It must be 'while', 'until', or a boolean"
    fail(node, _FIELD, message, text)


def _effective(written: str, condition: str, expected: str, codes: tuple[int, ...]) -> str:
    if written == "true":
        return "while"
    if written:
        return "" if written == "false" else written
    if condition and expected:
        return "until"
    return "while" if condition or codes else ""


def _count(fields: Decoded, key: str) -> int | str:
    node = fields.get(key)
    if node is None:
        return 0
    value = node.value if isinstance(node, ScalarNode) else None
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        if re.fullmatch(r"[-+]?[0-9]{1,18}", value):
            return int(value)
        if "${" in value or "`" in value or value.startswith("$"):
            return value
    message = "must be an integer or a variable reference like ${VAR}"
    fail(node, f"{_FIELD}.{key}", message, go_text(node))


def _codes(fields: Decoded) -> tuple[int, ...]:
    node = fields.get("exit_code")
    if node is None:
        return ()
    field = f"{_FIELD}.exit_code"
    message = "exit_code must be a list of integers"
    if not isinstance(node, ListNode):
        fail(node, field, message, go_text(node))
    codes = []
    for item in node.items:
        value = item.value if isinstance(item, ScalarNode) else None
        if isinstance(value, bool) or not isinstance(value, int):
            fail(item, field, message, go_text(item))
        codes.append(value)
    return tuple(codes)


def _backoff(fields: Decoded) -> float:
    node: Node | None = fields.get("backoff")
    if node is None:
        return 0.0
    value = node.value if isinstance(node, ScalarNode) else None
    if isinstance(value, bool):
        return 2.0 if value else 0.0
    field = f"{_FIELD}.backoff"
    if not isinstance(value, int | float):
        message = f"invalid type for {field}: {go_type(node)} (must be boolean or number)"
        fail(node, field, message, go_text(node))
    if value == 0:
        return 0.0
    # the upper bound keeps an integer beyond the range of floats out
    if not 1.0 < value < 1e300:
        message = "must be greater than 1.0 for exponential growth"
        fail(node, field, message, go_text(node))
    return float(value)
