from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.errors import UserError
from edge.workflow.model import DAG
from edge.workflow.params import (
    ParamOverrides,
    ResolvedParams,
    parse_override_text,
    parse_overrides,
    resolve_params,
)
from edge.workflow.problems import NOT_YET
from tests.workflow.helpers import load, refused

STEPS = "\nsteps: [{run: a}]\n"


def declared(value: str) -> list[tuple[str, str | None]]:
    return [(item.name, item.default) for item in load(f"params: {value}{STEPS}").params]


def dag(value: str) -> DAG:
    return load(f"params: {value}{STEPS}")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a b", [("1", "a"), ("2", "b")]),
        ("'one X=2 three'", [("1", "one"), ("X", "2"), ("3", "three")]),
        (
            '\'A="two words" B=`date` C="q\\"x"\'',
            [("A", "two words"), ("B", "`date`"), ("C", 'q"x')],
        ),
        ('\'{"b": 1, "a": [2]}\'', [("b", "1"), ("a", "[2]")]),
        ("{b: 1, a: yes, C: ~}", [("C", ""), ("a", "yes"), ("b", "1")]),
        (
            "[b=1, {a: 2, A: 3}, 'x y']",
            [("b", "1"), ("A", "3"), ("a", "2"), ("4", "x"), ("5", "y")],
        ),
        (
            "[{name: n, default: 1.50, description: d}, {name: m, description: d}]",
            [("n", "1.5"), ("m", None)],
        ),
        ("{schema: plain}", [("schema", "plain")]),
        ("''", []),
        ("~", []),
        ("[]", []),
    ],
)
def test_declarations(value: str, expected: list[tuple[str, str | None]]) -> None:
    assert declared(value) == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("5", "invalid parameter value: uint64"),
        ("[5]", "invalid parameter value: uint64"),
        ("true", "invalid parameter value: bool"),
        ("{a-b: 1}", 'invalid parameter value: parameter name "a-b" must match ^[A-Za-z]'),
        ("'1A=x'", 'parameter name "1A" must match'),
        ("[a=1, a=2]", 'invalid parameter value: duplicate parameter name "a"'),
        ("[{name: x}]", 'parameter "x" must define at least one field in addition to name'),
        ("[{name: x, default: 1, type: integer}]", NOT_YET),
        ("[{name: x, eval: date}]", NOT_YET),
        ("[{name: x, foo: 1}]", 'invalid inline param field "foo"'),
        ("[{name: 5, default: 1}]", 'inline parameter definition field "name" must be a string'),
        ("{type: object, properties: {a: {type: string}}}", NOT_YET),
        ("{schema: ./x.json}", NOT_YET),
        ("{schema: true, values: {a: 1}}", NOT_YET),
        ("{a: {b: 1}}", "default cannot be a map"),
    ],
)
def test_bad_declarations(value: str, message: str) -> None:
    assert message in refused(f"params: {value}{STEPS}").message


def test_words_of_the_command_line_are_one_parameter_each() -> None:
    found = parse_overrides(["a b", "K=two words", 'X="q r"', "k=w a", "=x", "$(id)"])
    assert found.items == (
        ("", "a b"),
        ("K", "two words"),
        ("X", "q r"),
        ("k", "w a"),
        ("", "=x"),
        ("", "$(id)"),
    )
    assert found.positional_count == 3


def test_text_is_tokens_or_json() -> None:
    assert parse_override_text('a K=v  L="x\\ty"').items == (("", "a"), ("K", "v"), ("L", "x\ty"))
    found = parse_overrides([' {"K": "v", "n": 1.5, "t": true, "o": {"a": 1}} '])
    assert found.items == (("K", "v"), ("n", "1.5"), ("t", "true"), ("o", '{"a":1}'))
    assert parse_override_text('["a", {"k": "v"}]').items == (("", "a"), ("k", "v"))
    assert parse_override_text("{not json}").items == (("", "{not"), ("", "json}"))


def test_overrides_replace_by_name_and_position() -> None:
    found = resolve_params(dag("one two k=v"), parse_overrides(["X", "k=w"]))
    assert found.items == (("1", "X"), ("2", "two"), ("k", "w"))
    assert found.raw == "1=X 2=two k=w"
    assert found.as_list() == ["1=X", "2=two", "k=w"]
    assert found.payload_json() == '{"1":"X","2":"two","k":"w"}'


def test_positions_never_fill_a_named_entry() -> None:
    found = resolve_params(dag("{BEAN: a}"), parse_overrides(["b"]))
    assert found.items == (("BEAN", "a"), ("1", "b"))


def test_the_index_counts_every_token() -> None:
    found = resolve_params(dag("p1 k=v"), parse_overrides(["k=w", "a"]))
    assert found.items == (("1", "p1"), ("k", "w"), ("2", "a"))


def test_unknown_names_and_too_many_positions() -> None:
    with pytest.raises(UserError) as caught:
        resolve_params(dag("{b: 1, a: 2}"), parse_overrides(["z=1", "y=2", "a=3"]))
    assert caught.value.message == ('unknown parameter(s): "y", "z"; accepted parameters are: a, b')
    with pytest.raises(UserError, match="too many positional params: expected at most 2, got 3"):
        resolve_params(dag("{b: 1, a: 2}"), parse_overrides(["1", "2", "3"]))


def test_without_declarations_everything_is_accepted() -> None:
    found = resolve_params(load(STEPS), parse_overrides(["a", "K=v"]))
    assert found.items == (("1", "a"), ("K", "v"))
    assert resolve_params(load(STEPS), ParamOverrides()).payload_json() is None


def test_webhook_values_are_always_allowed() -> None:
    found = resolve_params(dag("{a: 1}"), parse_overrides(["WEBHOOK_PAYLOAD={}"]))
    assert found.items == (("a", "1"), ("WEBHOOK_PAYLOAD", "{}"))


def test_json_of_the_caller_is_the_payload() -> None:
    found = resolve_params(dag("{i: 1, d: x}"), parse_overrides(['{"i": 9}']))
    assert found.items == (("d", "x"), ("i", "9"))
    assert found.payload_json() == '{"i": 9}'


def test_params_without_value_are_left_out() -> None:
    found = resolve_params(dag("[{name: m, description: d}]"), ParamOverrides())
    assert found.items == ()


def test_stored_list_reads_back() -> None:
    found = ResolvedParams.from_list(["A=b=c", "X=", "plain"])
    assert found.items == (("A", "b=c"), ("X", ""), ("3", "plain"))


@given(
    st.dictionaries(
        st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,8}", fullmatch=True), st.text(), max_size=5
    )
)
def test_quoted_text_and_json_read_back(pairs: dict[str, str]) -> None:
    assert dict(parse_override_text(json.dumps(pairs)).items) == pairs
    text = " ".join(
        '{}="{}"'.format(name, value.replace("\\", "\\\\").replace('"', '\\"'))
        for name, value in pairs.items()
    )
    assert dict(parse_override_text(text).items) == pairs
    resolved = ResolvedParams(tuple(pairs.items()))
    assert ResolvedParams.from_list(resolved.as_list()) == resolved


@given(st.text(max_size=60))
def test_any_text_is_read(text: str) -> None:
    assert isinstance(parse_override_text(text).items, tuple)
