from __future__ import annotations

import itertools
import time
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.workflow.identity import find_cycle
from edge.workflow.model import DAG, CommandRun, Step
from tests.workflow.helpers import load, refused


def edges(dag: DAG) -> dict[str, tuple[str, ...]]:
    return {step.name: step.depends for step in dag.steps}


def test_names_come_from_name_id_or_kind_and_position() -> None:
    """spec 10 section 6.2"""
    dag = load(
        """
        steps:
          - {name: " first ", run: a}
          - {id: second, run: a}
          - {run: a}
          - {run: "a\\nb"}
          - {name: cmd_6, run: a}
          - {run: a}
          - {name: "  ", run: a}
          - {name: on, run: a}
          - {name: yes, run: a}
        """
    )
    assert [step.name for step in dag.steps] == [
        "first",
        "second",
        "cmd_3",
        "script_4",
        "cmd_6",
        "cmd_7",
        "cmd_8",
        "on",
        "yes",
    ]


def test_depends_finds_names_and_ids() -> None:
    """spec 10 section 6.2"""
    dag = load(
        """
        steps:
          - {name: "1", run: a}
          - {id: left, name: The left one, run: a}
          - {name: c, run: a, depends: [1, left]}
          - {name: d, run: a, depends: The left one}
          - {name: e, run: a, depends: []}
          - {name: f, run: a, depends: }
        """
    )
    assert edges(dag) == {
        "1": (),
        "The left one": (),
        "c": ("1", "The left one"),
        "d": ("The left one",),
        "e": (),
        "f": (),
    }


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ("[{name: a, run: x}, {name: a, run: x}]", "step name must be unique"),
        ("[{id: a-b, run: x}]", "invalid step ID format: must match ^[a-zA-Z][a-zA-Z0-9_]*$"),
        ("[{id: 1a, run: x}]", "invalid step ID format"),
        ("[{id: ä, run: x}]", "invalid step ID format"),
        ("[{id: a, name: x, run: x}, {id: a, name: y, run: x}]", "duplicate step ID: a"),
        ("[{id: ENV, run: x}]", "step ID 'ENV' is a reserved word"),
        ("[{id: p, name: q, run: x}, {name: p, run: x}]", "conflicts with another step's name"),
        ("[{name: __agent__, run: x}]", "is reserved by type: agent"),
        ("[{name: a, run: x, depends: ' a'}]", "step a depends on non-existent step  a"),
        ("[{name: a, run: x, depends: [b, c]}]", "non-existent step c"),
        ("[{name: a, run: x, depends: ['']}]", "step a depends on non-existent step "),
    ],
)
def test_identity_rules(steps: str, message: str) -> None:
    """spec 10 section 6.2"""
    error = refused(f"steps: {steps}\n")
    assert message in error.message
    assert all(problem.field.startswith("steps[") for problem in error.problems)


def test_every_finding_is_reported_identity_first() -> None:
    """spec 10 section 1.3"""
    error = refused(
        "steps: [{name: a, run: x, depends: ghost}, {id: a-b, run: x}, {name: a, run: x}]\n"
    )
    assert len(error.bullets) == 1
    order = ["invalid step ID", "name must be unique", "non-existent step ghost"]
    places = [error.bullets[0].index(text) for text in order]
    assert places == sorted(places)
    assert len(error.problems) == 3


def test_chain_depends_on_every_step_of_the_position_before() -> None:
    """spec 10 section 6.1"""
    dag = load(
        """
        type: chain
        steps:
          - {name: a, run: x}
          - [{name: b, run: x}, {name: c, run: x}]
          - {name: d, run: x}
          - [echo e]
        """
    )
    assert edges(dag) == {
        "a": (),
        "b": ("a",),
        "c": ("a",),
        "d": ("b", "c"),
        "cmd_5": ("d",),
    }


def test_graph_adds_nothing_and_depends_in_chain_is_refused() -> None:
    """spec 10 section 6.2"""
    dag = load("steps: [{name: a, run: x}, [{name: b, run: x}]]\n")
    assert edges(dag) == {"a": (), "b": ()}
    text = "type: chain\nsteps: [{name: a, run: x}, {name: b, run: x, depends: %s}]\n"
    assert "step 'b': depends field is not allowed" in refused(text % "[]").message
    assert edges(load(text % "~")) == {"a": (), "b": ("a",)}


def test_map_form_is_ordered_by_name_without_chain_dependencies() -> None:
    """spec 10 section 6.1"""
    dag = load("type: chain\nsteps: {b: {run: x}, a: {run: x, name: other}}\n")
    assert edges(dag) == {"a": (), "b": ()}
    error = refused("steps: {b: {run: x, colour: 1}}\n")
    assert error.problems[0].field == "steps.b.colour"


def _dag(depends: Mapping[str, tuple[str, ...]]) -> DAG:
    run = CommandRun(("true",))
    return DAG(
        name="x", steps=tuple(Step(name=name, run=run, depends=d) for name, d in depends.items())
    )


def test_cycle_is_named() -> None:
    assert find_cycle(_dag({"a": ("a",)})) == ("a", "a")
    assert find_cycle(_dag({"x": (), "a": ("x", "b"), "b": ("c",), "c": ("a",)})) == (
        "a",
        "b",
        "c",
        "a",
    )
    assert find_cycle(_dag({"a": (), "b": ("a",), "c": ("a", "b")})) == ()


def test_a_long_row_is_searched_without_recursion() -> None:
    depends = {str(n): (str(n - 1),) if n else () for n in range(20_000)}
    begin = time.process_time()
    assert find_cycle(_dag(depends)) == ()
    assert time.process_time() - begin < 2.0


@given(
    st.integers(1, 8).flatmap(
        lambda n: st.lists(
            st.lists(st.integers(0, n - 1), max_size=3, unique=True), min_size=n, max_size=n
        )
    )
)
def test_cycle_is_found_exactly_when_there_is_no_order(graph: list[list[int]]) -> None:
    depends = {str(n): tuple(map(str, wanted)) for n, wanted in enumerate(graph)}
    left = dict(depends)
    while ready := [name for name, wanted in left.items() if not set(wanted) & set(left)]:
        for name in ready:
            del left[name]
    cycle = find_cycle(_dag(depends))
    assert bool(cycle) is bool(left)
    for name, wanted in itertools.pairwise(cycle):
        assert wanted in depends[name]
    assert not cycle or cycle[0] == cycle[-1]


@pytest.mark.parametrize(
    "word", ["env", "params", "args", "stdout", "stderr", "output", "outputs", "Output", "STDERR"]
)
def test_reserved_ids(word: str) -> None:
    """spec 10 section 6.2"""
    error = refused(f"steps: [{{id: {word}, name: n, run: x}}]\n")
    assert f"step ID '{word}' is a reserved word" in error.message


@pytest.mark.parametrize("word", ["run", "steps", "context", "consts", "foreach", "item", "with"])
def test_words_that_are_free_as_ids(word: str) -> None:
    """spec 10 section 6.2"""
    assert load(f"steps: [{{id: {word}, run: x}}]\n").steps[0].name == word


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("id: %s" % ("i" * 41), "step ID must be at most 40 characters"),
        ("name: %s" % ("ä" * 128), "step name must be at most 255 characters"),
        ("name: ask_user", "step name 'ask_user' is reserved by type: agent"),
    ],
)
def test_lengths_and_reserved_names(fields: str, message: str) -> None:
    """spec 10 section 6.2: lengths count bytes"""
    assert message in refused(f"steps: [{{{fields}, run: x}}]\n").message


def test_longest_id_and_name() -> None:
    """spec 10 section 6.2"""
    dag = load(f"steps: [{{id: {'i' * 40}, run: x}}, {{name: {'n' * 255}, run: x}}]\n")
    assert [len(step.name) for step in dag.steps] == [40, 255]


@pytest.mark.parametrize(
    ("depends", "expected"),
    [
        ("a", ("b", "a")),
        ("[a, b]", ("b", "a")),
        ("[]", ()),
        ("~", ("b",)),
    ],
)
def test_depends_in_a_chain_of_dagu_1_30(depends: str, expected: tuple[str, ...]) -> None:
    """spec 10 section 13.1, spec 10 section 6.2"""
    dag = load(
        "maxActiveSteps: 1\n"
        f"steps: [{{name: a, command: x}}, {{name: b, command: x}}, "
        f"{{name: c, command: x, depends: {depends}}}]\n"
    )
    assert dag.dialect == "v1"
    assert edges(dag) == {"a": (), "b": ("a",), "c": expected}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("id: a-b", ""),
        ("id: %s, name: n" % ("i" * 50), ""),
        ("id: 1a", "invalid step ID format"),
        ("name: %s" % ("n" * 40), ""),
        ("name: %s" % ("n" * 41), "step name must be at most 40 characters"),
    ],
)
def test_names_of_dagu_1_30(fields: str, message: str) -> None:
    """spec 10 section 13.1"""
    text = f"maxActiveSteps: 1\nsteps: [{{{fields}, command: x}}]\n"
    if message:
        assert message in refused(text).message
    else:
        assert load(text).dialect == "v1"
