"""The JSON schema of workflow files, made from the table of fields, for editors."""

from __future__ import annotations

from edge.core.jsontypes import JsonObject, JsonValue
from edge.workflow.fields import CONTEXTS, Field, Kind

__all__ = ["dag_schema"]

_TEXTS: JsonObject = {"type": "array", "items": {"type": ["string", "number", "boolean"]}}


def dag_schema() -> JsonObject:
    """Return the schema of one document (draft 2020-12)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "edge workflow",
        **_context("root"),
        "$defs": {name: _context(name) for name in CONTEXTS if name not in ("root", "handler_on")},
    }


def _context(name: str) -> JsonObject:
    properties: JsonObject = {field.name: _field(field) for field in CONTEXTS[name].values()}
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _field(field: Field) -> JsonObject:
    schema: JsonObject = {"description": field.help}
    if field.deprecated:
        schema["deprecated"] = True
    if field.default:
        schema["default"] = _default(field)
    schema.update(_shape(field))
    return schema


def _default(field: Field) -> JsonValue:
    if field.kind is Kind.INTEGER:
        return int(field.default)
    if field.kind is Kind.FLAG or field.default in ("true", "false"):
        return field.default == "true"
    return field.default


def _shape(field: Field) -> JsonObject:
    special = _SPECIAL.get(field.name)
    if special is not None:
        return special
    if field.kind is Kind.STRUCT:
        if field.struct == "handler_on":
            return {**_context("handler_on"), "type": ["object", "null"]}
        return {"anyOf": [{"$ref": f"#/$defs/{field.struct}"}, {"type": "null"}]}
    if field.kind is Kind.STRUCTS:
        return {"type": ["array", "null"], "items": {"$ref": f"#/$defs/{field.struct}"}}
    if field.kind is Kind.FREE:
        shapes: list[JsonValue] = list(field.shapes)
        return {"type": shapes} if shapes else {}
    return _KINDS[field.kind]


_KINDS: dict[Kind, JsonObject] = {
    Kind.TEXT: {"type": ["string", "null"]},
    Kind.INTEGER: {"type": ["number", "null"]},
    Kind.FLAG: {"type": ["boolean", "null"]},
    Kind.TEXT_LIST: {"type": ["array", "null"], "items": {"type": "string"}},
    Kind.TEXT_MAP: {"type": ["object", "null"], "additionalProperties": {"type": "string"}},
    Kind.ENV: {
        "anyOf": [
            {"type": ["object", "null"]},
            {"type": "array", "items": {"type": ["object", "string"]}},
        ]
    },
    Kind.SHELL: {"anyOf": [{"type": ["string", "null"]}, _TEXTS]},
    Kind.DOTENV: {"anyOf": [{"type": ["string", "null"]}, _TEXTS]},
    Kind.DEPENDS: {"anyOf": [{"type": ["string", "null"]}, _TEXTS]},
    Kind.LABELS: {
        "anyOf": [
            {"type": ["string", "object", "null"]},
            {"type": "array", "items": {"type": ["string", "object"]}},
        ]
    },
    Kind.LOG_OUTPUT: {
        "anyOf": [{"type": "null"}, {"type": "string", "pattern": "^(?i:separate|merged)?$"}]
    },
    Kind.CONTINUE_ON: {
        "anyOf": [
            {"type": ["string", "null"]},
            {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "skipped": {"type": "boolean"},
                    "failed": {"type": "boolean"},
                    "failure": {"type": "boolean"},
                    "mark_success": {"type": "boolean"},
                    "exit_code": {"type": ["integer", "string", "array"]},
                    "output": {"type": ["string", "array"]},
                },
            },
        ]
    },
    Kind.PORT: {"type": ["integer", "string", "null"]},
    Kind.TEXTS: {"anyOf": [{"type": ["string", "null"]}, _TEXTS]},
    Kind.SCHEDULE: {
        "anyOf": [
            {"type": ["string", "null"]},
            {"type": "array", "items": {"type": ["string", "object"]}},
            {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    name: {"type": ["string", "object", "array"]}
                    for name in ("start", "stop", "restart")
                },
            },
        ]
    },
}
#: lists of steps and conditions, whose items the table does not describe
_SPECIAL: dict[str, JsonObject] = {
    "steps": {
        "anyOf": [
            {"type": "null"},
            {"type": "object", "additionalProperties": {"$ref": "#/$defs/step"}},
            {
                "type": "array",
                "items": {
                    "anyOf": [
                        {"$ref": "#/$defs/step"},
                        {"type": "string"},
                        {
                            "type": "array",
                            "items": {"anyOf": [{"$ref": "#/$defs/step"}, {"type": "string"}]},
                        },
                    ]
                },
            },
        ]
    },
    "run": {"anyOf": [{"type": "string"}, {"type": "array"}]},
    "preconditions": {
        "anyOf": [
            {"type": ["string", "null"]},
            {
                "type": "array",
                "items": {
                    "anyOf": [
                        {"type": "string"},
                        {
                            "type": "object",
                            "properties": {
                                "condition": {"type": "string"},
                                "eval": {"type": "string"},
                                "expected": {"type": "string"},
                                "negate": {"type": "boolean"},
                            },
                            "oneOf": [
                                {"required": ["condition"]},
                                {"required": ["eval", "expected"]},
                            ],
                        },
                    ]
                },
            },
        ]
    },
    "defaults": {"anyOf": [{"$ref": "#/$defs/defaults"}, {"type": "null"}]},
    "type": {"enum": ["graph", "chain", "agent", "build", "controller"]},
    "worker_selector": {
        "anyOf": [
            {"type": "null"},
            {"const": "local"},
            {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}},
        ]
    },
}
