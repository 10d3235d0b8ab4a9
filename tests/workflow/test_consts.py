from __future__ import annotations

import pytest

from tests.workflow.helpers import load, refused

STEPS = "\nsteps: [{run: a}]\n"


# spec 11 section 4
@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("text", "text"),
        ("''", ""),
        ("5", "5"),
        ("-3", "-3"),
        ("true", "true"),
        ("2.50", "2.5"),
        ("1500000.0", "1500000"),
        ("0.0000001", "0.0000001"),
        ("'${consts.one}/x'", "1/x"),
        ("'${ consts.one }'", "1"),
        ("'${consts.x}'", "${consts.x}"),
        ("'${consts.after}'", "${consts.after}"),
        ("'${params.p} $A ${env.B}'", "${params.p} $A ${env.B}"),
        (r"'\${consts.one}'", "${consts.one}"),
        (r"'\\${consts.one}'", r"\\1"),
    ],
)
def test_values(written: str, value: str) -> None:
    dag = load(f"consts: [{{one: 1}}, {{x: {written}}}, {{after: 2}}]" + STEPS)
    assert dag.consts["x"] == value


@pytest.mark.parametrize("written", ["~", "[]"])
def test_no_declaration(written: str) -> None:
    """Null and an empty list (spec 11 section 4)."""
    assert load(f"consts: {written}" + STEPS).consts == {}


# errors of spec 11 section 4: text, place, bullet
@pytest.mark.parametrize(
    ("written", "field", "message"),
    [
        ("{a: 1}", "consts", "consts must use list form"),
        ("a", "consts", "consts must use list form"),
        ("[a]", "consts[0]", "consts entries must be single-entry mappings"),
        ("[{b: 1}, {}]", "consts[1]", "consts entries must contain exactly one key"),
        ("[{a: 1, b: 2}]", "consts[0]", "consts entries must contain exactly one key"),
        ("[{1a: 1}]", "consts[0]", 'consts key "1a" is invalid'),
        ("[{_a: 1}]", "consts[0]", 'consts key "_a" is invalid'),
        ("[{a-b: 1}]", "consts[0]", 'consts key "a-b" is invalid'),
        ("[{a: 1}, {a: 2}]", "consts.a", 'consts key "a" is defined more than once'),
        ("[{a: ~}]", "consts.a", 'const "a" must be a literal string, number, or boolean'),
        ("[{a: [1]}]", "consts.a", 'const "a" must be a literal string, number, or boolean'),
        ("[{a: {b: 1}}]", "consts.a", 'const "a" must be a literal string, number, or boolean'),
        ("[{a: .inf}]", "consts.a", 'const "a" must be a literal string, number, or boolean'),
        ("[{a: .nan}]", "consts.a", 'const "a" must be a literal string, number, or boolean'),
    ],
)
def test_errors(written: str, field: str, message: str) -> None:
    error = refused(f"consts: {written}" + STEPS)
    assert f"field '{field}': {message}" in error.bullets[0]
    (problem,) = error.problems
    assert (problem.field, problem.line) == (field, 1)


def test_constants_of_the_base_are_seen_and_overridden() -> None:
    """spec 11 section 4"""
    dag = load(
        "consts: [{y: '${consts.x}!'}, {x: own}, {z: '${consts.x}'}]" + STEPS,
        base_text="consts: [{x: base}, {w: 1}]",
    )
    assert dag.consts == {"x": "own", "w": "1", "y": "base!", "z": "own"}


def test_doubling_constants_are_stopped() -> None:
    lines = "".join(f"  - c{n}: '${{consts.c{n - 1}}}${{consts.c{n - 1}}}'\n" for n in range(1, 40))
    error = refused("consts:\n  - c0: xxxxxxxx\n" + lines + "steps: [{run: a}]\n")
    assert "is longer than 1 MiB" in error.message
