"""Checks `with` against the table of inputs (spec 13 section 1.3)."""

from __future__ import annotations

import json
import re

from edge.workflow.nodes import ListNode, MapNode, Node, ScalarNode, go_text
from edge.workflow.problems import Fault, FaultError
from edge.workflow.with_tables import CLOSED_TYPES, INPUTS

__all__ = ["check_inputs", "holds_reference"]

_WORDS = {
    "text": "string",
    "int": "integer",
    "num": "number",
    "flag": "boolean",
    "map": "object",
    "list": "array",
}
_REFERENCE = re.compile(r"\$\{|\$[A-Za-z_0-9]|`|\$\(")
#: `type`, then `!` (required), `>=n` (lower limit), `:a,b` (the only values)
_SPEC = re.compile(r"([a-z|]+)(!)?(?:>=(-?\d+))?(?::(.*))?")


def holds_reference(text: str) -> bool:
    """Return whether the text holds a reference or command, so that its value is not known yet."""
    return _REFERENCE.search(text) is not None


def check_inputs(
    type_: str, inputs: MapNode, warnings: list[str], label: str, *, is_resolved: bool = False
) -> None:
    """Refuse inputs of the wrong name or type; warn of those that an open type ignores.

    `is_resolved`: no text is a reference any more. Raises: FaultError with every fault.
    """
    known = INPUTS.get(type_)
    if known is None or not inputs.entries:
        return
    unknown = [key for key in inputs.entries if key not in known]
    faults: list[Fault] = []
    if unknown and type_ in CLOSED_TYPES:
        names = json.dumps(sorted(unknown), ensure_ascii=False)
        reason = f"validating root: unexpected additional properties {names}"
        faults.append(_fault(inputs, unknown[0], type_, reason))
    elif unknown:
        warnings.extend(
            f"line {inputs.entries[key].line or inputs.line}: with.{key} is not an input of"
            f" {label} and is ignored"
            for key in unknown
        )
    for key, spec in known.items():
        node = inputs.entries.get(key)
        reason = _missing(key, spec) if node is None else _wrong(key, spec, node, is_resolved)
        if reason:
            faults.append(_fault(inputs, key, type_, reason))
    if faults:
        raise FaultError(faults)


def _missing(key: str, spec: str) -> str:
    return f'validating root: required: missing properties: ["{key}"]' if "!" in spec else ""


def _wrong(key: str, spec: str, node: Node, is_resolved: bool) -> str:
    match = _SPEC.fullmatch(spec)
    assert match is not None
    kinds, _, least, choices = match.groups()
    where = f"validating /properties/{key}: "
    if kinds == "any":
        return ""
    kind = _kind(node)
    wanted = kinds.split("|")
    if kind not in wanted and not (kind == "int" and "num" in wanted):
        names = " or ".join(f'"{_WORDS[item]}"' for item in wanted)
        return f'{where}type: {go_text(node)} has type "{_WORDS.get(kind, "null")}", want {names}'
    value = node.value if isinstance(node, ScalarNode) else None
    if choices and isinstance(value, str):
        listed = choices.split(",")
        if value not in listed and (is_resolved or not holds_reference(value)):
            return f"{where}enum: {value} does not equal any of: [{' '.join(listed)}]"
    if least is not None and isinstance(value, int | float) and value < int(least):
        return f"{where}minimum: {go_text(node)} is less than {least}"
    return ""


def _kind(node: Node) -> str:
    if isinstance(node, MapNode):
        return "map"
    if isinstance(node, ListNode):
        return "list"
    assert isinstance(node, ScalarNode)
    value = node.value
    if isinstance(value, bool):
        return "flag"
    if isinstance(value, str):
        return "text"
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return "int"
    return "null" if value is None else "num"


def _fault(inputs: MapNode, key: str, type_: str, reason: str) -> Fault:
    node = inputs.entries.get(key, inputs)
    # a key's own place tells more than that of an empty or long value
    line, column = inputs.keys.get(key, (node.line, node.column))
    return Fault(line, column, "with", f"invalid {type_} config: {reason}")
