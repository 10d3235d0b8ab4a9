"""Rich items of a list of parameters: `{name, type, default, ...}` (spec 10 section 9)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import NoReturn

from edge.core.jsontypes import JsonValue
from edge.workflow.model_root import ParamDef
from edge.workflow.nodes import ListNode, MapNode, Node, ScalarNode, go_text
from edge.workflow.param_values import TYPES, coerce_node, is_finite, value_text, violated
from edge.workflow.shapes import fail, is_null

__all__ = ["read_rich_item"]

_FIELD = "params"
_KEYS = (
    *("name", "default", "eval", "description", "type", "required", "enum"),
    *("minimum", "maximum", "min_length", "max_length", "pattern"),
)
_CAMEL = {"minLength": "min_length", "maxLength": "max_length"}
_BROKEN = {
    "enum": "must be one of enum values",
    "minimum": "is below minimum",
    "maximum": "is above maximum",
    "minLength": "is shorter than min_length",
    "maxLength": "is longer than max_length",
    "pattern": "does not match pattern",
}


def read_rich_item(node: MapNode) -> ParamDef:
    """Return the definition of a list item that has `name`. Raises: FaultError."""
    written = node.entries["name"]
    if not isinstance(written, ScalarNode) or not isinstance(written.value, str):
        message = 'inline parameter definition field "name" must be a string'
        if isinstance(written, MapNode):
            message += '; write "- name: NAME" with its fields beside it'
        fail(written, _FIELD, message, go_text(node))
    return _Item(node, written.value).read()


class _Item:
    """Reads one item; every fault names the parameter and stands at the key's value."""

    def __init__(self, node: MapNode, name: str) -> None:
        self._node = node
        self._entries = {key: item for key, item in node.entries.items() if not is_null(item)}
        self._name = name
        self._type = ""

    def read(self) -> ParamDef:
        node = self._node
        for key, value in node.entries.items():
            if key not in _KEYS:
                hint = f"; use {_CAMEL[key]}" if key in _CAMEL else ""
                fail(value, _FIELD, f'invalid inline param field "{key}"{hint}', go_text(value))
        if len(node.entries) == 1:
            self._fail(node, "must define at least one field in addition to name")
        self._type = self._read_type()
        self._check_constraints_fit()
        item = ParamDef(
            name=self._name,
            description=self._text("description"),
            type=self._type,
            required=self._flag("required"),
            eval=self._eval(),
            enum=self._enum(),
            minimum=self._number("minimum"),
            maximum=self._number("maximum"),
            min_length=self._length("min_length"),
            max_length=self._length("max_length"),
            pattern=self._pattern(),
            is_rich=True,
        )
        default = self._default(item)
        return item if default is None else replace(item, default=value_text(default))

    def _fail(self, node: Node, message: str) -> NoReturn:
        fail(node, _FIELD, f'parameter "{self._name}" {message}', go_text(node))

    def _read_type(self) -> str:
        node = self._entries.get("type")
        if node is None:
            return ""
        value = node.value if isinstance(node, ScalarNode) else None
        if value not in TYPES:
            self._fail(node, f'has unsupported type "{go_text(node)}"')
        return str(value)

    def _check_constraints_fit(self) -> None:
        word = self._type or "string"
        is_number = word in ("integer", "number")
        for keys, fits, label in (
            (("minimum", "maximum"), is_number, "minimum/maximum"),
            (("min_length", "max_length", "pattern"), word == "string", "string constraints"),
        ):
            found = next((self._entries[key] for key in keys if key in self._entries), None)
            if found is not None and not fits:
                self._fail(found, f'uses {label} but type is "{word}"')

    def _text(self, key: str) -> str:
        node = self._entries.get(key)
        if node is None:
            return ""
        if not isinstance(node, ScalarNode) or not isinstance(node.value, str):
            self._fail(node, f"{key} must be a string")
        return node.value

    def _eval(self) -> str:
        text = self._text("eval")
        if "eval" in self._entries and not text.strip():
            self._fail(self._entries["eval"], "eval must not be empty")
        return text

    def _flag(self, key: str) -> bool:
        node = self._entries.get(key)
        if node is None:
            return False
        if not isinstance(node, ScalarNode) or not isinstance(node.value, bool):
            self._fail(node, f"{key} must be a boolean")
        return node.value

    def _enum(self) -> tuple[JsonValue, ...]:
        node = self._entries.get("enum")
        if node is None:
            return ()
        if not isinstance(node, ListNode) or not node.items:
            self._fail(node, "enum must be a non-empty array")
        return tuple(self._coerced(item, f"enum[{index}]") for index, item in enumerate(node.items))

    def _coerced(self, node: Node, what: str) -> JsonValue:
        try:
            return coerce_node(node, self._type)
        except ValueError as exc:
            self._fail(node, f"{what} is invalid: {exc}")

    def _number(self, key: str) -> float | None:
        node = self._entries.get(key)
        if node is None:
            return None
        value = node.value if isinstance(node, ScalarNode) else None
        if isinstance(value, bool) or not isinstance(value, int | float) or not is_finite(value):
            self._fail(node, f"{key} must be a number")
        return value

    def _length(self, key: str) -> int | None:
        node = self._entries.get(key)
        if node is None:
            return None
        value = node.value if isinstance(node, ScalarNode) else None
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not (is_finite(value) and value >= 0 and value == int(value))
        ):
            self._fail(node, f"{key} must be a non-negative integer")
        return int(value)

    def _pattern(self) -> str:
        text = self._text("pattern")
        try:
            re.compile(text)
        except (re.error, OverflowError, RecursionError) as exc:
            self._fail(self._entries["pattern"], f"pattern is invalid: {exc}")
        return text

    def _default(self, item: ParamDef) -> JsonValue:
        node = self._entries.get("default")
        if node is None:
            return None
        value = self._coerced(node, "default")
        broken = violated(item, value)
        if broken:
            self._fail(node, f"default {_BROKEN[broken]}")
        return value
