"""Parameters of a sub-DAG as text of the parameter grammar (spec 10 section 9)."""

from __future__ import annotations

import re

from edge.workflow.nodes import ListNode, MapNode, Node, ScalarNode, go_type, scalar_text
from edge.workflow.params import parse_override_text
from edge.workflow.shapes import fail, is_null

__all__ = ["read_sub_params"]

_REFERENCE = re.compile(r"(\$\{[^}]*\})")
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})
#: what cannot be the name in front of `=`
_BAD_NAME = re.compile(r"[\s=\"'`{}\[\]]")


def read_sub_params(node: Node | None, field: str) -> str:
    """Return `k="v"` words for a text, map or list; JSON text is kept as it is.

    A text without name and blanks stays bare, so that `${ITEM}` may become several pairs.
    Raises: FaultError.
    """
    if node is None or is_null(node):
        return ""
    if isinstance(node, ScalarNode) and isinstance(node.value, str):
        return _text(node.value)
    if isinstance(node, MapNode):
        return _pairs(node, field)
    if isinstance(node, ListNode):
        words = [_item(item, f"{field}[{index}]") for index, item in enumerate(node.items)]
        return " ".join(word for word in words if word)
    fail(node, field, f"invalid parameter value: {go_type(node)}", _shown(node))


def _shown(node: Node) -> str:
    return scalar_text(node.value) if isinstance(node, ScalarNode) else ""


def _text(text: str) -> str:
    given = parse_override_text(text)
    if given.json_text:
        return text.strip()
    return " ".join(_word(name, value) for name, value in given.items)


def _item(node: Node, field: str) -> str:
    if isinstance(node, MapNode):
        return _pairs(node, field)
    if isinstance(node, ScalarNode) and isinstance(node.value, str):
        text = node.value
        if any(name for name, _ in parse_override_text(text).items):
            return _text(text)
        return _word("", text)
    fail(node, field, f"invalid parameter value: {go_type(node)}", _shown(node))


def _pairs(node: MapNode, field: str) -> str:
    words = []
    for name in sorted(node.entries):
        value = node.entries[name]
        if not isinstance(value, ScalarNode) or value.value is None:
            fail(
                value,
                field,
                "parameter values must be strings, numbers, or booleans,"
                f" got {go_type(value)} for key {name}",
            )
        if not name or _BAD_NAME.search(name):
            fail(value, field, f'invalid parameter value: parameter name "{name}"')
        words.append(_word(name, scalar_text(value.value)))
    return " ".join(words)


def _word(name: str, value: str) -> str:
    if not name and value and not any(char.isspace() for char in value):
        return value
    # a reference stays readable for the resolver; its value is escaped when it is put in
    parts = _REFERENCE.split(value)
    parts[::2] = [part.translate(_ESCAPES) for part in parts[::2]]
    quoted = f'"{"".join(parts)}"'
    return f"{name}={quoted}" if name else quoted
