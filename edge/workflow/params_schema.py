"""Parameters backed by a JSON schema: inline, or from a file or URL (spec 10 section 9).

The schema of an external form is read by the engine when a run starts and comes in as a value;
loading a workflow never needs it.
"""

from __future__ import annotations

from collections.abc import Iterable

from edge.core.errors import UserError
from edge.core.jsontypes import JsonObject, JsonValue
from edge.workflow.model_root import ParamDef, ParamsSchema
from edge.workflow.param_values import TYPES, coerce, value_text
from edge.workflow.schema_check import CompiledSchema, SchemaError, compile_schema

__all__ = ["resolve_schema_values", "schema_definitions"]


def schema_definitions(
    schema: ParamsSchema, document: JsonObject | None = None
) -> tuple[ParamDef, ...]:
    """Return a definition per property, in author order: for forms, lists and inspection.

    `document` is the content of an external schema; without it only `values` are known. Raises:
    SchemaError.
    """
    document = schema.inline if document is None else document
    properties = {} if document is None else compile_schema(document).properties
    required = _texts(document.get("required")) if document is not None else ()
    items = []
    for name in dict.fromkeys([*properties, *schema.values]):
        rules = properties.get(name, {})
        default = schema.values.get(name, rules.get("default"))
        kind, pattern = rules.get("type"), rules.get("pattern")
        description = rules.get("description")
        enum = rules.get("enum")
        items.append(
            ParamDef(
                name=name,
                default=None if default is None else value_text(default),
                description=description if isinstance(description, str) else "",
                type=kind if isinstance(kind, str) else "",
                required=name in required,
                enum=tuple(enum) if isinstance(enum, list) else (),
                minimum=_number(rules.get("minimum")),
                maximum=_number(rules.get("maximum")),
                min_length=_integer(rules.get("minLength")),
                max_length=_integer(rules.get("maxLength")),
                pattern=pattern if isinstance(pattern, str) else "",
            )
        )
    return tuple(items)


def resolve_schema_values(
    schema: ParamsSchema, document: JsonObject, given: Iterable[tuple[str, str]]
) -> tuple[tuple[str, str], ...]:
    """Return the values of a run: the caller's over `values` over the schema's defaults.

    Order: properties as declared, then the others as given. Raises: UserError.
    """
    try:
        compiled = compile_schema(document)
    except SchemaError as exc:
        raise UserError(f"invalid parameter value: invalid JSON schema: {exc}") from None
    properties = compiled.properties
    values: dict[str, JsonValue] = dict(schema.values)
    for name, text in given:
        values[name] = _coerced(name, text, properties.get(name, {}))
    _check_names(compiled, document, values)
    filled = compiled.apply_defaults(values)
    error = compiled.validate(filled)
    if error:
        raise UserError(f"parameter validation failed: {error}")
    assert isinstance(filled, dict)
    order = [name for name in properties if name in filled]
    order += [name for name in filled if name not in properties]
    return tuple((name, value_text(filled[name])) for name in order if filled[name] is not None)


def _check_names(
    compiled: CompiledSchema, document: JsonObject, values: dict[str, JsonValue]
) -> None:
    if document.get("additionalProperties") is not False or "patternProperties" in document:
        return
    known = compiled.properties
    unknown = sorted(set(values) - set(known))
    if unknown and known:
        raise unknown_names(unknown, known)


def unknown_names(unknown: Iterable[str], known: Iterable[str]) -> UserError:
    """Return the error about names that nobody declared."""
    quoted = ", ".join(f'"{name}"' for name in sorted(unknown))
    return UserError(
        f"unknown parameter(s): {quoted}; accepted parameters are: {', '.join(sorted(known))}"
    )


def _coerced(name: str, text: str, rules: JsonObject) -> JsonValue:
    """Return a caller's text as the property wants it; a text that no type fits stays text."""
    kind = rules.get("type")
    if isinstance(kind, str):
        if kind in TYPES:
            try:
                return coerce(text, kind)
            except ValueError as exc:
                raise UserError(f"{name}: {exc}") from None
        return _parsed(text, (kind,))
    if isinstance(kind, list):
        if "string" in kind:
            return text
        return _parsed(text, tuple(word for word in kind if isinstance(word, str)))
    enum = rules.get("enum")
    if isinstance(enum, list):
        return next((allowed for allowed in enum if value_text(allowed) == text), text)
    return text


def _parsed(text: str, kinds: tuple[str, ...]) -> JsonValue:
    """Return the first reading of a text as one of the types; the text itself when there is none.

    Arrays and objects are JSON, so a caller's JSON may fill them.
    """
    for kind in kinds:
        if kind in TYPES:
            try:
                return coerce(text, kind)
            except ValueError:
                continue
        import json

        try:
            found: JsonValue = json.loads(text)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, {"array": list, "object": dict}.get(kind, type(None))):
            return found
    return text


def _texts(value: JsonValue) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def _number(value: JsonValue) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _integer(value: JsonValue) -> int | None:
    number = _number(value)
    return None if number is None else int(number)
