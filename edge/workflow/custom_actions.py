"""Custom actions: `actions`, and `step_types` of older files (spec 10 section 10, 13 section 18.1).

The declarations of a document and its base configuration, checked. What a step makes of them is in
`action_expansion`. Loaded only for a document that declares some.
"""

from __future__ import annotations

import re

from edge.workflow.action_table import TYPE_NAMES, type_of
from edge.workflow.decode import Decoded
from edge.workflow.nodes import MapNode, Node, ScalarNode, go_text, json_of
from edge.workflow.problems import Fault, RegistryError
from edge.workflow.runs import LEGACY
from edge.workflow.schema_check import CompiledSchema, SchemaError, compile_schema
from edge.workflow.shapes import is_null

__all__ = ["CustomAction", "read_actions"]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*(\.[A-Za-z][A-Za-z0-9_-]*)*", re.ASCII)
_KEYS = ("description", "input_schema", "output_schema", "template")


class CustomAction:
    """One declaration. `type` is the executor of a `step_types` entry, "" for one of `actions`."""

    __slots__ = ("description", "input_schema", "name", "output_schema", "template", "type")

    def __init__(
        self,
        name: str,
        type_: str,
        description: str,
        input_schema: CompiledSchema,
        output_schema: Node | None,
        template: MapNode,
    ) -> None:
        self.name = name
        self.type = type_
        self.description = description
        self.input_schema = input_schema
        self.output_schema = output_schema
        self.template = template


def read_actions(fields: Decoded) -> dict[str, CustomAction]:
    """Return the custom actions of a document, merged over its base, by name.

    Raises: RegistryError with the first fault of every declaration.
    """
    found: dict[str, CustomAction] = {}
    faults: list[Fault] = []
    for root in ("actions", "step_types"):
        node = fields.get(root)
        if node is None:
            continue
        if not isinstance(node, MapNode):
            message = f"{root} must be a map"
            raise RegistryError([Fault(node.line, node.column, root, message, go_text(node))])
        for name, value in node.entries.items():
            line, column = node.keys.get(name, (value.line, value.column))
            try:
                if name in found:
                    message = f'duplicate custom action "{name}" conflicts with the one of actions'
                    raise RegistryError([Fault(line, column, f"{root}.{name}", message)])
                _check_name(name, root, line, column)
                found[name] = _read(name, value, root)
            except RegistryError as exc:
                faults.extend(exc.faults)
    if faults:
        raise RegistryError(faults)
    return found


def _fail(node: Node, field: str, message: str, value: str | None = None) -> RegistryError:
    return RegistryError([Fault(node.line, node.column, field, message, value)])


def _check_name(name: str, root: str, line: int, column: int) -> None:
    field = f"{root}.{name}"
    if not _NAME.fullmatch(name):
        message = f"custom action names must match ^{_NAME.pattern}$"
        raise RegistryError([Fault(line, column, field, message, name)])
    taken = type_of(name) is not None if root == "actions" else name in TYPE_NAMES
    if taken:
        message = f'custom action "{name}" conflicts with a builtin action'
        raise RegistryError([Fault(line, column, field, message, name)])


def _read(name: str, node: Node, root: str) -> CustomAction:
    field = f"{root}.{name}"
    if not isinstance(node, MapNode):
        raise _fail(node, field, "a custom action must be an object", go_text(node))
    old = root == "step_types"
    unknown = sorted(set(node.entries) - {*_KEYS, "type"})
    if unknown:
        at = node.entries[unknown[0]]
        raise _fail(at, field, f"'{field}' has invalid keys: {', '.join(unknown)}")
    type_ = node.entries.get("type")
    if not old and type_ is not None:
        message = "type is not supported for actions; use action in the template"
        raise _fail(type_, f"{field}.type", message, go_text(type_))
    description = node.entries.get("description")
    if not is_null(description) and not _is_text(description):
        assert description is not None
        raise _fail(description, f"{field}.description", "description must be a string")
    output = node.entries.get("output_schema")
    if not is_null(output):
        _schema(output, f"{field}.output_schema", node)
    return CustomAction(
        name,
        _type(type_, f"{field}.type", node) if old else "",
        "" if is_null(description) or description is None else go_text(description).strip(),
        _schema(node.entries.get("input_schema"), f"{field}.input_schema", node),
        None if is_null(output) else output,
        _template(node.entries.get("template"), f"{field}.template", node, old=old),
    )


def _is_text(node: Node | None) -> bool:
    return isinstance(node, ScalarNode) and isinstance(node.value, str)


def _type(node: Node | None, field: str, action: MapNode) -> str:
    if node is None or is_null(node):
        raise _fail(action, field, "type is required")
    text = go_text(node).strip()
    if text not in TYPE_NAMES:
        raise _fail(node, field, f'unknown action "{text}"', text)
    return text


def _schema(node: Node | None, field: str, action: MapNode) -> CompiledSchema:
    key = field.rpartition(".")[2]
    if node is None or is_null(node):
        raise _fail(action, field, f"{key} is required")
    if not isinstance(node, MapNode):
        raise _fail(node, field, f"{key} must be an inline JSON Schema object", go_text(node))
    schema = json_of(node)
    assert isinstance(schema, dict)
    try:
        compiled = compile_schema(schema)
    except SchemaError as exc:
        raise _fail(node, field, f"invalid {key}: {exc}") from None
    if not compiled.is_object:
        raise _fail(node, field, f"{key} must resolve to an object schema")
    return compiled


def _template(node: Node | None, field: str, action: MapNode, *, old: bool) -> MapNode:
    if node is None or is_null(node):
        raise _fail(action, field, "template is required")
    if not isinstance(node, MapNode):
        raise _fail(node, field, "template must be an object", go_text(node))
    if old:
        for key in ("type", "run", "action"):
            if key in node.entries:
                message = f"{key} is not supported in the template of a step type"
                raise _fail(node.entries[key], field, message)
        return node
    legacy = [key for key in sorted(LEGACY) if key in node.entries and key != "type"]
    if legacy:
        message = f"template contains deprecated execution keys: [{' '.join(legacy)}]"
        raise _fail(node.entries[legacy[0]], field, message)
    if "type" in node.entries:
        raise _fail(node.entries["type"], field, "type is not supported in a template; use action")
    if ("run" in node.entries) == ("action" in node.entries):
        message = "custom action template must define exactly one of run or action"
        raise _fail(node, field, message)
    return node
