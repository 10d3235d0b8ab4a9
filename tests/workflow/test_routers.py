from __future__ import annotations

import pytest

from edge.workflow.model import Precondition
from tests.workflow.helpers import load, refused


def test_targets_wait_for_the_router() -> None:
    """spec 13 section 15 and spec 10 section 6.7 (end)"""
    dag = load(
        """
        steps:
          - id: r
            action: router.route
            with: {value: "${V}", routes: {a: [ta, "named b"], "re:^b": [tc]}}
          - {id: ta, run: a, preconditions: check, continue_on: failed}
          - {name: named b, run: a, depends: [ta]}
          - {id: tc, name: c, run: a, depends: r}
          - {id: other, run: a}
        """
    )
    router, first, second, third, other = dag.steps
    assert router.continue_on.skipped
    assert router.router is not None
    assert router.router.routes == (("a", ("ta", "named b")), ("re:^b", ("c",)))
    assert first.depends == ("r",)
    assert first.preconditions == (
        Precondition(condition="check"),
        Precondition(condition="${V}", expected="a"),
    )
    assert first.continue_on.skipped
    assert first.continue_on.failed
    assert second.depends == ("ta", "r")
    assert third.depends == ("r",)
    assert third.preconditions == (Precondition(condition="${V}", expected="re:^b"),)
    assert other.depends == ()
    assert not other.continue_on.skipped


def test_two_routers_may_share_a_target() -> None:
    """spec 13 section 15: one route of *one* router"""
    dag = load(
        """
        steps:
          - {id: r1, action: router.route, with: {value: x, routes: {a: [t]}}}
          - {id: r2, type: router, value: y, routes: {b: [t]}}
          - {id: t, run: a}
        """
    )
    assert dag.steps[2].depends == ("r1", "r2")
    assert len(dag.steps[2].preconditions) == 2


def test_what_only_shows_when_it_runs_is_loaded() -> None:
    """spec 10 section 6.7: a bad pattern and a route to the router itself pass the loader"""
    dag = load("steps: [{id: r, action: router.route, with: {value: a, routes: {'re:(': [r]}}}]")
    assert dag.steps[0].depends == ("r",)


# spec 13 section 15: errors of routers
@pytest.mark.parametrize(
    ("routes", "message"),
    [
        ("{a: [nobody]}", 'router "r" references non-existent step "nobody"'),
        ("{a: [t], b: [t]}", "each step can only be a target of one route"),
        ("{a: [t], b: [t]}", 'is targeted by multiple routes of router "r"'),
        ("{a: [t, t]}", "each step can only be a target of one route"),
        ("{}", "router step requires at least one route"),
        ("{a: []}", 'route pattern "a" has no targets'),
        ("{a: ~}", 'route pattern "a" has no targets'),
        ("{'': [t]}", "route pattern must not be empty"),
        ("{a: t}", 'route pattern "a" must have a list of step names'),
        ("{a: [1]}", 'targets of route pattern "a" must be step names'),
        ("[t]", "routes must be a map of patterns to lists of step names"),
    ],
)
def test_bad_routes(routes: str, message: str) -> None:
    """spec 13 section 15"""
    for form in (
        f"{{id: r, action: router.route, with: {{value: v, routes: {routes}}}}}",
        f"{{id: r, type: router, value: v, routes: {routes}}}",
    ):
        error = refused(f"steps:\n  - {form}\n  - {{id: t, run: a}}\n")
        assert message in error.message
        assert error.problems[0].line == 2


@pytest.mark.parametrize(
    ("value", "message"),
    [("''", "value must be a non-empty string"), ("5", "must be a non-empty string")],
)
def test_value_of_a_router_is_a_text(value: str, message: str) -> None:
    """spec 10 section 6.7 (end)"""
    text = f"steps: [{{action: router.route, with: {{value: {value}, routes: {{a: [b]}}}}}}]"
    assert message in refused(text).message


def test_no_router_in_a_chain() -> None:
    """spec 10 section 6.7 (end)"""
    error = refused(
        "type: chain\nsteps:\n"
        "  - {name: r, action: router.route, with: {value: v, routes: {a: [t]}}}\n"
        "  - {name: t, run: echo x}\n"
    )
    assert (
        "field 'steps': field 'type': step 'r': router steps require type 'graph'; change DAG type"
        " from 'chain' to 'graph' to use router steps (value: r)"
    ) in error.message
    assert error.problems[0].line == 3
