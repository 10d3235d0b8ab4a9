"""Declarations of parameters, in every form (spec 10 section 9)."""

from __future__ import annotations

from edge.core.jsontypes import JsonObject
from edge.workflow.model_root import ParamDef, ParamsSchema
from edge.workflow.nodes import ListNode, MapNode, Node, ScalarNode, go_text, go_type, json_of
from edge.workflow.params_rich import read_rich_item
from edge.workflow.params_schema import schema_definitions
from edge.workflow.params_text import declared_tokens
from edge.workflow.schema_check import SchemaError
from edge.workflow.shapes import fail, is_null
from edge.workflow.words import is_name

__all__ = ["NAME_RULE", "read_params"]

#: what a wrong name is told
NAME_RULE = "must match ^[A-Za-z][A-Za-z0-9_]*$"

_FIELD = "params"
_INVALID = "invalid parameter value: "
_PATH_MARKS = ("/", "\\", ".", "://")


def read_params(node: Node | None) -> tuple[tuple[ParamDef, ...], ParamsSchema | None]:
    """Return the declarations, and the schema behind them if there is one. Raises: FaultError."""
    if node is None or is_null(node):
        return (), None
    if isinstance(node, MapNode):
        schema = _schema(node)
        if schema is not None:
            return _definitions(node, schema), schema
        items = [_plain(key, node.entries[key]) for key in sorted(node.entries)]
    elif isinstance(node, ListNode):
        items = [found for item in node.items for found in _list_item(item)]
    elif isinstance(node, ScalarNode) and isinstance(node.value, str):
        items = _tokens(node, node.value)
    else:
        fail(node, _FIELD, f"{_INVALID}{go_type(node)}", go_text(node))
    return _declared(items), None


def _declared(items: list[tuple[ParamDef, Node]]) -> tuple[ParamDef, ...]:
    """Check names, and give those without one their position among all entries."""
    found: dict[str, ParamDef] = {}
    for position, (item, node) in enumerate(items, 1):
        if not item.name:
            name = str(position)
            found[name] = ParamDef(name=name, default=item.default, positional=True)
            continue
        if not is_name(item.name):
            fail(node, _FIELD, f'{_INVALID}parameter name "{item.name}" {NAME_RULE}')
        if item.name in found:
            fail(node, _FIELD, f'{_INVALID}duplicate parameter name "{item.name}"')
        found[item.name] = item
    return tuple(found.values())


def _list_item(node: Node) -> list[tuple[ParamDef, Node]]:
    if isinstance(node, MapNode):
        if "name" in node.entries:
            return [(read_rich_item(node), node)]
        return [_plain(key, node.entries[key]) for key in sorted(node.entries)]
    if isinstance(node, ScalarNode) and isinstance(node.value, str):
        return _tokens(node, node.value)
    fail(node, _FIELD, f"{_INVALID}{go_type(node)}", go_text(node))


def _plain(name: str, node: Node) -> tuple[ParamDef, Node]:
    if isinstance(node, MapNode):
        fail(
            node,
            _FIELD,
            f"a parameter's default cannot be a map; write - name: {name} with its fields beside"
            " it, in a list",
            go_text(node),
        )
    return ParamDef(name=name, default="" if is_null(node) else go_text(node)), node


def _tokens(node: Node, text: str) -> list[tuple[ParamDef, Node]]:
    return [(ParamDef(name=name, default=value), node) for name, value in declared_tokens(text)]


def _schema(node: MapNode) -> ParamsSchema | None:
    """Return the schema form that a map is; None when it declares plain parameters."""
    kind = node.entries.get("type")
    if (
        isinstance(kind, ScalarNode)
        and kind.value == "object"
        and isinstance(node.entries.get("properties"), MapNode)
    ):
        return ParamsSchema(inline=_object(node))
    schema = node.entries.get("schema")
    if schema is None or not set(node.entries) <= {"schema", "values"}:
        return None
    has_values = "values" in node.entries
    values = _values(node.entries.get("values"))
    if isinstance(schema, MapNode):
        return ParamsSchema(inline=_object(schema), values=values)
    value = schema.value if isinstance(schema, ScalarNode) else None
    if isinstance(value, bool) and has_values:
        return ParamsSchema(inline={} if value else {"not": {}}, values=values)
    if isinstance(value, str) and (has_values or any(mark in value for mark in _PATH_MARKS)):
        return ParamsSchema(reference=value, values=values)
    return None


def _object(node: MapNode) -> JsonObject:
    found = json_of(node)
    assert isinstance(found, dict)
    return found


def _values(node: Node | None) -> JsonObject:
    if is_null(node):
        return {}
    assert node is not None
    if not isinstance(node, MapNode):
        fail(node, _FIELD, f"{_INVALID}values must be a map, got {go_type(node)}", go_text(node))
    return _object(node)


def _definitions(node: MapNode, schema: ParamsSchema) -> tuple[ParamDef, ...]:
    """Return what is known without opening a file. Raises: FaultError for a bad schema or name."""
    try:
        items = schema_definitions(schema)
    except SchemaError as exc:
        fail(node, _FIELD, f"{_INVALID}invalid JSON schema: {exc}")
    for item in items:
        if not is_name(item.name):
            fail(node, _FIELD, f'{_INVALID}parameter name "{item.name}" {NAME_RULE}')
    return items
