"""The form of a human task: a flat object schema of scalar properties (spec 13 section 16).

Everything in it is literal. The result is the normalised form of spec 12 section 14: properties by
name, `additionalProperties` always there.
"""

from __future__ import annotations

import re
from typing import NoReturn

from edge.core.jsontypes import JsonObject, JsonValue
from edge.workflow.nodes import ListNode, MapNode, Node, ScalarNode, go_text, json_of
from edge.workflow.shapes import fail, is_null
from edge.workflow.words import is_name

__all__ = ["read_form"]

_FIELD = "with.form"
_FORM_KEYS = ("type", "properties", "title", "description", "required", "additionalProperties")
_PROPERTY_KEYS = (
    *("type", "title", "description", "default", "enum", "oneOf"),
    *("minimum", "maximum", "minLength", "maxLength", "pattern"),
)
_CHOICE_KEYS = ("const", "title", "description", "type")
_TYPES = ("string", "integer", "number", "boolean")
_NAME_PATTERN = "^[A-Za-z][A-Za-z0-9_]*$"


def read_form(node: Node) -> JsonObject:
    """Return the normalised form. Raises: FaultError."""
    if is_null(node):
        _bad(node, "with.form must be an object schema")
    if not isinstance(node, MapNode):
        _bad(node, "form must be an object schema")
    entries = node.entries
    for key in sorted(entries):
        if key not in _FORM_KEYS:
            _bad(entries[key], f'unsupported form schema field "{key}"')
    kind = entries.get("type")
    if not isinstance(kind, ScalarNode) or kind.value != "object":
        _bad(kind or node, "form type must be object")
    form: JsonObject = {"type": "object", "properties": _properties(entries.get("properties"))}
    for key in ("title", "description"):
        if key in entries:
            form[key] = _string(entries[key], f"form {key} must be a string")
    properties = form["properties"]
    assert isinstance(properties, dict)
    required = _required(entries.get("required"), properties)
    if required:
        form["required"] = list(required)
    extra = entries.get("additionalProperties")
    value = extra.value if isinstance(extra, ScalarNode) else None
    if extra is not None and not isinstance(value, bool):
        _bad(extra, "form additionalProperties must be a boolean")
    form["additionalProperties"] = bool(value)
    return form


def _bad(node: Node, message: str) -> NoReturn:
    fail(node, _FIELD, message)


def _string(node: Node, message: str) -> str:
    value = node.value if isinstance(node, ScalarNode) else None
    if not isinstance(value, str):
        _bad(node, message)
    return value


def _required(node: Node | None, properties: JsonObject) -> tuple[str, ...]:
    if node is None:
        return ()
    if not isinstance(node, ListNode):
        _bad(node, "form required must be an array of property names")
    names: list[str] = []
    for item in node.items:
        name = _string(item, "form required must contain property names")
        if name not in properties:
            _bad(item, f'required form property "{name}" is not declared')
        if name in names:
            _bad(item, f'required form property "{name}" is duplicated')
        names.append(name)
    return tuple(names)


def _properties(node: Node | None) -> JsonObject:
    if node is None:
        return {}
    if not isinstance(node, MapNode):
        _bad(node, "form properties must be an object")
    found: JsonObject = {}
    for name in sorted(node.entries):
        value = node.entries[name]
        if not is_name(name):
            _bad(value, f'form property name "{name}" must match "{_NAME_PATTERN}"')
        found[name] = _property(value, f'form property "{name}" ')
    return found


def _property(node: Node, prefix: str) -> JsonObject:
    if not isinstance(node, MapNode):
        _bad(node, f"{prefix}must be an object")
    entries = node.entries
    for key in sorted(entries):
        if key not in _PROPERTY_KEYS:
            _bad(entries[key], f'{prefix}uses unsupported schema field "{key}"')
    if not any(key in entries for key in ("type", "enum", "oneOf")):
        _bad(node, f"{prefix}must define type, enum, or oneOf")
    kind = _type(entries["type"], f"{prefix}type") if "type" in entries else ""
    for key in ("title", "description", "pattern"):
        if key in entries:
            _string(entries[key], f"{prefix}{key} must be a string")
    for key in ("minimum", "maximum"):
        if key in entries and not _is_number(_scalar(entries[key])):
            _bad(entries[key], f"{prefix}{key} must be a number")
    for key in ("minLength", "maxLength"):
        if key in entries and not _is_length(_scalar(entries[key])):
            _bad(entries[key], f"{prefix}{key} must be a non-negative integer")
    values = _enum(entries["enum"], prefix) if "enum" in entries else []
    values += _choices(entries["oneOf"], prefix, kind) if "oneOf" in entries else []
    if not kind and len({_kind(value) for value in values}) > 1:
        _bad(node, "form must use flat scalar fields supported by Dagu forms")
    if "pattern" in entries:
        _check_pattern(entries["pattern"])
    if "default" in entries:
        _check_default(entries, prefix, kind, values)
    made = json_of(node)
    assert isinstance(made, dict)
    return made


def _type(node: Node, where: str) -> str:
    if isinstance(node, ListNode):
        _bad(node, f"{where} must be a scalar type")
    value = node.value if isinstance(node, ScalarNode) else None
    if value not in _TYPES:
        _bad(node, f"{where} must be string, integer, number, or boolean")
    return str(value)


def _scalar(node: Node) -> JsonValue:
    return node.value if isinstance(node, ScalarNode) else None


def _is_number(value: JsonValue) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value - value == 0


def _is_length(value: JsonValue) -> bool:
    return isinstance(value, int | float) and _is_number(value) and value >= 0 and value % 1 == 0


def _kind(value: JsonValue) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "string" if isinstance(value, str) else "number"


def _enum(node: Node, prefix: str) -> list[JsonValue]:
    if not isinstance(node, ListNode) or not node.items:
        _bad(node, f"{prefix}enum must be a non-empty array")
    found: list[JsonValue] = []
    for index, item in enumerate(node.items):
        if not isinstance(item, ScalarNode) or item.value is None:
            _bad(item, f"{prefix}enum[{index}] must be a scalar value")
        if any(_kind(item.value) == _kind(value) and item.value == value for value in found):
            _bad(item, f'{prefix}enum contains duplicate value "{go_text(item)}"')
        found.append(item.value)
    return found


def _choices(node: Node, prefix: str, kind: str) -> list[JsonValue]:
    if not isinstance(node, ListNode) or not node.items:
        _bad(node, f"{prefix}oneOf must be a non-empty array")
    found: list[JsonValue] = []
    for index, item in enumerate(node.items):
        where = f"{prefix}oneOf[{index}]"
        if not isinstance(item, MapNode):
            _bad(item, f"{where} must be an object")
        for key in sorted(item.entries):
            if key not in _CHOICE_KEYS:
                _bad(item.entries[key], f'{where} uses unsupported schema field "{key}"')
        for key in ("title", "description"):
            if key in item.entries:
                _string(item.entries[key], f"{where}.{key} must be a string")
        const = item.entries.get("const")
        value = None if const is None else _scalar(const)
        if value is None:
            _bad(const or item, f"{where}.const is required")
        if "type" in item.entries:
            own = _type(item.entries["type"], f"{where} type")
            if not _fits(value, own):
                _bad(item, f"{where}.const does not match its type")
        if kind and not _fits(value, kind):
            _bad(item, f"{prefix}oneOf values do not match type {kind}")
        found.append(value)
    return found


def _fits(value: JsonValue, kind: str) -> bool:
    if kind == "integer":
        return isinstance(value, int | float) and _is_number(value) and value % 1 == 0
    return _kind(value) == kind


def _check_pattern(node: Node) -> None:
    text = str(_scalar(node))
    try:
        re.compile(text)
    except (re.error, RecursionError, OverflowError) as exc:
        _bad(node, f"resolve form schema: pattern {text!r} is invalid: {exc}")


def _check_default(
    entries: dict[str, Node], prefix: str, kind: str, values: list[JsonValue]
) -> None:
    """Check the default against the rest of its property."""
    node = entries["default"]
    value = _scalar(node)
    if value is None:
        _bad(node, f"{prefix}default must be a scalar value")
    reason = ""
    if kind and not _fits(value, kind):
        reason = f"default {go_text(node)} has not type {kind}"
    elif values and not any(_kind(value) == _kind(item) and value == item for item in values):
        reason = f"default {go_text(node)} is none of the allowed values"
    elif isinstance(value, str):
        reason = _text_fault(value, entries)
    elif _is_number(value):
        low, high = _limit(entries, "minimum"), _limit(entries, "maximum")
        assert isinstance(value, int | float)
        if (low is not None and value < low) or (high is not None and value > high):
            reason = f"default {go_text(node)} is outside minimum and maximum"
    if reason:
        _bad(node, f"resolve form schema: {reason}")


def _text_fault(value: str, entries: dict[str, Node]) -> str:
    shortest, longest = _limit(entries, "minLength"), _limit(entries, "maxLength")
    if shortest is not None and len(value) < shortest:
        return f'default "{value}" is shorter than minLength'
    if longest is not None and len(value) > longest:
        return f'default "{value}" is longer than maxLength'
    if "pattern" in entries and not re.search(str(_scalar(entries["pattern"])), value):
        return f'default "{value}" does not match pattern'
    return ""


def _limit(entries: dict[str, Node], key: str) -> float | None:
    value = _scalar(entries[key]) if key in entries else None
    return value if isinstance(value, int | float) else None
