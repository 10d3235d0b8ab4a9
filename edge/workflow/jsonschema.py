"""The JSON schema of workflow files, made from the table of fields and that of actions.

For editors: each mapping has its keys, each field its help text, each action its inputs. It is the
newest language; the spelling of Dagu 1.30 is not in it.
"""

from __future__ import annotations

from edge.core.jsontypes import JsonObject, JsonValue
from edge.workflow.action_table import CLOSED, REQUIRED, known_actions, type_of
from edge.workflow.fields import CONTEXTS, Field, Kind
from edge.workflow.jsonschema_shapes import FIELDS, KINDS, closed, one_of
from edge.workflow.with_tables import CLOSED_TYPES, INPUTS

__all__ = ["dag_schema"]

#: one of these makes a step (spec 10 section 6.4)
_FORMS = (
    "run action command script exec type call container foreach output messages llm routes"
).split()
_LEGACY = "command script shell shell_args shell_packages exec type config call params".split()
_WORDS: dict[str, JsonObject] = {
    "text": {"type": "string"},
    "int": {"type": "integer"},
    "num": {"type": "number"},
    "flag": {"type": "boolean"},
    "map": {"type": "object"},
    "list": {"type": "array"},
    "any": {},
}
_REFERENCE: JsonObject = {"type": "string", "pattern": "[$`]"}
#: what an action takes beside the inputs of its executor
_LIFTED: dict[str, JsonObject] = {
    "command": {"anyOf": [{"type": "string"}, {"type": "array"}]},
    "args": {"type": "array", "items": {"type": ["string", "number", "boolean"]}},
    "dag": {"type": "string"},
    "params": {"type": ["string", "array", "object", "null"]},
    "queue": {"type": ["string", "null"]},
    "prompt": {"type": "string", "pattern": "\\S"},
    "form": {"type": "object"},
    "value": {"type": "string"},
    "routes": {"type": "object", "additionalProperties": {"type": "array", "minItems": 1}},
}
_RUN_WITH = closed(
    {
        "shell": one_of({"type": "string"}, {"type": "array"}),
        "shell_args": one_of({"type": "array"}),
        "shell_packages": one_of({"type": "array"}),
    }
)


def dag_schema() -> JsonObject:
    """Return the schema of one document (draft 2020-12)."""
    defs: JsonObject = {name: _context(name) for name in CONTEXTS if name not in ("root", "step")}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "edge workflow",
        "description": "One document of a workflow file.",
        **_context("root"),
        "allOf": [{"not": {"required": ["labels", "tags"]}}],
        "$defs": {**defs, "step": _step()},
    }


def _context(name: str) -> JsonObject:
    return closed({field.name: _field(name, field) for field in CONTEXTS[name].values()})


def _step() -> JsonObject:
    """Return a step: its keys, one execution form, and the inputs of its action."""
    schema = _context("step")
    properties = schema["properties"]
    assert isinstance(properties, dict)
    action = properties["action"]
    assert isinstance(action, dict)
    action.pop("type", None)
    # the list is what an editor offers; custom and remote actions have other names
    names: list[JsonValue] = list(known_actions())
    action["anyOf"] = [{"enum": names}, {"type": "string", "pattern": "\\S"}]
    schema["anyOf"] = [{"required": [form]} for form in _FORMS]
    rules: list[JsonValue] = [{"not": {"required": ["run", "action"]}}]
    for form in ("run", "action"):
        rules += [{"not": {"required": [form, key]}} for key in _LEGACY]
    rules.append({"if": {"required": ["run"]}, "then": {"properties": {"with": _RUN_WITH}}})
    rules += [_inputs_of(name) for name in known_actions() if not name.startswith("redis.")]
    schema["allOf"] = rules
    return schema


def _inputs_of(action: str) -> JsonObject:
    """Return the rule: with this action, `with` has these inputs."""
    then: JsonObject = {}
    if action == "noop":
        then = {"not": {"required": ["with"]}}
    else:
        found = _with(action)
        then = {"properties": {"with": found}}
        if found.get("required"):
            then["required"] = ["with"]
    return {
        "if": {"required": ["action"], "properties": {"action": {"const": action}}},
        "then": then,
    }


def _with(action: str) -> JsonObject:
    type_ = type_of(action) or ""
    required: list[JsonValue] = list(REQUIRED.get(action, ()))
    if action in CLOSED:
        properties: JsonObject = {key: _LIFTED[key] for key in CLOSED[action]}
        is_closed = True
    else:
        properties = {key: _input(text) for key, text in INPUTS.get(type_, {}).items()}
        properties |= {
            key: _LIFTED[key] for key in ("command", "value", "routes") if key in required
        }
        if action == "router.route":
            properties["routes"] = _LIFTED["routes"]
        is_closed = type_ in CLOSED_TYPES and type_ not in ("router", "git")
    schema: JsonObject = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required
    if is_closed:
        schema["additionalProperties"] = False
    return schema


def _input(text: str) -> JsonObject:
    """Return the schema of an input from its short form, such as `text:a,b` or `int>=0`."""
    shapes: list[JsonValue] = []
    for word in text.rstrip("!").split("|"):
        name, colon, values = word.partition(":")
        name, _, least = name.partition(">=")
        if colon:
            # which word a reference stands for is known when the step starts
            shapes += [{"enum": list(values.split(","))}, _REFERENCE]
        elif least:
            shapes.append({**_WORDS[name], "minimum": int(least)})
        else:
            shapes.append(_WORDS[name])
    return one_of(*shapes)


def _field(context: str, field: Field) -> JsonObject:
    schema: JsonObject = {"description": field.help}
    if field.deprecated:
        schema["deprecated"] = True
    if field.default:
        schema["default"] = _default(field)
    schema.update(_shape(context, field))
    return schema


def _default(field: Field) -> JsonValue:
    if field.kind is Kind.INTEGER:
        return int(field.default)
    if field.kind is Kind.FLAG or field.default in ("true", "false"):
        return field.default == "true"
    return field.default


def _shape(context: str, field: Field) -> JsonObject:
    special = FIELDS.get(f"{context}.{field.name}")
    if special is None and context in ("root", "step", "defaults", "container"):
        special = FIELDS.get(field.name)
    if special is None and context in ("retry_policy", "repeat_policy"):
        special = FIELDS.get(field.name) if field.name in ("exit_code", "repeat") else None
    if special is not None and (context, field.name) not in _PLAIN:
        return dict(special)
    if field.kind is Kind.STRUCT:
        if context == "handler_on":
            return one_of({"$ref": "#/$defs/step"}, {"type": "object", "maxProperties": 0})
        return one_of({"$ref": f"#/$defs/{field.struct}"})
    if field.kind is Kind.STRUCTS:
        return one_of({"type": "array", "items": {"$ref": f"#/$defs/{field.struct}"}})
    if field.kind is Kind.FREE:
        shapes: list[JsonValue] = list(dict.fromkeys((*field.shapes, "null")))
        return {"type": shapes} if field.shapes else {}
    return dict(KINDS[field.kind])


#: fields that share a name with one of another shape
_PLAIN = frozenset({("container", "command")})
