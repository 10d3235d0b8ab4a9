"""`retry_policy` and `preconditions`: contents behind the shapes (spec 10 section 7)."""

from __future__ import annotations

import re

from edge.workflow.decode import Decoded
from edge.workflow.model import Precondition, RetryPolicy
from edge.workflow.nodes import (
    ListNode,
    MapNode,
    Node,
    ScalarNode,
    go_text,
    go_type,
)
from edge.workflow.shapes import fail, is_null

__all__ = ["read_backoff", "read_preconditions", "read_retry_policy"]


def read_retry_policy(fields: Decoded, path: str = "retry_policy") -> RetryPolicy:
    """Return the step form of spec 10 section 7.2; text stays text until the step starts."""
    limit = _count(fields, path, "limit")
    interval = _count(fields, path, "interval_sec")
    return RetryPolicy(
        limit=limit,
        interval_s=interval,
        backoff=read_backoff(fields, path),
        max_interval_s=fields.integer("max_interval_sec"),
        exit_codes=_codes(fields, path),
    )


def _count(fields: Decoded, path: str, key: str) -> int | str:
    node = fields.get(key)
    field = f"{path}.{key}"
    if node is None:
        fail(fields.node, field, f"{key} is required when retry_policy is specified")
    value = node.value if isinstance(node, ScalarNode) else None
    if isinstance(value, bool) or not isinstance(value, int | str):
        fail(node, field, f"invalid type: {go_type(node)}", go_text(node))
    if isinstance(value, str) and re.fullmatch(r"[-+]?[0-9]{1,18}", value):
        return int(value)
    return value


def read_backoff(fields: Decoded, path: str) -> float:
    """Return the factor; 0 = constant interval."""
    node = fields.get("backoff")
    if node is None:
        return 0.0
    value = node.value if isinstance(node, ScalarNode) else None
    if isinstance(value, bool):
        return 2.0 if value else 0.0
    if not isinstance(value, int | float):
        fail(
            node,
            f"{path}.backoff",
            f"invalid type for retry_policy.backoff: {go_type(node)} (must be boolean or number)",
            go_text(node),
        )
    if not 1.0 < value < float("inf"):
        fail(
            node,
            f"{path}.backoff",
            "must be greater than 1.0 for exponential growth",
            go_text(node),
        )
    return float(value)


def _codes(fields: Decoded, path: str) -> tuple[int, ...]:
    node = fields.get("exit_code")
    if node is None:
        return ()
    if not isinstance(node, ListNode):
        fail(node, f"{path}.exit_code", "exit_code must be a list of integers", go_text(node))
    codes = []
    for item in node.items:
        value = item.value if isinstance(item, ScalarNode) else None
        if isinstance(value, bool) or not isinstance(value, int):
            fail(item, f"{path}.exit_code", "exit_code must be a list of integers", go_text(item))
        codes.append(value)
    return tuple(codes)


def read_preconditions(
    node: Node | None, field: str = "preconditions", *, dialect: str = "v2"
) -> tuple[Precondition, ...]:
    """Return the checks of spec 10 section 7.4.

    A document of Dagu 1.30 may give a bare map, and `command` for `condition`.
    """
    if node is None or is_null(node):
        return ()
    if isinstance(node, ScalarNode) and isinstance(node.value, str):
        return (_condition(node, field, node.value),)
    is_v1 = dialect == "v1"
    if is_v1 and isinstance(node, MapNode):
        return (_check(node, field, is_v1),)
    if not isinstance(node, ListNode):
        fail(node, field, "precondition must be a string or an array of strings", go_text(node))
    found = []
    for item in node.items:
        if isinstance(item, MapNode):
            found.append(_check(item, field, is_v1))
        elif isinstance(item, ScalarNode) and isinstance(item.value, str):
            found.append(_condition(item, field, item.value))
        else:
            fail(item, field, "precondition value must be a string", go_text(item))
    return tuple(found)


def _condition(node: Node, field: str, text: str) -> Precondition:
    if not text.strip():
        fail(node, field, "precondition value must be a string", text)
    return Precondition(condition=text)


def _check(node: MapNode, field: str, is_v1: bool) -> Precondition:
    texts = {"condition": "", "eval": "", "expected": ""}
    negate = False
    for written, value in node.entries.items():
        key = written.lower()
        if is_v1 and key == "command":
            key = "condition"
        if key == "negate":
            if not isinstance(value, ScalarNode) or not isinstance(value.value, bool):
                fail(value, field, "precondition negate must be a boolean", go_text(value))
            negate = value.value
        elif key in texts:
            text = value.value if isinstance(value, ScalarNode) else None
            if not isinstance(text, str) or not text.strip():
                message = "precondition value must be a string"
                if key == "eval":
                    message = f"eval must be a non-empty string: {message}"
                fail(value, field, message, go_text(value))
            texts[key] = text
        else:
            fail(value, field, f"precondition has invalid key: {written}", written)
    if texts["condition"] and texts["eval"]:
        fail(node, field, "only one of condition or eval is allowed")
    if not texts["condition"] and not texts["eval"]:
        fail(node, field, "condition or eval is required")
    if texts["eval"] and not texts["expected"]:
        fail(node, field, "expected is required when eval is set")
    pattern = texts["expected"].removeprefix("re:")
    if texts["expected"].startswith("re:"):
        if not pattern:
            fail(node, field, "expected regexp is empty")
        try:
            re.compile(pattern)
        except (re.error, RecursionError, OverflowError) as exc:
            fail(node, field, f"expected regexp is invalid: {exc}", texts["expected"])
    return Precondition(
        condition=texts["condition"],
        eval=texts["eval"],
        expected=texts["expected"],
        negate=negate,
    )
