"""Plans: order, unknown steps, cycles."""

from __future__ import annotations

import pytest

from edge.core.errors import UserError
from edge.engine.plan import build_plan
from edge.workflow.model import DAG, CommandRun, Step


def _dag(**depends: str) -> DAG:
    steps = (
        Step(name=name, run=CommandRun(("true",)), depends=tuple(text.split()))
        for name, text in depends.items()
    )
    return DAG(name="t", steps=tuple(steps))


def test_dependencies_become_positions_in_their_written_order() -> None:
    plan = build_plan(_dag(a="", b="a", c="b a", d="c"))
    assert plan.depends == ((), (0,), (1, 0), (2,))
    assert plan.dependents == ((1, 2), (2,), (3,), ())


def test_a_dependency_named_twice_counts_once() -> None:
    assert build_plan(_dag(a="", b="a a")).dependents == ((1,), ())


@pytest.mark.parametrize(
    ("depends", "cycle"),
    [
        ({"a": "a"}, "a -> a"),
        ({"a": "b", "b": "a"}, "a -> b -> a"),
        ({"x": "", "a": "x c", "b": "a", "c": "b"}, "a -> c -> b -> a"),
    ],
)
def test_a_cycle_is_refused_by_name(depends: dict[str, str], cycle: str) -> None:
    with pytest.raises(UserError, match="failed to setup execution plan: cyclic plan") as caught:
        build_plan(_dag(**depends))
    assert cycle in str(caught.value)


def test_an_unknown_dependency_is_refused() -> None:
    with pytest.raises(UserError, match="step b depends on non-existent step zz"):
        build_plan(_dag(a="", b="zz"))


def test_a_chain_of_ten_thousand_steps_has_a_plan() -> None:
    names = [f"s{index}" for index in range(10_000)]
    steps = {name: (names[index - 1] if index else "") for index, name in enumerate(names)}
    assert build_plan(_dag(**steps)).depends[-1] == (9_998,)
