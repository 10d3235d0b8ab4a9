"""Weakly typed values, as the container object takes them (spec 10 section 6.5).

Numbers become text, a single value becomes a list of one, `"true"` and numbers become a flag.
"""

from __future__ import annotations

import re
from typing import NoReturn

from edge.workflow.nodes import ListNode, MapNode, Node, ScalarNode, go_type
from edge.workflow.shapes import fail, is_null

__all__ = ["decimal_text", "flag_of", "weak_flag", "weak_integer", "weak_text", "weak_texts"]

_FLAGS = {
    **dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True),
    **dict.fromkeys(("", "0", "f", "F", "FALSE", "false", "False"), False),
}


def weak_text(node: Node | None, field: str) -> str:
    """Return a scalar as text; "" when absent."""
    if node is None or is_null(node):
        return ""
    if not isinstance(node, ScalarNode):
        _wrong(node, field, "string")
    value = node.value
    if isinstance(value, bool):
        return "1" if value else "0"
    return decimal_text(value) if isinstance(value, float) else str(value)


def weak_texts(node: Node | None, field: str) -> tuple[str, ...]:
    """Return a list of scalars, or one scalar, as texts; () when absent or ""."""
    if node is None or is_null(node):
        return ()
    if isinstance(node, ListNode):
        return tuple(weak_text(item, f"{field}[{index}]") for index, item in enumerate(node.items))
    if isinstance(node, MapNode) and not node.entries:
        return ()
    text = weak_text(node, f"{field}[0]")
    return (text,) if text else ()


def weak_flag(node: Node | None, field: str) -> bool:
    """Return a flag; False when absent."""
    if node is None or is_null(node):
        return False
    value = node.value if isinstance(node, ScalarNode) else None
    if isinstance(value, bool | int | float):
        return bool(value)
    if not isinstance(value, str):
        _wrong(node, field, "bool")
    flag = flag_of(value)
    if flag is None:
        fail(node, field, f"'{field}' cannot parse value as 'bool'", value)
    return flag


def flag_of(text: str) -> bool | None:
    """Return the flag that a text stands for; None for another text."""
    return _FLAGS.get(text)


def weak_integer(node: Node | None, field: str) -> int:
    """Return an integer, a fraction cut; 0 when absent or ""."""
    if node is None or is_null(node):
        return 0
    value = node.value if isinstance(node, ScalarNode) else None
    if isinstance(value, str):
        if not value:
            return 0
        if re.fullmatch(r"[-+]?[0-9]{1,18}", value):
            return int(value)
        fail(node, field, f"'{field}' cannot parse value as 'int'", value)
    if isinstance(value, int | float) and -(2**63) <= value < 2**63:
        return int(value)
    _wrong(node, field, "int")


def decimal_text(value: float) -> str:
    """Return the shortest decimal of a float, never in exponent form: `1.5`, `1000000`."""
    text = repr(value)
    if "e" in text:
        from decimal import Decimal

        text = format(Decimal(text), "f")
    return text.removesuffix(".0")


def _wrong(node: Node, field: str, wanted: str) -> NoReturn:
    kind = go_type(node)
    fail(node, field, f"'{field}' expected type '{wanted}', got unconvertible type '{kind}'")
