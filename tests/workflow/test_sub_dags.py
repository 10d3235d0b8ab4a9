from __future__ import annotations

import pytest

from edge.workflow.params import parse_override_text
from tests.workflow.helpers import refused, step

# spec 10 section 9 (end): parameters of a sub-DAG as text
TEXTS = [
    ("WHO=parent", 'WHO="parent"'),
    ("'a=1 b=\"x y\"'", 'a="1" b="x y"'),
    ("'${ITEM}'", "${ITEM}"),
    ("'V=${ITEM}'", 'V="${ITEM}"'),
    ("a b", "a b"),
    ("'{\"a\": 1}'", '{"a": 1}'),
    ("' [1, 2] '", "[1, 2]"),
    ("''", ""),
    ("{b: 1, a: x y}", 'a="x y" b="1"'),
    ("{a: 1.50, b: true}", 'a="1.5" b="true"'),
    ('{a: "q\\"q", b: "l\\nm\\t", c: "back\\\\"}', 'a="q\\"q" b="l\\nm\\t" c="back\\\\"'),
    ("{a: '${ITEM.a} \"x\"'}", 'a="${ITEM.a} \\"x\\""'),
    ("{a: ''}", 'a=""'),
    ("[]", ""),
    ("[x, {k: v, a: 1}, 'b=2']", 'x a="1" k="v" b="2"'),
    ("['x y']", '"x y"'),
    ("['${ITEM}', '']", '${ITEM} ""'),
]


@pytest.mark.parametrize(("written", "text"), TEXTS)
def test_parameters_become_quoted_words(written: str, text: str) -> None:
    """spec 10 section 9"""
    for form in (
        f"{{action: dag.run, with: {{dag: x, params: {written}}}}}",
        f"{{call: x, params: {written}}}",
    ):
        found = step(form)
        assert found.sub_dag is not None
        assert found.sub_dag.params == text


def test_what_is_quoted_is_read_back_the_same() -> None:
    """spec 10 section 9"""
    found = step('{action: dag.run, with: {dag: x, params: {a: "q\\"\\\\ \\n", b: "c  d"}}}')
    assert found.sub_dag is not None
    assert parse_override_text(found.sub_dag.params).items == (("a", 'q"\\ \n'), ("b", "c  d"))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ("5", "field 'with.params': invalid parameter value: uint64"),
        ("true", "invalid parameter value: bool"),
        ("[5]", "field 'with.params[0]': invalid parameter value: uint64"),
        ("[[a]]", "invalid parameter value: []interface {}"),
        ("{a: [1]}", "parameter values must be strings, numbers, or booleans, got []interface {}"),
        ("{a: ~}", "booleans, got <nil> for key a"),
        ("{'a b': c}", 'invalid parameter value: parameter name "a b"'),
    ],
)
def test_bad_parameters(params: str, message: str) -> None:
    """spec 10 section 9"""
    error = refused(f"steps:\n  - {{action: dag.run, with: {{dag: x, params: {params}}}}}\n")
    assert message in error.message
    assert error.problems[0].line == 2
