"""Typed parameter values: from text to a value, back to canonical text, and the constraints.

All values of a run travel as text (spec 11 section 5); the type decides which texts are one.
"""

from __future__ import annotations

import math
import re

from edge.core.jsontypes import JsonValue
from edge.workflow.model_root import ParamDef
from edge.workflow.nodes import Node, ScalarNode, scalar_text

__all__ = ["TYPES", "coerce", "coerce_node", "is_finite", "value_text", "violated"]

TYPES = ("string", "integer", "number", "boolean")

_INTEGER = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?", re.ASCII)
_LIMIT = 2**63
_EXPECTED = {"integer": "an integer", "number": "a number", "boolean": "a boolean"}


def coerce(text: str, kind: str) -> JsonValue:
    """Return the value of a text of a scalar type. Raises: ValueError with the error text."""
    if kind == "integer" and _INTEGER.fullmatch(text) and -_LIMIT <= int(text) < _LIMIT:
        return int(text)
    if kind == "number" and len(text) < 400 and _NUMBER.fullmatch(text):
        value = float(text)
        if math.isfinite(value):
            return int(text) if _INTEGER.fullmatch(text) else value
    if kind == "boolean" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if kind in _EXPECTED:
        raise ValueError(f'cannot coerce "{text}" to {kind}')
    return text


def coerce_node(node: Node, kind: str) -> JsonValue:
    """Return a value written in the file, of a type. Raises: ValueError with the error text."""
    value = node.value if isinstance(node, ScalarNode) else None
    if isinstance(value, str):
        return coerce(value, kind)
    if value is None or kind in ("", "string"):
        if value is None:
            raise ValueError(f"expected {_EXPECTED.get(kind, 'a string')}")
        return scalar_text(value)
    is_number = not isinstance(value, bool) and isinstance(value, int | float)
    if kind == "boolean" and isinstance(value, bool):
        return value
    if kind == "number" and is_number and is_finite(value):
        return value
    if kind == "integer" and is_number and is_finite(value) and value == int(value):
        return int(value)
    raise ValueError(f"expected {_EXPECTED[kind]}")


def is_finite(value: float) -> bool:
    """Return whether a number is one, and within the range of a float."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def value_text(value: JsonValue) -> str:
    """Return the canonical text: shortest decimal without exponent, compact JSON, text as is."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        from decimal import Decimal

        text = format(Decimal(repr(value)), "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    import json

    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def violated(item: ParamDef, value: JsonValue) -> str:
    """Return the first constraint that a value breaks, in JSON Schema's words; "" when none."""
    if item.enum and not any(_same(value, allowed) for allowed in item.enum):
        return "enum"
    if isinstance(value, int | float) and not isinstance(value, bool):
        if item.minimum is not None and value < item.minimum:
            return "minimum"
        if item.maximum is not None and value > item.maximum:
            return "maximum"
    if isinstance(value, str):
        if item.min_length is not None and len(value) < item.min_length:
            return "minLength"
        if item.max_length is not None and len(value) > item.max_length:
            return "maxLength"
        if item.pattern and re.search(item.pattern, value) is None:
            return "pattern"
    return ""


def _same(left: JsonValue, right: JsonValue) -> bool:
    return left == right and isinstance(left, bool) is isinstance(right, bool)
