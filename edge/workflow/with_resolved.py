"""`with` once its references are resolved (spec 13 section 1.3). Pure.

A resolved text may stand for a number or a flag, so values are decoded weakly here, and what the
loader could not check because a reference stood there is checked now.
"""

from __future__ import annotations

import re

from edge.core.jsontypes import JsonObject, JsonValue
from edge.workflow.nodes import ListNode, MapNode, Node, ScalarNode, scalar_text
from edge.workflow.problems import FaultError
from edge.workflow.with_checks import check_executor
from edge.workflow.with_schema import check_inputs
from edge.workflow.with_tables import INPUTS

__all__ = ["as_flag", "as_int", "as_list", "as_text", "check_resolved", "weak_inputs"]

_TRUE = frozenset(("1", "t", "T", "true", "TRUE", "True"))
_FALSE = frozenset(("", "0", "f", "F", "false", "FALSE", "False"))
_INT = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)


def weak_inputs(type_: str, values: JsonObject) -> JsonObject:
    """Return the inputs with each value in its input's type; null counts as absent.

    Raises: ValueError for a value that cannot be one of that type.
    """
    known = INPUTS.get(type_, {})
    found: JsonObject = {}
    for key, value in values.items():
        kinds = re.split(r"[!>:]", known.get(key, "any"), maxsplit=1)[0]
        if value is None and kinds != "any":
            continue
        try:
            found[key] = _weak(kinds, value)
        except ValueError as exc:
            raise ValueError(f"invalid {type_} config: {key}: {exc}") from None
    return found


def _weak(kinds: str, value: JsonValue) -> JsonValue:
    match kinds:
        case "text":
            return as_text(value)
        case "int":
            return as_int(value)
        case "flag":
            return as_flag(value)
        case "list":
            return as_list(value)
        case "map":
            if not isinstance(value, dict):
                raise ValueError("expected a map")
    return value


def as_text(value: JsonValue) -> str:
    """Return a scalar as text, a flag as 1 or 0. Raises: ValueError."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, list | dict):
        raise ValueError("expected a string")
    return "" if value is None else scalar_text(value)


def as_int(value: JsonValue) -> int:
    """Return a scalar as a whole number. Raises: ValueError."""
    if isinstance(value, bool | int):
        return int(value)
    if isinstance(value, float) and abs(value) < 1e18:
        return int(value)
    if isinstance(value, str):
        text = value.strip()
        if not text:
            return 0
        if _INT.fullmatch(text):
            return int(text)
    raise ValueError(f'"{_short(value)}" is not an integer')


def as_flag(value: JsonValue) -> bool:
    """Return a scalar as a flag. Raises: ValueError."""
    if isinstance(value, bool | int | float):
        return bool(value)
    if isinstance(value, str) and value in _TRUE | _FALSE:
        return value in _TRUE
    raise ValueError(f'"{_short(value)}" is not a boolean')


def as_list(value: JsonValue) -> list[JsonValue]:
    """Return a list as it is, anything else as its one entry."""
    if isinstance(value, list):
        return value
    return [] if value is None or value == {} else [value]


def _short(value: JsonValue) -> str:
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= 80 else text[:80] + "…"


def check_resolved(type_: str, operation: str, values: JsonObject) -> str:
    """Return why the resolved inputs cannot be used; "" when they can."""
    node = _node(values)
    assert isinstance(node, MapNode)
    try:
        check_inputs(type_, node, [], type_, is_resolved=True)
        check_executor(type_, operation, node, node, is_resolved=True)
    except FaultError as exc:
        return exc.faults[0].message
    return ""


def _node(value: JsonValue) -> Node:
    if isinstance(value, dict):
        return MapNode(0, 0, {key: _node(item) for key, item in value.items()}, {})
    if isinstance(value, list):
        return ListNode(0, 0, [_node(item) for item in value])
    return ScalarNode(0, 0, value)
