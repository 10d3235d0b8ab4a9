"""JSON Schema: compile once, then check values and fill in defaults.

The one door to the `jsonschema` library, which is imported when the first schema is compiled: most
workflows have none, and the import costs more than everything else of a start. Drafts 2020-12 (when
none is named) and 7; others that the library knows work too. A schema stands for itself: a `$ref`
leads to a place in the same document or to a published meta-schema. Nothing is ever fetched.

The texts follow those of the reference (spec 12 section 14, spec 13 section 3), whose wording after
the first colon is no contract.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from edge.core.jsontypes import JsonObject, JsonValue
from edge.workflow.nodes import scalar_text

if TYPE_CHECKING:
    from referencing import Resource
    from referencing._core import Resolver

__all__ = ["CompiledSchema", "SchemaError", "compile_schema", "type_word", "value_text"]

_SHOWN_CHARS = 200
_DEEP_SCHEMA = "the schema is nested too deeply"
#: what the library raises on values at the edge of arithmetic, beside its own errors
_ODD = (ArithmeticError, TypeError, ValueError)


class SchemaError(Exception):
    """The schema itself cannot be used; the text says where and why."""


def compile_schema(schema: JsonObject) -> CompiledSchema:
    """Return the schema ready for use. Raises: SchemaError."""
    from jsonschema import Draft202012Validator, exceptions
    from jsonschema.validators import validator_for
    from jsonschema_specifications import REGISTRY

    dialect = schema.get("$schema", "")
    if not isinstance(dialect, str):
        raise SchemaError("$schema must be a string")
    try:
        kind = validator_for({"$schema": dialect}, default=Draft202012Validator)
        kind.check_schema(schema)
        resolver = _check_references(kind, schema)
    except exceptions.SchemaError as exc:
        where = "/".join(str(part) for part in exc.absolute_path)
        raise SchemaError(f"/{where}: {exc.message[:_SHOWN_CHARS]}") from None
    except RecursionError:
        raise SchemaError(_DEEP_SCHEMA) from None
    except _ODD as exc:
        raise SchemaError(str(exc)[:_SHOWN_CHARS]) from None
    return CompiledSchema(schema, kind(schema, registry=REGISTRY), resolver)


def _check_references(kind: Any, schema: JsonObject) -> Resolver[Any]:
    """Follow every `$ref`: to where it must lead, and through what is there; return the root's.

    A place may be outside of what the meta-schema sees, so it is checked as a schema of its own.
    """
    from jsonschema_specifications import REGISTRY
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012, specification_with

    specification = specification_with(kind.META_SCHEMA["$schema"], default=DRAFT202012)
    root: Resource[Any] = specification.create_resource(schema)
    top: Resolver[Any] = REGISTRY.resolver_with_root(root)
    pending = [(root, top)]
    seen: set[int] = set()
    while pending:
        resource, resolver = pending.pop()
        contents = resource.contents
        if not isinstance(contents, Mapping) or id(contents) in seen:
            continue
        seen.add(id(contents))
        for key in ("$ref", "$dynamicRef"):
            reference = contents.get(key)
            if not isinstance(reference, str):
                continue
            try:
                found = resolver.lookup(reference)
                if not isinstance(found.contents, Mapping | bool):
                    raise Unresolvable(ref=reference)
            except Unresolvable:
                raise SchemaError(
                    f'cannot resolve $ref "{reference}": it must lead to a place in this schema'
                ) from None
            kind.check_schema(found.contents)
            pending.append((specification.create_resource(found.contents), found.resolver))
        for part in resource.subresources():
            pending.append((part, resolver.in_subresource(part)))
    return top


_NONE: Mapping[tuple[str | int, ...], bool] = {}


def _takes_any_text(schema: object) -> bool:
    """Return whether a schema is one of texts that does not list its values."""
    if not isinstance(schema, Mapping) or "enum" in schema or "const" in schema:
        return False
    kind = schema.get("type", "string")
    return kind == "string" or (isinstance(kind, list) and "string" in kind)


class CompiledSchema:
    """A checked schema. Neither method changes the value it is given."""

    def __init__(self, schema: JsonObject, validator: Any, resolver: Resolver[Any]) -> None:
        self.schema = schema
        self._validator = validator
        self._resolver = resolver

    @property
    def is_object(self) -> bool:
        """Return whether the schema resolves to one of an object (`type: object`)."""
        return self._seen_through(self.schema).get("type") == "object"

    @property
    def properties(self) -> dict[str, JsonObject]:
        """Return the declared properties in author order, references followed."""
        found = self._seen_through(self.schema).get("properties")
        if not isinstance(found, Mapping):
            return {}
        return {name: self._seen_through(value) for name, value in found.items()}

    def validate(
        self,
        value: JsonValue,
        *,
        echo: bool = True,
        references: Mapping[tuple[str | int, ...], bool] = _NONE,
    ) -> str:
        """Return what is wrong with a value, the first finding only; "" when nothing is.

        Without `echo` no part of the value is repeated, member names included. `references` are the
        places whose value is not known yet: True = whatever fits, False = some text.
        """
        try:
            for error in self._validator.iter_errors(value):
                is_whole = references.get(tuple(error.absolute_path))
                if is_whole or (is_whole is False and _takes_any_text(error.schema)):
                    continue
                return _error_text(error, echo=echo)
        except RecursionError:
            return "validating root: the value or the schema is nested too deeply"
        except _ODD as exc:
            return f"validating root: {exc}" if echo else "validating root: cannot be checked"
        return ""

    def apply_defaults(self, value: JsonValue) -> JsonValue:
        """Return the value with the defaults of missing properties, at every level that exists."""
        try:
            return self._filled(value, self.schema)
        except RecursionError:
            # validation refuses such a value with a text
            return value

    def _filled(self, value: JsonValue, schema: object) -> JsonValue:
        rules = self._seen_through(schema)
        if isinstance(value, list):
            items = rules.get("items")
            return [self._filled(item, items) for item in value] if items else value
        if not isinstance(value, dict):
            return value
        filled = dict(value)
        properties = rules.get("properties")
        for name, rule in properties.items() if isinstance(properties, Mapping) else ():
            if name in filled:
                filled[name] = self._filled(filled[name], rule)
                continue
            resolved = self._seen_through(rule)
            if "default" in resolved:
                filled[name] = resolved["default"]
        return filled

    def _seen_through(self, schema: object) -> JsonObject:
        """Return a schema with its chain of references followed; its own keywords win."""
        from referencing.exceptions import Unresolvable

        found: dict[str, JsonValue] = {}
        hops = 0
        while isinstance(schema, Mapping):
            for key, rule in schema.items():
                if key != "$ref":
                    found.setdefault(key, rule)
            reference = schema.get("$ref")
            # what was checked when compiling may still be a circle
            if not isinstance(reference, str) or hops > 32:
                break
            hops += 1
            try:
                schema = self._resolver.lookup(reference).contents
            except Unresolvable:
                # relative to an `$id` further down; validation, which knows the place, follows it
                break
        return found


def value_text(value: JsonValue) -> str:
    """Return a value as the reference prints it: `3`, `[a b]`, `map[k:v]`."""
    if isinstance(value, list):
        return "[" + " ".join(value_text(item) for item in value) + "]"
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{value_text(value[key])}" for key in sorted(value)) + "]"
    return scalar_text(value)


def type_word(value: JsonValue) -> str:
    """Return the name that JSON Schema has for a value's type."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    return {str: "string", list: "array"}.get(type(value), "object")


def _error_text(error: Any, *, echo: bool) -> str:
    keyword, rule, value = error.validator, error.validator_value, error.instance
    shown = _shortened(value_text(value)) if echo else "the value"
    if keyword is None:
        text = "no value is allowed here"
    elif keyword == "type":
        wanted = ", ".join(f'"{word}"' for word in ([rule] if isinstance(rule, str) else rule))
        several = "one of " if not isinstance(rule, str) else ""
        text = f'type: {shown} has type "{type_word(value)}", want {several}{wanted}'
    elif keyword == "required":
        missing = [name for name in rule if isinstance(value, dict) and name not in value]
        text = f"required: missing properties: {_names(missing)}"
    elif keyword == "enum":
        text = f"enum: {shown} does not equal any of: {_shortened(value_text(list(rule)))}"
    elif keyword == "const":
        text = f"const: {shown} does not equal {_shortened(value_text(rule))}"
    elif keyword in ("additionalProperties", "unevaluatedProperties") and echo:
        text = f"unexpected additional properties {_names(_additional(error))}"
    elif keyword in _RELATIONS:
        text = f"{keyword}: {shown} {_RELATIONS[keyword]} {_shortened(value_text(rule))}"
    else:
        text = f"{keyword}: {shown} does not fit"
    parts = list(error.absolute_schema_path)[:-1]
    where = f"validating /{'/'.join(str(part) for part in parts)}: " if parts else ""
    return f"validating root: {where}{text}"


_RELATIONS = {
    "minimum": "is less than",
    "maximum": "is greater than",
    "exclusiveMinimum": "is not greater than",
    "exclusiveMaximum": "is not less than",
    "multipleOf": "is not a multiple of",
    "minLength": "is shorter than",
    "maxLength": "is longer than",
    "pattern": "does not match",
    "minItems": "has fewer items than",
    "maxItems": "has more items than",
    "minProperties": "has fewer properties than",
    "maxProperties": "has more properties than",
}


def _additional(error: Any) -> list[str]:
    import re

    schema = error.schema if isinstance(error.schema, Mapping) else {}
    known = schema.get("properties", {})
    patterns = schema.get("patternProperties", {})
    return [
        name
        for name in error.instance
        if name not in known and not any(re.search(pattern, name) for pattern in patterns)
    ]


def _names(names: list[str]) -> str:
    return _shortened("[" + " ".join(f'"{name}"' for name in names) + "]")


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "..."
