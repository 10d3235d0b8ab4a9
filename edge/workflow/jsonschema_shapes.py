"""Shapes of values that the table of fields leaves to the part that reads them, as JSON schema.

Only structure: what is a list, what a mapping, which keys it has, which words are known. A rule
between values (a step that does not exist) is the loader's.
"""

from __future__ import annotations

from edge.core.jsontypes import JsonObject, JsonValue
from edge.workflow.field_kinds import Kind

__all__ = ["FIELDS", "KINDS", "closed", "one_of"]

NAME = "^[A-Za-z][A-Za-z0-9_]*$"


def one_of(*shapes: JsonValue) -> JsonObject:
    """Return a schema that any of the shapes fits; null fits too, it is an absent value."""
    return {"anyOf": [*shapes, {"type": "null"}]}


def closed(properties: JsonObject, *required: str) -> JsonObject:
    """Return the schema of a mapping with these keys and no others."""
    schema: JsonObject = {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
    }
    if required:
        schema["required"] = list(required)
    return schema


def any_case(*words: str) -> JsonObject:
    """Return the schema of words in any case; JavaScript's patterns know no flag for that."""
    letters = "|".join("".join(f"[{c.upper()}{c}]" if c.isalpha() else c for c in w) for w in words)
    return {"type": "string", "pattern": f"^\\s*({letters})?\\s*$", "examples": list(words)}


def _map_of(shape: JsonObject, names: str = "") -> JsonObject:
    schema: JsonObject = {"type": "object", "additionalProperties": shape}
    if names:
        schema["propertyNames"] = {"pattern": names}
    return schema


def _list_of(*shapes: JsonValue, at_least: int = 0) -> JsonObject:
    schema: JsonObject = {"type": "array", "items": {"anyOf": [*shapes]}}
    if at_least:
        schema["minItems"] = at_least
    return schema


TEXT: JsonObject = {"type": "string"}
FILLED: JsonObject = {"type": "string", "pattern": "\\S"}
SCALAR: JsonObject = {"type": ["string", "number", "boolean"]}
_FLAG: JsonObject = {"type": "boolean"}
_INTEGER: JsonObject = {"type": "integer"}
_LOOSE: JsonObject = {"type": ["string", "number", "boolean", "null"]}
_TEXTS = _list_of(_LOOSE)
_ENV_MAP: JsonObject = {"type": "object", "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}}
_ENV_TEXT: JsonObject = {"type": "string", "pattern": "^\\s*[A-Za-z_][A-Za-z0-9_]*\\s*="}
_CODES: JsonObject = {
    "anyOf": [{"type": ["number", "string"]}, _list_of({"type": ["number", "string"]})]
}
_STEPS: JsonObject = {"anyOf": [{"$ref": "#/$defs/step"}, FILLED]}
_PRECONDITION = closed({}) | {
    "patternProperties": {
        "^[Cc][Oo][Nn][Dd][Ii][Tt][Ii][Oo][Nn]$": FILLED,
        "^[Ee][Vv][Aa][Ll]$": FILLED,
        "^[Ee][Xx][Pp][Ee][Cc][Tt][Ee][Dd]$": FILLED,
        "^[Nn][Ee][Gg][Aa][Tt][Ee]$": _FLAG,
    },
    "minProperties": 1,
    "not": {"required": ["condition", "eval"]},
}
_SCHEDULE_ENTRY: JsonObject = {
    "anyOf": [
        TEXT,
        closed({"expression": TEXT, "kind": {"enum": ["cron"]}, "profile": TEXT}, "expression"),
        closed({"at": TEXT, "kind": {"enum": ["at"]}, "profile": TEXT}, "at"),
    ]
}
_SCHEDULES: JsonObject = {"anyOf": [_SCHEDULE_ENTRY, _list_of(_SCHEDULE_ENTRY)]}

KINDS: dict[Kind, JsonObject] = {
    Kind.TEXT: {"type": ["string", "null"]},
    Kind.INTEGER: {"type": ["number", "null"]},
    Kind.FLAG: {"type": ["boolean", "null"]},
    Kind.TEXT_LIST: {"type": ["array", "null"], "items": {"type": "string"}},
    Kind.TEXT_MAP: {"type": ["object", "null"], "additionalProperties": {"type": "string"}},
    Kind.ENV: one_of(_ENV_MAP, _list_of(_ENV_MAP, _ENV_TEXT)),
    Kind.SHELL: one_of(TEXT, _TEXTS),
    Kind.DOTENV: one_of(TEXT, _TEXTS),
    Kind.DEPENDS: one_of(TEXT, _TEXTS),
    Kind.LABELS: one_of(TEXT, _map_of(SCALAR), _list_of(TEXT, _map_of(SCALAR))),
    Kind.LOG_OUTPUT: one_of(any_case("separate", "merged")),
    Kind.CONTINUE_ON: one_of(
        {"type": "string", "pattern": "^([Ss][Kk][Ii][Pp][Pp][Ee][Dd]|[Ff][Aa][Ii][Ll][Ee][Dd])$"},
        closed(
            {
                "skipped": one_of(_FLAG),
                "failed": one_of(_FLAG),
                "failure": one_of(_FLAG),
                "mark_success": one_of(_FLAG),
                "exit_code": one_of(_CODES),
                "output": one_of(TEXT, _list_of(TEXT)),
            }
        ),
    ),
    Kind.PORT: {"type": ["integer", "string", "null"]},
    Kind.TEXTS: one_of(TEXT, _TEXTS),
    Kind.SCHEDULE: one_of(
        TEXT,
        _list_of(_SCHEDULE_ENTRY),
        closed(
            {
                "start": _SCHEDULES,
                "stop": {"anyOf": [TEXT, _list_of(_SCHEDULE_ENTRY), _SCHEDULE_ENTRY]},
                "restart": {"anyOf": [TEXT, _list_of(_SCHEDULE_ENTRY), _SCHEDULE_ENTRY]},
            }
        ),
    ),
}

_STEP_LIST: JsonObject = _list_of({"$ref": "#/$defs/step"}, FILLED, _list_of(_STEPS))
_PRECONDITIONS = one_of(FILLED, _list_of(FILLED, _PRECONDITION))
_CONTAINER = one_of(FILLED, {"$ref": "#/$defs/container"})
_SCHEMA: JsonObject = {"type": "object"}
_ACTIONS = one_of(
    _map_of(
        closed(
            {
                "description": one_of(TEXT),
                "input_schema": _SCHEMA,
                "output_schema": one_of(_SCHEMA),
                "template": _SCHEMA,
            },
            "input_schema",
            "template",
        ),
        "^[A-Za-z][A-Za-z0-9_-]*(\\.[A-Za-z][A-Za-z0-9_-]*)*$",
    )
)
_PARAM: JsonObject = {
    "type": "object",
    "if": {"required": ["name"], "properties": {"name": {"type": "string"}}},
    "then": closed(
        {
            "name": {"type": "string", "pattern": NAME},
            "default": {},
            "eval": TEXT,
            "description": TEXT,
            "type": {"enum": ["string", "integer", "number", "boolean"]},
            "required": _FLAG,
            "enum": {"type": "array"},
            "minimum": {"type": "number"},
            "maximum": {"type": "number"},
            "min_length": _INTEGER,
            "max_length": _INTEGER,
            "pattern": TEXT,
        }
    )
    | {"minProperties": 2},
}
_ITEM: JsonObject = {"type": ["string", "number", "object"]}
_MOST: JsonObject = {"type": "integer", "minimum": 1, "maximum": 1000}
_OUTPUT_VALUE: JsonObject = {
    "if": {
        "type": "object",
        "anyOf": [{"required": [key]} for key in ("value", "from", "path", "decode", "select")],
    },
    "then": closed(
        {
            "value": {},
            "from": {"enum": ["stdout", "stderr", "file"]},
            "path": TEXT,
            "decode": {"enum": ["text", "json", "yaml"]},
            "select": TEXT,
        }
    ),
}
_ARTIFACT: JsonObject = {"type": "string", "pattern": "^(?!/)(?!.*(^|/)\\.\\.(/|$)).+"}
_STDOUT_OUTPUTS: JsonObject = {
    "anyOf": [
        FILLED,
        closed(
            {
                "field": TEXT,
                "decode": {"enum": ["text", "json", "yaml"]},
                "select": TEXT,
            }
        ),
        closed({"fields": {"type": "object", "minProperties": 1}}, "fields"),
    ]
}
_OUTPUTS = _list_of(
    closed(
        {"name": {"type": "string", "pattern": NAME}, "type": {"enum": ["string", "json"]}}, "name"
    ),
    closed({"name": {"type": "string", "pattern": NAME}, "path": FILLED}, "name", "path"),
    at_least=1,
)
_FOREACH = one_of(
    closed(
        {
            "items": {"type": ["array", "string"]},
            "as": {"type": "string", "pattern": NAME, "not": {"enum": ["index", "key"]}},
            "key": TEXT,
            "max_concurrent": one_of(_MOST),
            "steps": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/step"}},
            "collect": one_of(_map_of(TEXT, NAME)),
        },
        "items",
        "steps",
    )
)
_RUN_ITEM: JsonObject = {
    "anyOf": [
        SCALAR,
        {"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": SCALAR},
    ]
}
_RUN: JsonObject = {"anyOf": [FILLED, _list_of(_RUN_ITEM, at_least=1)]}

#: (context, field) or field -> its shape
FIELDS: dict[str, JsonObject] = {
    "root.name": one_of({"type": "string", "pattern": "^\\s*[a-zA-Z0-9_.-]{0,40}\\s*$"}),
    "root.type": one_of({"enum": ["graph", "chain", "agent", "build", "controller", ""]}),
    "root.params": one_of(TEXT, {"type": "object"}, _list_of(TEXT, _PARAM)),
    "root.consts": one_of(
        _list_of({**_map_of(SCALAR, NAME), "minProperties": 1, "maxProperties": 1})
    ),
    "root.overlap_policy": one_of(any_case("skip", "all", "latest")),
    "root.hist_retention_days": one_of({"type": "number", "minimum": 0}),
    "root.hist_retention_runs": one_of({"type": "number", "minimum": 1}),
    "root.worker_selector": one_of(any_case("local") | {"minLength": 1}, _map_of(_LOOSE)),
    "root.actions": _ACTIONS,
    "step.id": one_of(
        {
            "type": "string",
            "pattern": "^\\s*([a-zA-Z][a-zA-Z0-9_]{0,39})?\\s*$",
            "not": {
                "pattern": "^\\s*([Ee][Nn][Vv]|[Pp][Aa][Rr][Aa][Mm][Ss]|[Aa][Rr][Gg][Ss]"
                "|[Ss][Tt][Dd]([Oo][Uu][Tt]|[Ee][Rr][Rr])|[Oo][Uu][Tt][Pp][Uu][Tt][Ss]?)\\s*$"
            },
        }
    ),
    "step.worker_selector": one_of(_map_of(TEXT)),
    "step.exec": closed({"command": FILLED, "args": one_of(_list_of(SCALAR))}, "command"),
    "step.outputs": _OUTPUTS,
    "step.output": one_of(TEXT, _map_of(_OUTPUT_VALUE)),
    "step.output_schema": one_of(_SCHEMA),
    "step.parallel": one_of(
        FILLED,
        _list_of(_ITEM, at_least=1),
        closed(
            {
                "items": {"anyOf": [FILLED, _list_of(_ITEM, at_least=1)]},
                "max_concurrent": one_of(_MOST),
            }
        ),
    ),
    "step.foreach": _FOREACH,
    "step.stdout": one_of(
        TEXT,
        closed({"artifact": _ARTIFACT, "outputs": _STDOUT_OUTPUTS}) | {"minProperties": 1},
    ),
    "step.stderr": one_of(TEXT, closed({"artifact": _ARTIFACT}, "artifact")),
    "step.inputs": one_of(_list_of(closed({"name": TEXT, "path": TEXT}, "name", "path"))),
    "step.routes": one_of(_map_of(_list_of(TEXT, at_least=1))),
    "steps": one_of(_STEP_LIST, _map_of({"$ref": "#/$defs/step"})),
    "run": _RUN,
    "command": one_of(TEXT, _list_of(_RUN_ITEM)),
    "preconditions": _PRECONDITIONS,
    "container": _CONTAINER,
    "defaults": one_of({"$ref": "#/$defs/defaults"}),
    "timeout_sec": {"type": ["number", "null"]},
    "defaults.timeout_sec": one_of({"type": "number", "minimum": 0}),
    "step.timeout_sec": one_of({"type": "number", "minimum": 0}),
    "signal_on_stop": one_of({"type": "string", "pattern": "^SIG[A-Z0-9]+$"}),
    "healthcheck": one_of({"$ref": "#/$defs/healthcheck"}),
    "exit_code": one_of(_list_of(_INTEGER)),
    "repeat": one_of({"enum": ["while", "until", True, False]}),
}
