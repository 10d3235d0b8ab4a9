"""Hostile and large texts: always a DAG or a DAGError, never anything else, and soon."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.workflow.fields import CONTEXTS
from edge.workflow.load import load_dag, validate_text
from edge.workflow.problems import DAGError, Problem
from tests.workflow.helpers import load, refused

_WORDS = st.sampled_from(
    [
        "",
        "a",
        "a b",
        "A=1",
        "* * * * *",
        "skipped",
        "5",
        "graph",
        "chain",
        "local",
        "$X",
        "re:(",
        "echo\n",
        "SIGTERM",
        "merged",
        "1h",
        "2031-05-01T04:00:00Z",
        "é",
        "\u2028",
    ]
)
_SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | _WORDS
_KEYS = st.sampled_from(
    sorted(
        {name for fields in CONTEXTS.values() for name in fields}
        | {"condition", "expected", "negate", "start", "at", "expression", "shell", "exit_code"}
    )
)
_TREES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=25,
)


def _written(tree: object) -> str:
    text = json.dumps(tree, ensure_ascii=False)
    return text.replace("Infinity", ".inf").replace("NaN", ".nan")


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(_KEYS, _TREES, max_size=6))
def test_any_tree_of_known_keys_is_built_or_refused(tree: dict[str, object]) -> None:
    with contextlib.suppress(DAGError):
        assert load_dag(_written(tree), default_name="x").name == "x"
    with contextlib.suppress(DAGError):
        load_dag("steps: [{run: a}]", default_name="x", base_text=_written(tree))
    report = validate_text(_written(tree), default_name="x", raw_checks=False)
    assert bool(report.errors) is bool(report.bullets)


@settings(max_examples=200, deadline=None)
@given(st.lists(_TREES, min_size=1, max_size=3))
def test_any_steps_are_built_or_refused(steps: list[object]) -> None:
    report = validate_text(_written({"steps": steps}), default_name="x")
    for problem in report.errors:
        assert problem.line >= 1
        assert problem.message


def test_five_hundred_steps_load_soon() -> None:
    text = "steps:\n" + "".join(
        f"  - name: s{n}\n    run: echo {n}\n    depends: [{f's{n - 1}' if n else ''}]\n"
        for n in range(500)
    )
    times = []
    for _ in range(3):
        begin = time.process_time()
        assert len(load(text).steps) == 500
        times.append(time.process_time() - begin)
    # 15 ms on an idle machine
    assert min(times) < 0.15


def test_five_hundred_steps_are_validated_soon() -> None:
    """spec 10 section 14"""
    text = "steps:\n" + "".join(
        f"  - id: s{n}\n    run: echo ${{steps.s{n - 1}.outputs.x}}\n"
        f"    depends: [{f's{n - 1}' if n else ''}]\n    env: [A=1, B=2]\n"
        "    retry_policy: {limit: 2, interval_sec: 5}\n    outputs: [{name: x}]\n"
        for n in range(500)
    )
    base = "env: {X: 1}\nmax_active_steps: 10\n"
    times = []
    for _ in range(3):
        begin = time.process_time()
        report = validate_text(text, default_name="x", base_text=base)
        times.append(time.process_time() - begin)
        assert not report.errors
    # 100 ms on an idle machine; the budget is 150
    assert min(times) < 0.4


def test_import_is_light() -> None:
    code = (
        "import sys, edge.workflow.load, edge.workflow.values, edge.workflow.records\n"
        "heavy = {'trio', 'asyncio', 'sqlite3', 'socket', 'subprocess', 'json', 'zoneinfo',"
        " 'difflib', 'logging'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_problem_reads_as_place_field_and_message() -> None:
    assert str(Problem(3, 5, "steps[0].run", "bad")) == "3:5: steps[0].run: bad"
    assert str(Problem(0, 0, "", "bad")) == "bad"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("steps: [{run: 'a\x00b'}]", "is not allowed in YAML"),
        ('steps: [{run: "a\\0b"}]', "NUL character"),
        ('env: {A: "a\\0b"}\nsteps: [{run: a}]', "NUL character"),
        ("steps: [{run: '\udc80'}]", "is not allowed in YAML"),
        ("env: {}\n\tsteps: []", "found character '\\t' that cannot start any token"),
        ("steps: &a [*a]", 'could not find alias "a"'),
        ("5", "was used where mapping is expected"),
        ("{", "could not find flow mapping end token '}'"),
    ],
)
def test_hostile_texts(text: str, message: str) -> None:
    assert message in refused(text).message
