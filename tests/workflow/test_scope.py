from __future__ import annotations

import pytest

from edge.core.jsontypes import JsonValue
from edge.workflow.json_text import (
    compact,
    decode_json,
    foreach_values,
    insertion_text,
    legacy_text,
)
from edge.workflow.scope import Scope, Source, StepView
from edge.workflow.values import Policy, resolve


def test_inner_values_win_and_sources_are_filtered() -> None:
    """spec 11 section 13: an immutable chain; excluding a source is a filter."""
    outer = Scope().child([("A", "process"), ("B", "b")], Source.PROCESS)
    inner = outer.child([("A", "env")], Source.DAG_ENV).child([("C", "c")], Source.STEP_ENV)
    assert inner.get("A", with_process=False) == "env"
    assert inner.get("B", with_process=False) is None
    assert inner.get("B", with_process=True) == "b"
    assert inner.environ() == {"A": "env", "B": "b", "C": "c"}
    assert outer.environ() == {"A": "process", "B": "b"}
    assert inner.with_context({"a.b": "x"}).get("C", with_process=False) == "c"


def test_secrets_are_listed_also_when_shadowed() -> None:
    """spec 11 section 9: every secret value is masked, also one that a later layer shadows."""
    scope = Scope().child([("T", "old"), ("U", "u")], Source.SECRET)
    scope = scope.child([("T", "new")], Source.SECRET).child([("U", "x")], Source.STEP_ENV)
    assert scope.of_source(Source.SECRET) == {"T": "new", "U": "u"}


def test_declared_outputs_of_visible_steps_resolve_except_in_handlers() -> None:
    """spec 11 section 8.2: only dependents that see the producer; handlers never."""
    views = {"a": StepView(declared={"x": "1"}), "b": StepView()}
    text = "${steps.a.outputs.x} ${steps.a.outputs.y} ${steps.b.outputs.x} ${steps.c.outputs.x}"
    seen = resolve(text, Policy.VALUE, Scope().with_steps(views))
    assert seen == "1 ${steps.a.outputs.y} ${steps.b.outputs.x} ${steps.c.outputs.x}"
    assert resolve(text, Policy.VALUE, Scope().with_steps(views, strict=False)) == text


@pytest.mark.parametrize(
    ("item", "text", "expected"),
    [
        # spec 11 section 8.7: index, key, the item, one level of its fields
        ({"u": "a b", "n": None}, "${foreach.index} ${foreach.key} ${foreach.it.u}", "3 k a b"),
        ({"n": None}, "${foreach.it} ${foreach.it.n}", '{"n":null} <nil>'),
        ({"o": {"b": 1, "a": [2]}}, "${foreach.it.o}", '{"a":[2],"b":1}'),
        ({"o": {"b": 1}}, "${foreach.it.o.b} ${foreach.item}", "${foreach.it.o.b} ${foreach.item}"),
        (None, "${foreach.it}", "<nil>"),
        (1234567.0, "${foreach.it}", "1234567"),
        ("$S `x`", "${foreach.it}", "$S `x`"),
    ],
)
def test_foreach_values(item: JsonValue, text: str, expected: str) -> None:
    scope = Scope().child([("S", "api")], Source.DAG_ENV)
    inner = scope.with_foreach(foreach_values("it", item, 3, "k"))
    assert resolve(text, Policy.VALUE, inner) == expected
    assert resolve(text, Policy.VALUE, scope) == text


@pytest.mark.parametrize(
    ("value", "strict", "legacy"),
    [
        # spec 11 section 2 (insertion text) and spec 11 section 8.6 (numbers of JSON paths)
        ("s", "s", "s"),
        (True, "true", "true"),
        (None, "<nil>", "<nil>"),
        (3, "3", "3"),
        (999_999, "999999", "999999"),
        (1_000_000, "1000000", "1e+06"),
        (1_234_567, "1234567", "1.234567e+06"),
        (123_456_789.5, "123456789.5", "1.234567895e+08"),
        (0.0001, "0.0001", "0.0001"),
        (0.00001, "0.00001", "1e-05"),
        (1e21, "1000000000000000000000", "1e+21"),
        (-2.5, "-2.5", "-2.5"),
        (10**400, "1" + "0" * 400, "+Inf"),
        ([1, {"b": 1234567, "a": "x"}], '[1,{"a":"x","b":1234567}]', None),
        ("\ud800", "\ufffd", None),
    ],
)
def test_json_as_text(value: JsonValue, strict: str, legacy: str | None) -> None:
    assert insertion_text(value) == strict
    assert legacy_text(value) == (strict if legacy is None else legacy)


@pytest.mark.parametrize("text", ["NaN", "[1e999]", "{", "", "[" * 200_000, "1" * 5_000])
def test_what_is_no_json_is_a_value_error(text: str) -> None:
    """spec 11 section 8.6: a text that is no JSON keeps the reference."""
    with pytest.raises(ValueError, match=r"."):
        decode_json(text)


def test_too_deep_values_are_a_value_error() -> None:
    """spec 11 section 8.6: no traceback, whatever the depth."""
    value: JsonValue = 1
    for _ in range(50_000):
        value = [value]
    with pytest.raises(ValueError, match="nested too deeply"):
        compact(value)
