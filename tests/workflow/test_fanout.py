"""`parallel` and `foreach`: values, bodies, and their names."""

from __future__ import annotations

import pytest

from edge.workflow.model import Foreach, Parallel, Step
from tests.workflow.helpers import load, refused, step

_CHILD = "action: dag.run, with: {dag: kid}"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("[a, b]", Parallel(items=("a", "b"))),
        ("'${LIST}'", Parallel(variable="${LIST}")),
        ("{items: [1, 2.5, x]}", Parallel(items=("1", "2.5", "x"))),
        ("{items: '${LIST}', max_concurrent: 3}", Parallel(variable="${LIST}", max_concurrent=3)),
        ("{items: [a], max_concurrent: 1000}", Parallel(items=("a",), max_concurrent=1000)),
        ("{items: [a], max_concurrent: ~}", Parallel(items=("a",))),
        (
            "[{u: 1, f: 1.5, b: true, s: x}]",
            Parallel(items=({"u": "1", "f": "1.5", "b": "true", "s": "x"},)),
        ),
        ("~", None),
    ],
)
def test_parallel(value: str, expected: Parallel | None) -> None:
    """spec 10 section 6.4"""
    found = step(f"{{{_CHILD}, parallel: {value}}}")
    assert found.parallel == expected
    assert found.type == ("dag" if expected is None else "parallel")


def test_parallel_of_enqueue_keeps_its_type() -> None:
    """spec 10 section 6.4"""
    found = step("{action: dag.enqueue, with: {dag: kid}, parallel: [a]}")
    assert found.type == "dag_enqueue"
    assert found.parallel == Parallel(items=("a",))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("[]", "parallel must have either items array or variable reference"),
        ("''", "parallel must have either items array or variable reference"),
        ("{}", "parallel must have either items array or variable reference"),
        ("{items: []}", "parallel must have either items array or variable reference"),
        ("{max_concurrent: 2}", "parallel must have either items array or variable reference"),
        ("{items: ~}", "parallel must have either items array or variable reference"),
        ("[true]", "parallel items must be strings, numbers, or objects, got bool"),
        ("[~]", "parallel items must be strings, numbers, or objects, got <nil>"),
        ("[[a]]", "parallel items must be strings, numbers, or objects, got []interface {}"),
        (
            "[{a: [1]}]",
            "parameter values must be strings, numbers, or booleans, got []interface {} for key a",
        ),
        (
            "[{a: ~}]",
            "parameter values must be strings, numbers, or booleans, got <nil> for key a",
        ),
        (
            "{items: [a], max_concurrent: 0}",
            "max_concurrent must be an integer from 1 through 1000",
        ),
        (
            "{items: [a], max_concurrent: 1001}",
            "max_concurrent must be an integer from 1 through 1000",
        ),
        (
            "{items: [a], max_concurrent: '5'}",
            "parallel.max_concurrent must be an integer, got string",
        ),
        (
            "{items: [a], max_concurrent: 1.5}",
            "parallel.max_concurrent must be an integer, got float64",
        ),
        (
            "{items: [a], max_concurrent: .inf}",
            "parallel.max_concurrent must be an integer, got float64",
        ),
        (
            "{items: [a], max_concurrent: true}",
            "parallel.max_concurrent must be an integer, got bool",
        ),
        ("{items: [a], k: 1}", 'unknown parallel field "k"'),
        ("5", "parallel must be a string, array, or object, got uint64"),
        ("{items: {a: b}}", "parallel must be a string, array, or object"),
    ],
)
def test_bad_parallel(value: str, message: str) -> None:
    """spec 10 section 6.4"""
    error = refused(f"steps: [{{{_CHILD}, parallel: {value}}}]\n")
    assert message in error.message
    assert error.problems[0].field.startswith("steps[0].parallel")


@pytest.mark.parametrize("fields", ["run: a", "action: noop", "command: a"])
def test_parallel_needs_a_sub_dag(fields: str) -> None:
    """spec 10 section 6.4: said once the steps are named, without the wrapper of a step"""
    error = refused(f"steps: [{{{fields}, parallel: [a]}}]\n")
    message = "parallel currently requires action: dag.run or dag.enqueue"
    assert error.bullets[0].startswith(f"field 'parallel': {message}")


def body(found: Step) -> tuple[Step, ...]:
    assert found.foreach is not None
    return found.foreach.steps


def test_foreach_with_everything() -> None:
    """spec 10 section 6.4"""
    found = step(
        "{foreach: {items: [3, {k: v}, ~, [1]], as: site, key: 'k-${foreach.index}',"
        " max_concurrent: 4, steps: [{id: body, run: x}], collect: {n: '${foreach.index}'}}}"
    )
    assert (found.type, found.run, found.name) == ("foreach", None, "foreach_1")
    assert found.foreach == Foreach(
        items=(3, {"k": "v"}, None, [1]),
        steps=body(found),
        name="site",
        key="k-${foreach.index}",
        max_concurrent=4,
        collect={"n": "${foreach.index}"},
    )
    assert [inner.name for inner in body(found)] == ["body"]


def test_foreach_defaults_and_text_items() -> None:
    """spec 10 section 6.4"""
    found = step("{foreach: {items: '${SITES}', steps: [{run: x}]}}").foreach
    assert found is not None
    assert (found.items, found.name, found.key) == ("${SITES}", "item", "")
    assert (found.max_concurrent, found.collect) == (10, {})
    assert step("{run: a, foreach: ~}").foreach is None
    empty = step("{foreach: {items: [], steps: [{run: x}]}}").foreach
    assert empty is not None
    assert empty.items == ()


def test_what_a_body_may_hold() -> None:
    """spec 10 section 6.4: nested foreach, parallel, router, approval, outputs, retry, timeouts"""
    dag = load(
        """
        defaults: {timeout_sec: 9, env: {A: b}}
        steps:
          - id: each
            foreach:
              items: [1]
              steps:
                - id: deep
                  foreach: {items: [2], steps: [{run: x}]}
                - {id: fan, action: dag.run, with: {dag: kid}, parallel: [a]}
                - {id: way, action: router.route, with: {value: v, routes: {a: [ask]}}}
                - {id: ask, run: x, approval: {rewind_to: ask}}
                - {id: out, run: x, output: N, outputs: [{name: v}], timeout_sec: 3}
                - {run: x, retry_policy: {limit: 1, interval_sec: 1}, depends: [out, deep]}
        """
    )
    each = dag.steps[0]
    # the step itself takes the defaults, its body does not
    assert each.timeout_s == 9
    deep, fan, way, ask, out, last = body(each)
    assert [inner.timeout_s for inner in body(each)] == [0, 0, 0, 0, 3, 0]
    assert all(not inner.env for inner in body(each))
    assert [inner.name for inner in body(deep)] == ["cmd_1"]
    assert fan.type == "parallel"
    assert ask.depends == (way.name,)
    assert ask.approval is not None
    assert out.outputs
    assert last.name == "cmd_6"
    assert last.depends == ("out", "deep")


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ("{steps: [{run: x}]}", "foreach.items", "foreach.items is required"),
        ("{items: ~, steps: [{run: x}]}", "foreach.items", "foreach.items is required"),
        (
            "{items: 5, steps: [{run: x}]}",
            "foreach.items",
            "foreach.items must be string or array, got uint64",
        ),
        (
            "{items: {a: b}, steps: [{run: x}]}",
            "foreach.items",
            "foreach.items must be string or array",
        ),
        ("{items: [1]}", "foreach.steps", "foreach.steps must contain at least one step"),
        (
            "{items: [1], steps: []}",
            "foreach.steps",
            "foreach.steps must contain at least one step",
        ),
        ("{items: [1], steps: {a: {run: x}}}", "foreach.steps", "foreach.steps must be an array"),
        ("{items: [1], steps: [echo]}", "foreach.steps", "foreach.steps[0] must be an object"),
        (
            "{items: [1], steps: [{run: x}, [{run: y}]]}",
            "foreach.steps",
            "foreach.steps[1] must be an object",
        ),
        (
            "{items: [1], steps: [{run: x}], collect: {a: 5}}",
            "foreach.collect.a",
            "foreach.collect.a must be a string, got uint64",
        ),
        (
            "{items: [1], steps: [{run: x}], collect: [a]}",
            "foreach.collect",
            "foreach.collect must be an object",
        ),
        (
            "{items: [1], steps: [{run: x}], collect: {a-b: x}}",
            "foreach.collect",
            'foreach.collect name "a-b" must match "^[A-Za-z][A-Za-z0-9_]*$"',
        ),
        (
            "{items: [1], steps: [{run: x}], max_concurrent: 0}",
            "foreach.max_concurrent",
            "max_concurrent must be an integer from 1 through 1000",
        ),
        (
            "{items: [1], steps: [{run: x}], max_concurrent: x}",
            "foreach.max_concurrent",
            "foreach.max_concurrent must be an integer, got string",
        ),
        (
            "{items: [1], steps: [{run: x}], as: key}",
            "foreach.as",
            'foreach.as "key" is reserved',
        ),
        (
            "{items: [1], steps: [{run: x}], as: index}",
            "foreach.as",
            'foreach.as "index" is reserved',
        ),
        (
            "{items: [1], steps: [{run: x}], as: a-b}",
            "foreach.as",
            'foreach.as "a-b" must match "^[A-Za-z][A-Za-z0-9_]*$"',
        ),
        ("{items: [1], steps: [{run: x}], as: 5}", "foreach.as", "foreach.as must be a string"),
        ("{items: [1], steps: [{run: x}], key: 5}", "foreach.key", "foreach.key must be a string"),
        ("{items: [1], steps: [{run: x}], k: 1}", "foreach", 'unknown foreach field "k"'),
        ("[a]", "foreach", "foreach must be an object"),
        ("text", "foreach", "foreach must be an object"),
    ],
)
def test_bad_foreach(fields: str, field: str, message: str) -> None:
    """spec 10 section 6.4"""
    error = refused(f"steps: [{{foreach: {fields}}}]\n")
    assert f"field 'steps': field '{field}': {message}" in error.message
    assert error.problems[0].field == f"steps[0].{field}"


@pytest.mark.parametrize(
    "extra",
    [
        "run: x",
        "action: noop",
        "command: x",
        "exec: {command: x}",
        "script: x",
        "call: kid",
        "parallel: [a]",
        "type: ssh",
        "container: c",
        "worker_selector: {a: b}",
    ],
)
def test_foreach_stands_alone(extra: str) -> None:
    """spec 10 section 6.4"""
    error = refused(f"steps: [{{foreach: {{items: [1], steps: [{{run: x}}]}}, {extra}}}]\n")
    key = extra.partition(":")[0]
    assert f'foreach cannot be combined with "{key}" on the same step' in error.message


def test_faults_of_a_body_name_their_step() -> None:
    """spec 10 section 1.3"""
    error = refused(
        """
        steps:
          - run: ok
          - foreach:
              items: [1]
              steps:
                - run: ok
                - {run: x, timeout_sec: -1}
        """
    )
    (problem,) = error.problems
    assert problem.field == "steps[1].foreach.steps[1].timeout_sec"
    assert problem.line == 8
    error = refused("steps: [{foreach: {items: [1], steps: [{run: x, colour: 1}]}}]\n")
    assert "'spec.step' has invalid keys: colour" in error.message
    assert error.problems[0].field == "steps[0].foreach.steps[0].colour"


# spec 10 section 6.2: the body is a scope of its own that sees the outer names and ids
_SCOPES = [
    (
        "[{name: z, run: x}, {id: f, foreach: {items: [1], steps: [{name: z, run: x}]}}]",
        'foreach step f body step name "z" collides with a visible step name',
    ),
    (
        "[{id: z, name: y, run: x}, {id: f, foreach: {items: [1], steps: [{name: z, run: x}]}}]",
        'foreach step f body step name "z" collides with a visible step ID',
    ),
    (
        "[{name: z, run: x}, {id: f, foreach: {items: [1], steps: [{id: z, name: y, run: x}]}}]",
        'foreach step f body step ID "z" collides with a visible step name',
    ),
    (
        "[{id: z, name: a, run: x},"
        " {id: f, foreach: {items: [1], steps: [{id: z, name: y, run: x}]}}]",
        'foreach step f body step ID "z" collides with a visible step ID',
    ),
    (
        "[{id: f, foreach: {items: [1], steps: [{name: f, run: x}]}}]",
        'foreach step f body step name "f" collides with a visible step name',
    ),
    (
        "[{id: f, foreach: {items: [1], steps: ["
        "{id: g, foreach: {items: [2], steps: [{name: g, run: x}]}}]}}]",
        'foreach step g body step name "g" collides with a visible step name',
    ),
    (
        "[{name: z, run: x},"
        " {id: f, foreach: {items: [1], steps: [{name: y, run: x, depends: z}]}}]",
        "foreach step f body dependencies must stay inside foreach.steps",
    ),
    (
        "[{id: f, foreach: {items: [1], steps: [{name: y, run: x, depends: ghost}]}}]",
        "foreach step f body step y depends on non-existent body step ghost",
    ),
    (
        "[{id: f, foreach: {items: [1], steps: [{name: y, run: x}, {name: y, run: x}]}}]",
        "foreach step f body: step name must be unique",
    ),
    (
        "[{id: f, foreach: {items: [1], steps: [{id: y, name: a, run: x}, {id: y, run: x}]}}]",
        "foreach step f body: duplicate step ID: y",
    ),
    (
        "[{id: f, foreach: {items: [1], steps: [{id: a-b, run: x}]}}]",
        "foreach step f body: invalid step ID format",
    ),
    (
        "[{id: f, foreach: {items: [1], steps: [{id: Outputs, run: x}]}}]",
        "foreach step f body: step ID 'Outputs' is a reserved word",
    ),
    (
        "[{id: f, foreach: {items: [1], steps: [{id: h, action: human.task, with: {prompt: p}}]}}]",
        "human.task cannot be used inside foreach.steps",
    ),
]


@pytest.mark.parametrize(("steps", "message"), _SCOPES)
def test_scope_of_a_body(steps: str, message: str) -> None:
    """spec 10 section 6.2, spec 10 section 6.4, spec 13 section 16"""
    error = refused(f"steps: {steps}\n")
    assert f"field 'foreach.steps': {message}" in error.bullets[0]
    assert "field 'steps'" not in error.bullets[0]
    assert ".foreach.steps[" in error.problems[0].field


def test_a_step_cannot_depend_on_the_body_of_another() -> None:
    """spec 10 section 6.2"""
    error = refused(
        "steps: [{id: f, foreach: {items: [1], steps: [{id: y, run: x}]}},"
        " {name: b, run: x, depends: y}]\n"
    )
    assert "field 'depends': step b depends on non-existent step y" in error.message


def test_generated_names_keep_clear_of_what_is_visible() -> None:
    """spec 10 section 6.2"""
    dag = load(
        """
        steps:
          - run: x
          - foreach:
              items: [1]
              steps:
                - run: x
                - run: x
                - foreach: {items: [2], steps: [{run: x}]}
          - foreach: {items: [1], steps: [{run: x}]}
        """
    )
    first, loop, other = dag.steps
    assert (first.name, loop.name, other.name) == ("cmd_1", "foreach_2", "foreach_3")
    assert [inner.name for inner in body(loop)] == ["cmd_2", "cmd_3", "foreach_4"]
    assert [inner.name for inner in body(body(loop)[2])] == ["cmd_4"]
    assert [inner.name for inner in body(other)] == ["cmd_2"]


def test_two_bodies_may_use_the_same_names() -> None:
    """spec 10 section 6.2"""
    loop = "foreach: {items: [1], steps: [{id: read, run: x}, {run: y, depends: read}]}"
    dag = load(f"steps: [{{id: a, {loop}}}, {{id: b, {loop}}}]\n")
    assert [inner.depends for found in dag.steps for inner in body(found)] == [
        (),
        ("read",),
        (),
        ("read",),
    ]


def test_body_of_a_chain_is_a_graph() -> None:
    """spec 10 section 6.2"""
    dag = load(
        "type: chain\nsteps: [{run: x}, {foreach: {items: [1], steps: [{id: a, run: x},"
        " {id: b, run: x, depends: a}]}}]\n"
    )
    assert dag.steps[1].depends == ("cmd_1",)
    assert [inner.depends for inner in body(dag.steps[1])] == [(), ("a",)]
