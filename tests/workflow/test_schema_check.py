from __future__ import annotations

import socket
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.jsontypes import JsonObject, JsonValue
from edge.workflow.schema_check import SchemaError, compile_schema, type_word, value_text

DRAFT_07 = "http://json-schema.org/draft-07/schema#"
NAMED: JsonObject = {"type": "object", "properties": {"k": {"type": "integer"}}}


@pytest.mark.parametrize(
    ("schema", "value", "text"),
    [
        # spec 12 section 14: the schema texts name the key
        (NAMED, {"k": 3}, ""),
        (
            NAMED,
            {"k": "3"},
            'validating root: validating /properties/k: type: 3 has type "string", want "integer"',
        ),
        (
            {"required": ["k", "l"]},
            {"l": 1},
            'validating root: required: missing properties: ["k"]',
        ),
        (
            {"properties": {"a": {}}, "additionalProperties": False},
            {"a": 1, "foo": 2},
            'validating root: unexpected additional properties ["foo"]',
        ),
        (
            {"properties": {"k": {"enum": ["x", "y"]}}},
            {"k": "z"},
            "validating root: validating /properties/k: enum: z does not equal any of: [x y]",
        ),
        ({"const": {"b": 1}}, 2, "validating root: const: 2 does not equal map[b:1]"),
        ({"type": ["string", "null"]}, 1, 'one of "string", "null"'),
        ({"minimum": 3}, 2, "validating root: minimum: 2 is less than 3"),
        ({"pattern": "^a"}, "b", "validating root: pattern: b does not match ^a"),
        ({"anyOf": [{"type": "string"}]}, 1, "validating root: anyOf: 1 does not fit"),
        ({"not": {}}, 1, "validating root: not: 1 does not fit"),
        ({"properties": {"k": False}}, {"k": 1}, "no value is allowed here"),
        (
            {"patternProperties": {"^x": {}}, "additionalProperties": False},
            {"x1": 1, "y": 1},
            'unexpected additional properties ["y"]',
        ),
        # what each draft means by a list of `items`
        ({"$schema": DRAFT_07, "items": [{"type": "string"}]}, [1], "has type"),
        ({"prefixItems": [{"type": "string"}]}, [1], "has type"),
        ({"$schema": "urn:unknown", "prefixItems": [{"type": "string"}]}, [1], "has type"),
        # references inside the document
        ({"$ref": "#/$defs/n", "$defs": {"n": {"type": "integer"}}}, "x", "has type"),
        ({"$ref": "#/parts/n", "parts": {"n": {"type": "integer"}}}, "x", "has type"),
        ({"$ref": "item", "$defs": {"n": {"$id": "item", "type": "integer"}}}, "x", "has type"),
        ({"$ref": "#n", "$defs": {"n": {"$anchor": "n", "type": "integer"}}}, "x", "has type"),
        ({"$ref": "https://json-schema.org/draft/2020-12/schema"}, {"type": 1}, "does not fit"),
    ],
)
def test_verdicts(schema: JsonObject, value: JsonValue, text: str) -> None:
    found = compile_schema(schema).validate(value)
    assert text in found
    assert bool(text) is bool(found)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (NAMED, {"k": "S3CRET"}),
        ({"additionalProperties": False}, {"S3CRET": 1}),
        ({"enum": [1]}, "S3CRET"),
        ({"pattern": "^a"}, "S3CRET"),
        ({"anyOf": [{"type": "integer"}]}, "S3CRET"),
    ],
)
def test_nothing_of_the_value_is_told(schema: JsonObject, value: JsonValue) -> None:
    """spec 11 section 8.5: the failure text must not echo stdout."""
    compiled = compile_schema(schema)
    assert "S3CRET" in compiled.validate(value)
    assert "S3CRET" not in compiled.validate(value, echo=False)
    assert compiled.validate(value, echo=False).startswith("validating root: ")


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"type": "foo"}, "/type: 'foo'"),
        ({"properties": {"a": {"pattern": "("}}}, "/properties/a/pattern: '('"),
        ({"properties": 5}, "/properties: 5"),
        ({"$schema": 5}, "$schema must be a string"),
        ({"$ref": "#/nowhere"}, 'cannot resolve $ref "#/nowhere"'),
        ({"$ref": "#/list", "list": []}, 'cannot resolve $ref "#/list"'),
        ({"$ref": "#/bad", "bad": {"type": "foo"}}, "/type: 'foo'"),
        ({"$ref": "https://example.invalid/x.json"}, "must lead to a place in this schema"),
        ({"$ref": "file:///etc/passwd"}, "must lead to a place in this schema"),
        ({"properties": {"a": {"$ref": "other.json"}}}, 'cannot resolve $ref "other.json"'),
        ({"$id": "http://[", "$ref": "x"}, "Invalid"),
    ],
)
def test_bad_schemas(schema: JsonObject, text: str) -> None:
    with pytest.raises(SchemaError) as caught:
        compile_schema(schema)
    assert text in str(caught.value)


def test_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket, "socket", refuse)
    with pytest.raises(SchemaError, match=r"cannot resolve \$ref"):
        compile_schema({"$ref": "http://127.0.0.1:1/x"})


def test_circles_and_depth_are_texts_not_tracebacks() -> None:
    assert "nested too deeply" in compile_schema({"$ref": "#"}).validate(1)
    assert compile_schema({"$ref": "#"}).apply_defaults({"a": 1}) == {"a": 1}
    deep: JsonObject = {}
    for _ in range(sys.getrecursionlimit()):
        deep = {"not": deep}
    with pytest.raises(SchemaError, match="nested too deeply"):
        compile_schema(deep)
    value: JsonValue = 1
    for _ in range(sys.getrecursionlimit() * 2):
        value = [value]
    nested = compile_schema({"items": {"$ref": "#"}})
    assert "nested too deeply" in nested.validate(value)
    assert nested.apply_defaults(value) is value


@pytest.mark.parametrize(
    ("schema", "value", "filled"),
    [
        ({"properties": {"a": {"default": 1}, "b": {}}}, {}, {"a": 1}),
        ({"properties": {"a": {"default": 1}}}, {"a": 2}, {"a": 2}),
        ({"properties": {"a": {"default": 1}}}, {"a": None}, {"a": None}),
        ({"properties": {"a": {"properties": {"b": {"default": 1}}}}}, {}, {}),
        (
            {"properties": {"a": {"properties": {"b": {"default": 1}}}}},
            {"a": {}},
            {"a": {"b": 1}},
        ),
        ({"items": {"properties": {"b": {"default": 1}}}}, [{}, 2], [{"b": 1}, 2]),
        (
            {"properties": {"a": {"$ref": "#/$defs/n"}}, "$defs": {"n": {"default": 4}}},
            {},
            {"a": 4},
        ),
        ({"properties": {"a": {"default": 1}}}, "text", "text"),
    ],
)
def test_defaults(schema: JsonObject, value: JsonValue, filled: JsonValue) -> None:
    assert compile_schema(schema).apply_defaults(value) == filled


def test_what_a_schema_resolves_to() -> None:
    referenced: JsonObject = {
        "$ref": "#/$defs/o",
        "$defs": {"o": {"type": "object", "properties": {"a": {"type": "string"}}}},
    }
    assert compile_schema(referenced).is_object
    assert compile_schema(referenced).properties == {"a": {"type": "string"}}
    assert not compile_schema({}).is_object
    assert compile_schema({}).properties == {}
    assert not compile_schema({"type": ["object", "null"]}).is_object


def test_value_text_is_gos() -> None:
    assert value_text({"b": [1, 2.5, None], "a": True}) == "map[a:true b:[1 2.5 <nil>]]"
    words = [type_word(value) for value in (None, True, 1, 1.5, "", [], {})]
    assert words == ["null", "boolean", "integer", "number", "string", "array", "object"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "properties",
                    "items",
                    "$ref",
                    "$id",
                    "required",
                    "enum",
                    "multipleOf",
                    "a",
                ]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(["type", "properties", "$ref", "multipleOf"]), JSON), JSON)
def test_any_schema_and_any_value_get_a_text(schema: JsonObject, value: JsonValue) -> None:
    try:
        compiled = compile_schema(schema)
    except SchemaError:
        return
    assert isinstance(compiled.validate(value), str)
    compiled.apply_defaults(value)
