from __future__ import annotations

import pytest

from edge.workflow.model_root import ParamDef, ParamsSchema
from tests.workflow.helpers import load, refused

STEPS = "\nsteps: [{run: a}]\n"


def declared(value: str) -> list[tuple[str, str | None]]:
    return [(item.name, item.default) for item in load(f"params: {value}{STEPS}").params]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        # spec 10 section 9: the shapes of a declaration
        ("a b", [("1", "a"), ("2", "b")]),
        ("'one X=2 three'", [("1", "one"), ("X", "2"), ("3", "three")]),
        ("'A=\"two words\" B=`date`'", [("A", "two words"), ("B", "`date`")]),
        ('\'{"b": 1, "a": [2]}\'', [("b", "1"), ("a", "[2]")]),
        ("{b: 1, a: yes, C: ~}", [("C", ""), ("a", "yes"), ("b", "1")]),
        (
            "[b=1, {a: 2, A: 3}, 'x y']",
            [("b", "1"), ("A", "3"), ("a", "2"), ("4", "x"), ("5", "y")],
        ),
        (
            "[{name: n, default: 1.50, description: d}, {name: m, description: d}, z, K=v]",
            [("n", "1.5"), ("m", None), ("3", "z"), ("K", "v")],
        ),
        ("{name: x, default: 1}", [("default", "1"), ("name", "x")]),
        ("{type: object, a: 1}", [("a", "1"), ("type", "object")]),
        ("''", []),
        ("~", []),
        ("[]", []),
        ("{}", []),
    ],
)
def test_plain_declarations(value: str, expected: list[tuple[str, str | None]]) -> None:
    assert declared(value) == expected
    assert load(f"params: {value}{STEPS}").params_schema is None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        # spec 10 section 9: errors of every form
        ("5", "invalid parameter value: uint64"),
        ("-5", "invalid parameter value: int64"),
        ("1.5", "invalid parameter value: float64"),
        ("true", "invalid parameter value: bool"),
        ("[5]", "invalid parameter value: uint64"),
        ("[[a]]", "invalid parameter value: []interface {}"),
        (
            "{a-b: 1}",
            'invalid parameter value: parameter name "a-b" must match ^[A-Za-z][A-Za-z0-9_]*$',
        ),
        ("'1A=x'", 'invalid parameter value: parameter name "1A" must match'),
        ("[_a=x]", 'invalid parameter value: parameter name "_a" must match'),
        ("[{name: a-b, default: x}]", 'invalid parameter value: parameter name "a-b" must match'),
        ("[a=1, a=2]", 'invalid parameter value: duplicate parameter name "a"'),
        ("[{name: a, default: x}, a=1]", 'invalid parameter value: duplicate parameter name "a"'),
        ("{a: {b: 1}}", "default cannot be a map; write - name: a with its fields beside it"),
        ("[{a: {default: 1}}]", "write - name: a with its fields beside it"),
        ("{schema: ./a.json, values: 5}", "invalid parameter value: values must be a map"),
        (
            "{type: object, properties: {a: {type: foo}}}",
            "invalid parameter value: invalid JSON schema: /properties/a/type: 'foo'",
        ),
        ("{type: object, properties: {a: {$ref: x}}}", 'cannot resolve $ref "x"'),
        ("{type: object, properties: {a-b: {}}}", 'parameter name "a-b" must match'),
    ],
)
def test_bad_declarations(value: str, message: str) -> None:
    error = refused(f"params: {value}{STEPS}")
    assert message in error.message
    (problem,) = error.problems
    assert problem.field == "params"
    assert problem.line == 1


OBJECT = "type: object, properties: {a: {type: integer}}"


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        # spec 10 section 9: which map is a schema
        (
            f"{{{OBJECT}}}",
            ParamsSchema(inline={"type": "object", "properties": {"a": {"type": "integer"}}}),
        ),
        ("{schema: {type: object}}", ParamsSchema(inline={"type": "object"})),
        (
            "{schema: {type: object}, values: {a: 1}}",
            ParamsSchema(inline={"type": "object"}, values={"a": 1}),
        ),
        ("{schema: true, values: {a: 1}}", ParamsSchema(inline={}, values={"a": 1})),
        ("{schema: false, values: {}}", ParamsSchema(inline={"not": {}})),
        ("{schema: plain, values: {}}", ParamsSchema(reference="plain")),
        ("{schema: a.json}", ParamsSchema(reference="a.json")),
        ("{schema: dir/a}", ParamsSchema(reference="dir/a")),
        ("{schema: 'dir\\a'}", ParamsSchema(reference="dir\\a")),
        ("{schema: 'http://h/a'}", ParamsSchema(reference="http://h/a")),
        ("{schema: plain}", None),
        ("{schema: true}", None),
        ("{schema: 5, values: x}", None),
        ("{schema: a.json, other: 1}", None),
    ],
)
def test_schema_forms(value: str, schema: ParamsSchema | None) -> None:
    if "values: x" in value:
        assert "values must be a map" in refused(f"params: {value}{STEPS}").message
        return
    assert load(f"params: {value}{STEPS}").params_schema == schema


def test_properties_are_definitions() -> None:
    """spec 10 section 9: parameter definitions are kept for the form."""
    text = (
        "{values: {a: 2}, schema: {type: object, required: [b], properties: {"
        "a: {type: integer, default: 1, minimum: 0, maximum: 9},"
        "b: {type: string, description: d, enum: [x], minLength: 1, maxLength: 3, pattern: '^x'},"
        "t: {type: array, default: [1]}}}}"
    )
    assert load(f"params: {text}{STEPS}").params == (
        ParamDef(name="a", type="integer", default="2", minimum=0, maximum=9),
        ParamDef(
            name="b",
            type="string",
            description="d",
            enum=("x",),
            min_length=1,
            max_length=3,
            pattern="^x",
            required=True,
        ),
        ParamDef(name="t", type="array", default="[1]"),
    )


def test_values_of_an_external_schema_are_known_at_load() -> None:
    """spec 10 section 9: `values` are the defaults of an external schema."""
    assert declared("{schema: ./none.json, values: {b: 2, a: [1]}}") == [("b", "2"), ("a", "[1]")]


def test_base_entries_come_first_and_are_marked() -> None:
    """spec 10 section 5: base params first, the document's win, and no caller changes them."""
    dag = load(f"params: {{a: 1, c: 3}}{STEPS}", base_text="params: [b=2, a=0]\n")
    found = [(item.name, item.default, item.is_inherited) for item in dag.params]
    assert found == [("b", "2", True), ("a", "1", False), ("c", "3", False)]
