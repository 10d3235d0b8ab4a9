from __future__ import annotations

from dataclasses import replace

import pytest

from edge.core.errors import UserError
from edge.workflow.model import DAG
from edge.workflow.params import (
    ParamEval,
    ParamOverrides,
    ParamResolution,
    ResolvedParams,
    is_dynamic,
    parse_override_text,
    parse_overrides,
    resolve_params,
    stored_params,
)
from tests.workflow.helpers import load

STEPS = "\nsteps: [{run: a}]\n"
RICH = "[{name: i, type: integer, default: 3}, {name: s, required: true}, {name: b, type: boolean}]"
TYPED = (
    "[{name: i, type: integer, minimum: 1, maximum: 9, enum: [1, 2, 12]},"
    " {name: s, min_length: 2, max_length: 3, pattern: '^a'}, {name: n, type: number}]"
)
OPEN = (
    "{type: object, properties: {depth: {type: number, default: 2.5}, tags: {type: array},"
    " any: {}, opt: {type: [integer, 'null']}, on: {type: boolean}}, required: [depth, on]}"
)
CLOSED = "{schema: {type: object, properties: {a: {type: integer}}, additionalProperties: false}}"


def dag(value: str, *, base: str = "", **fields: str) -> DAG:
    return replace(load(f"params: {value}{STEPS}", base_text=base), **fields)  # type: ignore[arg-type]


def items(value: str, *words: str) -> list[tuple[str, str]]:
    return list(resolve_params(dag(value), parse_overrides(words)).items)


def error(value: str, *words: str) -> str:
    with pytest.raises(UserError) as caught:
        resolve_params(dag(value), parse_overrides(words))
    return caught.value.message


@pytest.mark.parametrize(
    ("value", "words", "expected"),
    [
        # spec 10 section 9: overrides of legacy declarations
        ("one two k=v", ["X", "k=w"], [("1", "X"), ("2", "two"), ("k", "w")]),
        ("{BEAN: a}", ["b"], [("BEAN", "a"), ("1", "b")]),
        ("p1 k=v", ["k=w", "a"], [("1", "p1"), ("k", "w"), ("2", "a")]),
        ("{a: 1}", ["a=2", "a=3"], [("a", "3")]),
        ("{a: 1}", ["a="], [("a", "")]),
        ("~", ["a", "K=v"], [("1", "a"), ("K", "v")]),
        ("one", ["K=v"], [("1", "one"), ("K", "v")]),
        ("{a: 1}", ["WEBHOOK_PAYLOAD={}"], [("a", "1"), ("WEBHOOK_PAYLOAD", "{}")]),
        ("one", ["WEBHOOK_HEADERS=h", "K=v"], [("1", "one"), ("K", "v"), ("WEBHOOK_HEADERS", "h")]),
        (
            "{WEBHOOK_PAYLOAD: x, a: 1}",
            ["WEBHOOK_PAYLOAD=y"],
            [("WEBHOOK_PAYLOAD", "y"), ("a", "1")],
        ),
        ("{i: 1, d: x}", ['{"i": 9}'], [("d", "x"), ("i", "9")]),
        ("one two", ['["X", {"k": 1}, null]'], [("1", "X"), ("2", "two"), ("k", "1")]),
        ("{a: 1}", ["a=$(id) `x` $HOME ${a}"], [("a", "$(id) `x` $HOME ${a}")]),
        # spec 10 section 9: a list of rich items is filled in order
        (RICH, ["5", "x", "TRUE"], [("i", "5"), ("s", "x"), ("b", "true")]),
        (RICH, ["s=x", "07"], [("i", "7"), ("s", "x")]),
        (RICH, ["x y", "i=1"], [("i", "1"), ("s", "x y")]),
        (
            "[{name: i, type: integer}, spare, K=v]",
            ["1", "y"],
            [("i", "1"), ("2", "y"), ("K", "v")],
        ),
        # spec 11 section 5: canonical text, absent ones left out
        (RICH, ["s=a b", "b=False"], [("i", "3"), ("s", "a b"), ("b", "false")]),
        (TYPED, ["i=+2", "n=2.0"], [("i", "2"), ("n", "2")]),
        (RICH, ['{"i": 9, "s": "d", "b": true}'], [("i", "9"), ("s", "d"), ("b", "true")]),
        (RICH, ['{"i": null, "s": ""}'], [("i", "3"), ("s", "")]),
        # spec 10 section 9: schema-backed parameters
        (OPEN, ["on=TRUE"], [("depth", "2.5"), ("on", "true")]),
        (OPEN, ["on=true", "depth=3.0", "x=y"], [("depth", "3"), ("on", "true"), ("x", "y")]),
        (
            OPEN,
            ['{"on": true, "tags": [1, "a"]}'],
            [("depth", "2.5"), ("tags", '[1,"a"]'), ("on", "true")],
        ),
        (
            OPEN,
            ["on=true", "any=5", "opt=6"],
            [("depth", "2.5"), ("any", "5"), ("opt", "6"), ("on", "true")],
        ),
        (CLOSED, ["a=1", "WEBHOOK_PAYLOAD={}"], [("a", "1"), ("WEBHOOK_PAYLOAD", "{}")]),
        ("{schema: {type: object}, values: {a: 1}}", [], [("a", "1")]),
        ("{schema: {type: object}, values: {a: 1}}", ["a=2"], [("a", "2")]),
        ("{schema: true, values: {a: 1}}", ["b=2"], [("a", "1"), ("b", "2")]),
        ("{schema: ./none.json, values: {b: 2, a: 1}}", [], [("b", "2"), ("a", "1")]),
    ],
)
def test_overrides(value: str, words: list[str], expected: list[tuple[str, str]]) -> None:
    assert items(value, *words) == expected


@pytest.mark.parametrize(
    ("value", "words", "message"),
    [
        # spec 10 section 9: refused overrides
        (
            "{b: 1, a: 2}",
            ["z=1", "y=2", "a=3"],
            'unknown parameter(s): "y", "z"; accepted parameters are: a, b',
        ),
        (
            "p1 k=v",
            ["z=1"],
            'unknown parameter(s): "z"; accepted parameters are: k',
        ),
        ("{b: 1}", ["1", "2"], "too many positional params: expected at most 1, got 2"),
        (RICH, ["1", "2", "true", "4"], "too many positional params: expected at most 3, got 4"),
        (
            RICH,
            ["i=1", "s=2", "b=true", "x"],
            "too many positional params: expected at most 0, got 1",
        ),
        ("~", ["a-b=1"], 'invalid parameter value: parameter name "a-b" must match ^[A-Za-z]'),
        ("~", ["a=x\0y"], 'invalid parameter value: parameter "a" holds a NUL character'),
        ("~", ['{"a": "\\ud800"}'], 'parameter "a" is no valid Unicode text'),
        (OPEN, ["x"], "positional parameters are not supported for schema-backed params"),
        (OPEN, ['["x"]'], "positional parameters are not supported for schema-backed params"),
        (OPEN, ["on=1"], 'on: cannot coerce "1" to boolean'),
        (OPEN, ["depth=x"], 'depth: cannot coerce "x" to number'),
        (
            OPEN,
            [],
            'parameter validation failed: validating root: required: missing properties: ["on"]',
        ),
        (
            OPEN,
            ["on=true", "tags=x"],
            "parameter validation failed: validating root: validating /properties/tags: type: x has"
            ' type "string", want "array"',
        ),
        (CLOSED, ["b=1"], 'unknown parameter(s): "b"; accepted parameters are: a'),
        ("{schema: false, values: {}}", [], "parameter validation failed: validating root: not"),
        # spec 11 section 5: typed values
        (RICH, ["s=x", "i=x"], 'i: cannot coerce "x" to integer'),
        (RICH, ["s=x", "i=1.5"], 'i: cannot coerce "1.5" to integer'),
        (
            RICH,
            [],
            'parameter validation failed: validating root: required: missing properties: ["s"]',
        ),
        (
            TYPED,
            ["i=3"],
            "parameter validation failed: validating root: validating /properties/i: enum: 3 does"
            " not equal any of: [1 2 12]",
        ),
        (TYPED, ["i=12"], "validating /properties/i: maximum: 12 is greater than 9"),
        ("[{name: i, type: integer, minimum: 1}]", ["i=0"], "minimum: 0 is less than 1"),
        (TYPED, ["s=a"], "validating /properties/s: minLength: a is shorter than 2"),
        (TYPED, ["s=aaaa"], "validating /properties/s: maxLength: aaaa is longer than 3"),
        (TYPED, ["s=ba"], "validating /properties/s: pattern: ba does not match ^a"),
    ],
)
def test_refused_overrides(value: str, words: list[str], message: str) -> None:
    assert message in error(value, *words)


def test_old_dialect_takes_unknown_names() -> None:
    """spec 10 section 9: v1 accepts unknown names silently."""
    old = dag("{b: 1}", dialect="v1")
    found = resolve_params(old, parse_overrides(["z=1", "_y=2"]))
    assert found.items == (("b", "1"), ("z", "1"), ("_y", "2"))


def test_base_params_are_never_overridden() -> None:
    """spec 10 section 5: no CLI value changes a parameter of the base configuration."""
    base = "params: {X: base}\n"
    plain = dag("~", base=base)
    found = resolve_params(plain, parse_overrides(["X=given", "Y=1"]))
    assert found.items == (("X", "base"), ("Y", "1"))
    with pytest.raises(
        UserError, match='unknown parameter\\(s\\): "X"; accepted parameters are: a'
    ):
        resolve_params(dag("{a: 1}", base=base), parse_overrides(["X=given"]))
    own = dag("{X: own}", base=base)
    assert resolve_params(own, parse_overrides(["X=given"])).items == (("X", "given"),)


@pytest.mark.parametrize(
    ("value", "words", "payload"),
    [
        # spec 11 section 5: the payload
        ("one two k=v", ["X"], '{"1":"X","2":"two","k":"v"}'),
        ("{b: 1, a: ü}", [], '{"a":"ü","b":"1"}'),
        ("[{name: m, description: d}, {name: k, default: v}]", [], '{"k":"v"}'),
        ("[{name: m, description: d}]", [], None),
        ("~", [], None),
        ("{i: 1, d: x}", ['{"i":  9}'], '{"i":  9}'),
        (RICH, ["i=07", "s=a b", "b=TRUE"], '{"b":"true","i":"7","s":"a b"}'),
    ],
)
def test_payload(value: str, words: list[str], payload: str | None) -> None:
    assert resolve_params(dag(value), parse_overrides(words)).payload_json() == payload


def test_stored_list_reads_back() -> None:
    found = ResolvedParams.from_list(["A=b=c", "X=", "plain"])
    assert found.items == (("A", "b=c"), ("X", ""), ("3", "plain"))
    assert found.raw == "A=b=c X= 3=plain"


EVALS = (
    "[{name: a, default: A1}, {name: b, eval: B}, {name: c, type: integer, eval: C, default: 7}]"
)


def test_evals_come_one_after_the_other_with_what_is_before_them() -> None:
    """spec 11 section 5: source order; each value is visible to later ones."""
    resolution = ParamResolution(dag(EVALS), ParamOverrides())
    assert resolution.next_eval() == ParamEval("b", "B", {"a": "A1"})
    assert resolution.next_eval() == ParamEval("b", "B", {"a": "A1"})
    resolution.evaluated("b1")
    assert resolution.next_eval() == ParamEval("c", "C", {"a": "A1", "b": "b1"})
    resolution.evaluated("05")
    assert resolution.next_eval() is None
    assert resolution.finish().items == (("a", "A1"), ("b", "b1"), ("c", "5"))


def test_failed_eval_takes_the_default_or_fails() -> None:
    """spec 11 section 5: on failure the default literally if present, else the run fails."""
    resolution = ParamResolution(dag(EVALS), parse_overrides(["b=$(given)"]))
    found = resolution.next_eval()
    assert found is not None
    assert (found.name, found.values) == ("c", {"a": "A1", "b": "$(given)"})
    resolution.failed("phase substitute: x")
    assert dict(resolution.finish().items)["c"] == "7"
    resolution = ParamResolution(dag(EVALS), ParamOverrides())
    resolution.next_eval()
    with pytest.raises(UserError) as caught:
        resolution.failed("phase substitute: x")
    assert caught.value.message == (
        'invalid parameter value: parameter "b" eval failed: phase substitute: x'
    )


def test_a_result_that_does_not_fit_fails_even_with_a_default() -> None:
    """spec 11 section 5: `n: cannot coerce "x" to integer`."""
    resolution = ParamResolution(dag(EVALS), parse_overrides(["b=1"]))
    resolution.next_eval()
    with pytest.raises(UserError) as caught:
        resolution.evaluated("x")
    assert caught.value.message == 'c: cannot coerce "x" to integer'


def test_bad_input_is_found_before_anything_is_evaluated() -> None:
    """spec 11 section 5: errors of the caller come before any command runs."""
    with pytest.raises(UserError, match="cannot coerce"):
        ParamResolution(dag(EVALS), parse_overrides(["c=x"]))


def test_without_evaluation_the_default_counts() -> None:
    """spec 10 section 14: `validate` and `dry` evaluate nothing."""
    value = "[{name: b, eval: B, required: true}, {name: c, eval: C, default: 7}]"
    assert items(value) == [("c", "7")]


@pytest.mark.parametrize(
    ("value", "dynamic"),
    [
        # spec 11 section 5: what needs more than the text of the file
        ("{a: $(x)}", False),
        ("[{name: a, eval: x}]", True),
        (CLOSED, False),
        ("{schema: ./x.json}", True),
    ],
)
def test_is_dynamic(value: str, dynamic: bool) -> None:
    assert is_dynamic(dag(value)) is dynamic


def test_stored_parameters_are_taken_as_they_are() -> None:
    """spec 11 section 5: a worker reuses the stored list and evaluates nothing."""
    value = "[{name: a, eval: $(date)}, {name: i, type: integer, maximum: 3}]"
    stored = dag(value, base="params: {X: base}\n")
    found = stored_params(stored, parse_override_text('X="other" a="1" i="9" z="2"'))
    assert found.items == (("X", "other"), ("a", "1"), ("i", "9"), ("z", "2"))
    found = stored_params(dag("one two"), parse_override_text('"X" k="v" "Z"'))
    assert found.items == (("1", "X"), ("2", "two"), ("k", "v"), ("3", "Z"))
    found = stored_params(dag("{a: 1, b: 2}"), parse_override_text('{"a":  3}'))
    assert (found.items, found.json_text) == ((("a", "3"), ("b", "2")), '{"a":  3}')
