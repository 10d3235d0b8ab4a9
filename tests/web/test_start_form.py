from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.web.start_form import Field, fields_of, has_free_text, params_text
from edge.workflow.load import load_dag
from edge.workflow.model import DAG, ParamDef
from edge.workflow.params import parse_override_text, resolve_params
from tests.web import fakes

PARAMS = (
    ParamDef(name="1", default="x", positional=True),
    ParamDef(name="2", positional=True),
    ParamDef(name="SITE", default="a"),
    ParamDef(name="NOTE"),
)
PLAIN = fakes.dag(params=PARAMS)


def dag(params: str) -> DAG:
    return load_dag(f"params: {params}\nsteps: [{{run: a}}]\n", default_name="d")


@pytest.mark.parametrize(
    ("params", "field"),
    [
        # spec 31 section 11.2: type, enum, required, default
        ("{a: 1}", Field(name="a", label="a", value="1")),
        ("x", Field(name="1", label="Parameter 1", value="x")),
        (
            "[{name: i, type: integer, default: 3, minimum: 1, maximum: 9, description: how many}]",
            Field(
                name="i",
                label="i",
                kind="number",
                value="3",
                help="integer, at least 1, at most 9 · how many",
                minimum="1",
                maximum="9",
                step="1",
            ),
        ),
        (
            "[{name: n, type: number, required: true}]",
            Field(
                name="n",
                label="n",
                kind="number",
                help="number, required",
                required=True,
                step="any",
            ),
        ),
        (
            "[{name: b, type: boolean, default: true}]",
            Field(
                name="b",
                label="b",
                kind="select",
                value="true",
                options=("true", "false"),
                help="boolean",
            ),
        ),
        (
            "[{name: e, enum: [x, y]}]",
            Field(name="e", label="e", kind="select", options=("", "x", "y")),
        ),
        (
            "[{name: e, enum: [x], required: true}]",
            Field(
                name="e", label="e", kind="select", options=("x",), help="required", required=True
            ),
        ),
        (
            "[{name: c, eval: $(date), default: d}]",
            Field(name="c", label="c", placeholder="computed when empty"),
        ),
        (
            "[{name: s, min_length: 1, max_length: 3, pattern: ^a}]",
            Field(
                name="s",
                label="s",
                help="at least 1 characters, at most 3 characters, matches ^a",
            ),
        ),
        (
            "{type: object, properties: {t: {type: array, default: [1]}}}",
            Field(name="t", label="t", value="[1]", help="array"),
        ),
    ],
)
def test_fields(params: str, field: Field) -> None:
    assert fields_of(dag(params)) == [field]


def test_params_of_the_base_configuration_are_not_asked_for() -> None:
    """spec 10 section 5: nobody can override them."""
    own = fakes.dag(params=[replace(PARAMS[2], is_inherited=True)])
    assert fields_of(own) == []
    assert has_free_text(own)


def test_what_a_schema_file_declares_is_given_as_text() -> None:
    """spec 31 section 11.2: else a free text."""
    external = dag("{schema: ./s.json, values: {a: 1}}")
    assert has_free_text(external)
    assert not has_free_text(dag("{a: 1}"))
    assert params_text(external, {"param.a": "2", "params": "b=3"}) == 'a="2" b=3'
    assert params_text(external, {"param.a": "1", "params": '{"b": 3}'}) == '{"b": 3}'
    assert params_text(dag("~"), {"params": " x "}) == "x"


def given_(**values: str) -> dict[str, str]:
    return {f"param.{name.lstrip('_')}": value for name, value in values.items()}


def test_untouched_form_gives_no_overrides() -> None:
    assert params_text(PLAIN, given_(_1="x", _2="", SITE="a", NOTE="")) == ""
    assert params_text(PLAIN, {}) == ""
    computed = dag("[{name: c, eval: $(date), default: d}]")
    assert params_text(computed, given_(c="")) == ""
    assert params_text(computed, given_(c="d")) == 'c="d"'


def test_later_positional_brings_the_earlier_ones() -> None:
    assert params_text(PLAIN, given_(_1="x", _2="y z", SITE="a", NOTE="")) == '"x" "y z"'


def test_a_position_among_rich_items_stays_its_own() -> None:
    """spec 10 section 9: in a list of rich items positions fill the items in order."""
    mixed = dag("[{name: i, type: integer, default: 3}, spare]")
    text = params_text(mixed, given_(i="3", _2="new"))
    found = resolve_params(mixed, parse_override_text(text))
    assert found.items == (("i", "3"), ("2", "new"))


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30))
def test_what_was_typed_arrives(value: str) -> None:
    text = params_text(PLAIN, given_(_1="x", _2="", SITE=value, NOTE="n"))
    items = dict(resolve_params(PLAIN, parse_override_text(text)).items)
    assert items["SITE"] == value
    assert items["NOTE"] == "n"
