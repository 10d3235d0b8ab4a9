from __future__ import annotations

from functools import partial

import pytest

from edge.workflow.model_root import ParamDef
from tests.workflow.helpers import load, refused

STEPS = "\nsteps: [{run: a}]\n"


rich = partial(ParamDef, name="x", is_rich=True)


def item(fields: str) -> ParamDef:
    (only,) = load(f"params: [{{name: x, {fields}}}]{STEPS}").params
    return only


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        # spec 10 section 9: keys of a rich item; defaults and enums are coerced to the type
        ("description: d", rich(description="d")),
        ("default: 1.50", rich(default="1.5")),
        ("default: ~, description: d", rich(description="d")),
        ("type: string, default: 5", rich(type="string", default="5")),
        ("type: integer, default: '07'", rich(type="integer", default="7")),
        ("type: integer, default: 3.0", rich(type="integer", default="3")),
        ("type: number, default: 1.50", rich(type="number", default="1.5")),
        ("type: boolean, default: 'TRUE'", rich(type="boolean", default="true")),
        ("type: boolean, default: false", rich(type="boolean", default="false")),
        ("eval: $(date)", rich(eval="$(date)")),
        ("required: true", rich(required=True)),
        (
            "type: integer, enum: ['1', 2], minimum: 1, maximum: 2.5",
            rich(type="integer", enum=(1, 2), minimum=1, maximum=2.5),
        ),
        (
            "min_length: 1, max_length: 3, pattern: '^a'",
            rich(min_length=1, max_length=3, pattern="^a"),
        ),
    ],
)
def test_items(fields: str, expected: ParamDef) -> None:
    assert item(fields) == expected


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        # spec 10 section 9: bare errors of rich items
        ("foo: 1", 'invalid inline param field "foo"'),
        ("minLength: 1", 'invalid inline param field "minLength"; use min_length'),
        ("maxLength: 1", 'invalid inline param field "maxLength"; use max_length'),
        ("type: foo", 'parameter "x" has unsupported type "foo"'),
        ("type: [string]", 'parameter "x" has unsupported type "[string]"'),
        ("required: 'yes'", 'parameter "x" required must be a boolean'),
        ("description: 5", 'parameter "x" description must be a string'),
        ("eval: ''", 'parameter "x" eval must not be empty'),
        ("eval: ' '", 'parameter "x" eval must not be empty'),
        ("eval: 5", 'parameter "x" eval must be a string'),
        (
            "type: string, minimum: 1",
            'parameter "x" uses minimum/maximum but type is "string"',
        ),
        ("maximum: 1", 'parameter "x" uses minimum/maximum but type is "string"'),
        (
            "type: integer, pattern: a",
            'parameter "x" uses string constraints but type is "integer"',
        ),
        (
            "type: boolean, min_length: 1",
            'parameter "x" uses string constraints but type is "boolean"',
        ),
        (
            "type: integer, default: x",
            'parameter "x" default is invalid: cannot coerce "x" to integer',
        ),
        ("type: integer, default: 1.5", 'parameter "x" default is invalid: expected an integer'),
        ("type: boolean, default: 1", 'parameter "x" default is invalid: expected a boolean'),
        ("type: number, default: true", 'parameter "x" default is invalid: expected a number'),
        ("type: number, default: .inf", 'parameter "x" default is invalid: expected a number'),
        ("default: [1]", 'parameter "x" default is invalid: expected a string'),
        ("enum: [a], default: b", 'parameter "x" default must be one of enum values'),
        ("enum: a", 'parameter "x" enum must be a non-empty array'),
        ("enum: []", 'parameter "x" enum must be a non-empty array'),
        (
            "type: integer, enum: [1, x]",
            'parameter "x" enum[1] is invalid: cannot coerce "x" to integer',
        ),
        ("type: integer, minimum: 2, default: 1", 'parameter "x" default is below minimum'),
        ("type: integer, maximum: 2, default: 3", 'parameter "x" default is above maximum'),
        ("min_length: 2, default: a", 'parameter "x" default is shorter than min_length'),
        ("max_length: 2, default: abc", 'parameter "x" default is longer than max_length'),
        ("pattern: ^a, default: b", 'parameter "x" default does not match pattern'),
        ("pattern: '('", 'parameter "x" pattern is invalid'),
        ("type: integer, minimum: a", 'parameter "x" minimum must be a number'),
        ("min_length: -1", 'parameter "x" min_length must be a non-negative integer'),
        ("max_length: 1.5", 'parameter "x" max_length must be a non-negative integer'),
    ],
)
def test_bad_items(fields: str, message: str) -> None:
    error = refused(f"params: [{{name: x, {fields}}}]{STEPS}")
    assert f"field 'params': {message}" in error.message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        # spec 10 section 9: the name of a rich item
        ("{name: x}", 'parameter "x" must define at least one field in addition to name'),
        ("{name: 5, default: 1}", 'inline parameter definition field "name" must be a string'),
        ("{name: {type: integer}}", 'must be a string; write "- name: NAME" with its fields'),
    ],
)
def test_bad_names(text: str, message: str) -> None:
    error = refused(f"params: [{text}]{STEPS}")
    assert message in error.message
    assert "invalid parameter value" not in error.message


def test_a_huge_number_is_a_fault() -> None:
    """spec 10 section 9: an integer beyond every float is no limit."""
    fields = f"type: number, minimum: {'9' * 400}"
    assert "must be a number" in refused(f"params: [{{name: x, {fields}}}]{STEPS}").message
