"""The loader's own tree of a YAML document, with the place of every node.

Nodes are never changed after composing, so an alias and its anchor share one node.
"""

from __future__ import annotations

import math
from typing import TypeAlias

from edge.core.jsontypes import JsonValue

__all__ = [
    "ListNode",
    "MapNode",
    "Node",
    "Scalar",
    "ScalarNode",
    "decimal_text",
    "go_float",
    "go_text",
    "go_type",
    "json_of",
    "scalar_text",
]

Scalar: TypeAlias = "str | bool | int | float | None"


class Node:
    """A place in the file; `line` and `column` count from 1."""

    __slots__ = ("column", "line")

    def __init__(self, line: int, column: int) -> None:
        self.line = line
        self.column = column


class ScalarNode(Node):
    """A scalar by the rules of spec 10 section 1.1."""

    __slots__ = ("value",)

    def __init__(self, line: int, column: int, value: Scalar) -> None:
        self.line = line
        self.column = column
        self.value = value


class ListNode(Node):
    """A sequence."""

    __slots__ = ("items",)

    def __init__(self, line: int, column: int, items: list[Node]) -> None:
        self.line = line
        self.column = column
        self.items = items


class MapNode(Node):
    """A mapping in author order; keys are text. `keys` holds the place of each key."""

    __slots__ = ("entries", "keys")

    def __init__(
        self, line: int, column: int, entries: dict[str, Node], keys: dict[str, tuple[int, int]]
    ) -> None:
        self.line = line
        self.column = column
        self.entries = entries
        self.keys = keys


def go_float(value: float) -> str:
    """Return a float as Go prints it: `1.5`, `1e+06`, `+Inf`, `NaN`."""
    if math.isnan(value):
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    if value == 0:
        return "-0" if repr(value).startswith("-") else "0"
    digits, power = _shortest(abs(value))
    if -4 <= power < 6:
        return decimal_text(value)
    sign = "-" if value < 0 else ""
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{fraction}e{'-' if power < 0 else '+'}{abs(power):02d}"


def decimal_text(value: float) -> str:
    """Return the shortest decimal that reads back as `value`, never in exponent form."""
    if value == 0 or not math.isfinite(value):
        return go_float(value)
    digits, power = _shortest(abs(value))
    sign = "-" if value < 0 else ""
    if power < 0:
        return f"{sign}0.{'0' * (-power - 1)}{digits}"
    if len(digits) <= power + 1:
        return sign + digits + "0" * (power + 1 - len(digits))
    return f"{sign}{digits[: power + 1]}.{digits[power + 1 :]}"


def _shortest(value: float) -> tuple[str, int]:
    """Return the shortest digits that read back as `value`, and the first one's exponent."""
    mantissa, _, exponent = repr(value).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    power = int(exponent or 0)
    if whole.strip("0"):
        power += len(whole) - 1
    else:
        power -= len(fraction) - len(fraction.lstrip("0")) + 1
    return digits.rstrip("0"), power


def scalar_text(value: Scalar) -> str:
    """Return a scalar as text, in Go's spelling (spec 10 section 1.1); null is `<nil>`."""
    if isinstance(value, str):
        return value
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return go_float(value)


def json_of(node: Node) -> JsonValue:
    """Return any node as decoded JSON, keys in author order."""
    if isinstance(node, ScalarNode):
        return node.value
    if isinstance(node, ListNode):
        return [json_of(item) for item in node.items]
    assert isinstance(node, MapNode)
    return {key: json_of(value) for key, value in node.entries.items()}


def go_text(node: Node) -> str:
    """Return any node as Go prints it: `[1 map[a:b]]`, map keys sorted."""
    if isinstance(node, ScalarNode):
        return scalar_text(node.value)
    if isinstance(node, ListNode):
        return "[" + " ".join(go_text(item) for item in node.items) + "]"
    assert isinstance(node, MapNode)
    pairs = (f"{key}:{go_text(node.entries[key])}" for key in sorted(node.entries))
    return "map[" + " ".join(pairs) + "]"


def go_type(node: Node) -> str:
    """Return the type name that error texts use: `string`, `uint64`, `[]interface {}` ..."""
    if isinstance(node, ListNode):
        return "[]interface {}"
    if not isinstance(node, ScalarNode):
        return "map[string]interface {}"
    value = node.value
    if value is None:
        return "<nil>"
    if isinstance(value, str):
        return "string"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "uint64" if value >= 0 else "int64"
    return "float64"
