from __future__ import annotations

import time

import pytest

from edge.workflow.load import load_dag, validate_text
from edge.workflow.nodes import MapNode
from edge.workflow.notices import MAX_NOTICES, find_notices
from edge.workflow.problems import Notice
from edge.workflow.yaml_reader import read_documents

STEPS = """
steps:
  - {id: a, run: echo, outputs: [{name: x}]}
  - {id: b, run: echo, depends: a}
  - {id: c, run: "echo %s", depends: b, outputs: [{name: x}]}
  - {id: later, run: echo, outputs: [{name: x}]}
"""
_BECAUSE = " was left unchanged because "


def notices(text: str, *, base_text: str = "") -> tuple[Notice, ...]:
    """Return the notices of a workflow."""
    dag = load_dag(text, default_name="d", base_text=base_text)
    root = read_documents(text)[0].root
    assert isinstance(root, MapNode)
    return find_notices(dag, root)


def brief(found: tuple[Notice, ...]) -> list[str]:
    return [f"{item.kind} {item.reason or '-'} {item.field} {item.token}" for item in found]


@pytest.mark.parametrize(
    ("reference", "kind", "reason", "because"),
    [
        # spec 11 section 10: reasons, classes and texts of each kind of reference
        (
            "${steps.nope.outputs.x}",
            "defect",
            "unknown_step_id",
            "the referenced step id does not exist when PATH was evaluated.",
        ),
        (
            "${steps.c.outputs.zz}",
            "defect",
            "self_reference",
            "a step cannot reference its own output when PATH was evaluated.",
        ),
        (
            "${steps.a.outputs.y}",
            "defect",
            "unknown_output_name",
            "the referenced output name is not declared when PATH was evaluated.",
        ),
        (
            "${steps.b.outputs.x}",
            "defect",
            "unknown_output_name",
            "the referenced output name is not declared when PATH was evaluated.",
        ),
        (
            "${steps.later.outputs.x}",
            "defect",
            "missing_dependency",
            "the owning step does not depend on the producing step when PATH was evaluated.",
        ),
        (
            "${context.run.id.extra}",
            "defect",
            "unknown_context_field",
            "context.run.id.extra had no value when PATH was evaluated. unknown context field"
            " context.run.id.extra.",
        ),
        (
            "${consts.q}",
            "defect",
            "unknown_const_name",
            "consts.q had no value when PATH was evaluated. unknown consts.q binding.",
        ),
        (
            "${foreach.item}",
            "defect",
            "namespace_unavailable",
            "foreach.item had no value when PATH was evaluated. foreach.item is unavailable in"
            " this context.",
        ),
        (
            "${context.run.id}",
            "runtime_only",
            "namespace_unavailable",
            "context.run.id had no value when PATH was evaluated. context.run.id is populated"
            " during a DAG run.",
        ),
        (
            "${run.id}",
            "runtime_only",
            "namespace_unavailable",
            "context.run.id had no value when PATH was evaluated. context.run.id is populated"
            " during a DAG run.",
        ),
        (
            "${params}",
            "runtime_only",
            "namespace_unavailable",
            "params had no value when PATH was evaluated. params is unavailable in this context.",
        ),
        (
            "${env.HOME}",
            "runtime_only",
            "unknown_env_binding",
            "env.HOME had no value when PATH was evaluated. unknown env.HOME binding.",
        ),
        (
            "${params.q}",
            "runtime_only",
            "",
            "params.q had no value when PATH was evaluated. unknown params.q binding.",
        ),
    ],
)
def test_each_kind_of_reference(reference: str, kind: str, reason: str, because: str) -> None:
    (found,) = notices(STEPS % reference)
    assert found.field == "steps[2].run"
    assert (found.kind, found.reason, found.token) == (kind, reason, reference)
    assert found.message == reference + _BECAUSE + because.replace("PATH", "steps[2].run")
    assert (found.line, found.column) == (5, 13)


@pytest.mark.parametrize(
    "text",
    [
        # spec 11 section 10: what has a value; escaped and unsupported text gives no notice
        "${steps.a.outputs.x}",
        "${context.dag.name} ${dag.name} ${context.step.name} ${context.step.id} ${step.id}",
        "$NOPE ${NOPE} ${NOPE:-x} $1",
        r"\\${consts.q} \\${steps.nope.outputs.x}",
        "${context.bad} ${steps.a.b} ${unrelated.context} ${a.stdout} ${X.y} ${inputs.x}",
        "`x` $(y)",
    ],
)
def test_what_gives_no_notice(text: str) -> None:
    assert notices(STEPS % text) == ()


def test_declared_values_count_and_others_do_not() -> None:
    """spec 11 section 10: consts, params with a literal default, env names, own env."""
    text = """
consts: [{c: 1}]
params: [{name: p, default: d}, {name: r, required: true}]
env: [{E: 1}]
steps:
  - id: s
    env: [{OWN: 1}]
    run: echo ${consts.c} ${params.p} ${params} ${params.r} ${env.E} ${env.OWN} ${env.B} ${env.p}
handler_on:
  exit: {env: [{H: 1}], run: "echo ${env.H} ${context.step.name} ${env.OWN}"}
"""
    assert brief(notices(text, base_text="env: [{B: 1}]")) == [
        "runtime_only - steps[0].run ${params.r}",
        "runtime_only unknown_env_binding steps[0].run ${env.p}",
        "runtime_only unknown_env_binding handler_on.exit.run ${env.OWN}",
    ]


def test_an_env_list_knows_the_entries_above() -> None:
    """spec 11 section 10: simple `$X` inside `env` lists only; entries of the base come first."""
    text = """
env: [{A: "$B ${B} $Z '$Q' $1 ${A:-x}"}, {B: "$A ${env.A}"}]
steps:
  - {id: s, env: {C: "$A $D", D: "$C"}, run: echo $NOPE}
"""
    assert brief(notices(text, base_text="env: [{Z: 1}]")) == [
        "runtime_only unknown_env_binding env[0] $B",
        "runtime_only unknown_env_binding env[0] ${B}",
        "runtime_only unknown_env_binding steps[0].env[0] $D",
    ]


def test_consts_know_only_the_entries_above() -> None:
    """spec 11 section 10: in `consts` nothing but earlier consts is known."""
    text = r"""
params: [{name: p, default: d}]
consts:
  - a: "${consts.base} ${consts.a} ${consts.b} ${params.p} ${env.X} ${dag.name} \\${consts.q}"
  - b: "${params} ${foreach.item} ${steps.s.outputs.x} ${consts.a}"
steps: [{id: s, run: echo}]
"""
    assert brief(notices(text, base_text="consts: [{base: 1}]")) == [
        "defect unknown_const_name consts.a ${consts.a}",
        "defect unknown_const_name consts.a ${consts.b}",
        "runtime_only - consts.a ${params.p}",
        "runtime_only unknown_env_binding consts.a ${env.X}",
        "runtime_only namespace_unavailable consts.a ${dag.name}",
        "runtime_only namespace_unavailable consts.b ${params}",
        "runtime_only namespace_unavailable consts.b ${foreach.item}",
        "defect namespace_unavailable consts.b ${steps.s.outputs.x}",
    ]


def test_order_and_one_notice_for_each_token() -> None:
    """spec 11 section 10: env of root, steps, handlers; then field by field, `steps.` first."""
    text = """
env: [{A: "$X ${consts.q} ${steps.a.outputs.x} $X"}]
steps:
  - {id: a, run: "echo ${consts.q} ${steps.no.outputs.x} ${consts.q}", working_dir: "${consts.w}"}
  - {id: b, run: echo, env: [{B: "${consts.q}"}]}
handler_on:
  success: {run: "echo ${steps.a.outputs.x}", env: [{H: "${consts.q}"}]}
"""
    assert [f"{item.field} {item.token}" for item in notices(text)] == [
        "env[0] ${steps.a.outputs.x}",
        "env[0] ${consts.q}",
        "env[0] $X",
        "steps[1].env[0] ${consts.q}",
        "handler_on.success.env[0] ${consts.q}",
        "steps[0].run ${steps.no.outputs.x}",
        "steps[0].run ${consts.q}",
        "steps[0].working_dir ${consts.w}",
        "handler_on.success.run ${steps.a.outputs.x}",
    ]


@pytest.mark.parametrize(
    ("text", "field"),
    [
        # spec 11 section 10: spelling of field paths
        ("consts: [{a: '%s'}]", "consts.a"),
        ("env: [{A: '%s'}]", "env[0]"),
        ("env: {A: 1, B: '%s'}", "env[1]"),
        ("dotenv: [x, '%s']", "dotenv[1]"),
        ("shell: '%s'", "shell"),
        ("working_dir: '%s'", "working_dir"),
        ("preconditions: [{condition: '%s'}]", "preconditions[0].condition"),
        ("preconditions: [{condition: '%s', expected: x}]", "preconditions[0].condition"),
        ("preconditions: [{eval: '%s', expected: x}]", "preconditions[0].eval"),
        ("steps: [{id: s, run: '%s'}]", "steps[0].run"),
        ("steps: [{id: s, run: ['%s']}]", "steps[0].run[0]"),
        ("steps: [{id: s, run: [x, '%s']}]", "steps[0].run[1]"),
        ('steps: [{id: s, run: "a\\n%s"}]', "steps[0].run"),
        ("steps: [{id: s, run: x, env: [{A: 1}, {B: '%s'}]}]", "steps[0].env[1]"),
        ("steps: [{id: s, run: x, with: {shell: '%s'}}]", "steps[0].shell"),
        ("steps: [{id: s, run: x, working_dir: '%s'}]", "steps[0].working_dir"),
        ("steps: [{id: s, run: x, stdout: '%s'}]", "steps[0].stdout"),
        ("steps: [{id: s, run: x, stderr: '%s'}]", "steps[0].stderr"),
        (
            "steps: [{id: s, run: x, preconditions: [{condition: '%s'}]}]",
            "steps[0].preconditions[0].condition",
        ),
        (
            "steps: [{id: s, run: x, retry_policy: {limit: '%s', interval_sec: 1}}]",
            "steps[0].retry_policy.limit",
        ),
        (
            "steps: [{action: http.request, with: {url: x, method: GET, headers: {X: '%s'}}}]",
            "steps[0].with.headers.X",
        ),
        ("steps: [{id: s, action: exec, with: {command: '%s'}}]", "steps[0].with.command"),
        (
            "steps: [{id: s, action: exec, with: {command: x, args: [a, '%s']}}]",
            "steps[0].with.args[1]",
        ),
        ("handler_on: {success: {run: '%s'}}", "handler_on.success.run"),
    ],
)
def test_field_paths(text: str, field: str) -> None:
    document = text % "${consts.q}"
    if "steps:" not in document:
        document += "\nsteps: [{run: echo}]"
    (found,) = notices(document)
    assert found.field == field
    assert found.line >= 1
    assert found.column >= 1


def test_literal_fields_are_not_inspected() -> None:
    """spec 11 section 10: `params[].eval`, `expected` and literal fields give no notice."""
    text = """
description: ${consts.q}
params: [{name: p, eval: "${consts.q}"}]
preconditions: [{condition: x, expected: "${consts.q}"}]
steps: [{id: s, description: "${consts.q}", run: echo}]
"""
    assert notices(text) == ()


def test_root_and_handler_fields_have_no_step_outputs() -> None:
    """spec 11 section 10: namespace_unavailable, with the field as the place."""
    text = "steps: [{id: a, run: echo}]\nhandler_on: {success: {run: 'echo ${steps.a.outputs.x}'}}"
    (found,) = notices(text)
    assert found.message == (
        "${steps.a.outputs.x} was left unchanged because handler_on.success.run has no step-output"
        " lookup scope."
    )
    assert found.as_json() == {
        "message": found.message,
        "fieldPath": "handler_on.success.run",
        "token": "${steps.a.outputs.x}",
        "reason": "namespace_unavailable",
        "class": "defect",
    }


def test_a_chain_depends_on_what_comes_before() -> None:
    """spec 11 section 8.2: in a chain the implied predecessor counts."""
    text = """
type: chain
steps:
  - {id: a, run: x, outputs: [{name: x}]}
  - {id: b, run: x}
  - {id: z, run: "${steps.a.outputs.x}"}
"""
    assert notices(text) == ()


def test_outputs_that_an_action_declares_itself() -> None:
    """spec 11 section 8: git worktree actions and human-task forms have fixed outputs."""
    text = """
steps:
  - id: t
    action: human.task
    with: {prompt: p, form: {type: object, properties: {f: {type: string}}}}
  - {id: w, action: git.worktree.add, with: {branch: b}}
  - id: s
    depends: [t, w]
    run: echo ${steps.t.outputs.f} ${steps.w.outputs.path} ${steps.t.outputs.g}
"""
    assert brief(notices(text)) == ["defect unknown_output_name steps[2].run ${steps.t.outputs.g}"]


def test_the_line_is_that_of_the_step_also_in_a_group() -> None:
    """spec 11 section 10: the index counts the steps of the DAG, the line is the file's."""
    text = "type: chain\nsteps:\n  - run: x\n  - - run: y\n    - run: 'z ${consts.q}'\n  - run: w\n"
    (found,) = notices(text)
    assert (found.field, found.line) == ("steps[2].run", 5)


def test_the_report_of_validate_carries_them() -> None:
    """spec 10 section 14: notices never change the verdict."""
    report = validate_text("steps: [{run: 'echo ${consts.q}'}]", default_name="d")
    assert report.errors == ()
    assert [item.token for item in report.notices] == ["${consts.q}"]


def test_inspection_is_fast_for_large_files() -> None:
    """spec 11 section 10: a thousand steps, each with references."""
    import time

    lines = "".join(
        f"  - {{id: s{n}, run: 'echo ${{steps.s{n // 2}.outputs.x}}', env: [{{A: '$B'}}],"
        f" depends: [{f's{n - 1}' if n else ''}]}}\n"
        for n in range(1000)
    )
    dag = load_dag("steps:\n" + lines, default_name="d")
    root = read_documents("steps:\n" + lines)[0].root
    assert isinstance(root, MapNode)
    begin = time.process_time()
    assert len(find_notices(dag, root)) == 2000
    assert time.process_time() - begin < 3.0


def test_thousands_of_them_cost_little_and_end() -> None:
    """spec 11 section 10; the greatest number is ours"""
    many = "".join(f"  - N{index}: $N{index}\n" for index in range(20_000))
    begin = time.process_time()
    found = validate_text(f"env:\n{many}steps: [{{run: a}}]\n", default_name="many").notices
    assert time.process_time() - begin < 2.0
    assert len(found) == MAX_NOTICES
