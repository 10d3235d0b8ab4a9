from __future__ import annotations

import pytest

from edge.workflow.load import validate_text
from edge.workflow.model import DAG, DAGType, EnvVar, LogOutput, Shell
from tests.workflow.helpers import commands, load, refused


def merged(base: str, document: str) -> DAG:
    if "steps" not in document:
        document += "\nsteps: [{run: a}]\n"
    return load(document, base_text=base)


def test_scalars_are_inherited_and_zero_cannot_clear() -> None:
    base = "timeout_sec: 9\nskip_if_successful: true\nqueue: q\nmax_active_steps: 10\n"
    dag = merged(base, "timeout_sec: 0\nskip_if_successful: false\nqueue: ''\nmax_active_steps: 3")
    assert (dag.timeout_s, dag.skip_if_successful, dag.queue, dag.max_active_steps) == (
        9,
        True,
        "q",
        3,
    )


def test_type_is_inherited_only_without_the_key() -> None:
    assert merged("type: chain", "").type is DAGType.CHAIN
    assert merged("type: chain", "type: graph").type is DAGType.GRAPH


def test_shell_overlap_and_runs_are_inherited() -> None:
    base = "shell: bash -e\noverlap_policy: all\nmax_active_runs: 4\nqueue: q\n"
    dag = merged(base, "")
    assert (dag.shell, dag.overlap_policy, dag.max_active_runs) == (Shell(("bash", "-e")), "all", 4)
    assert merged(base, "shell: sh").shell == Shell(("sh",))


def test_env_and_args_are_base_first() -> None:
    dag = merged("env: {A: 1, B: 1}\nshell_args: [-x]\n", "env: [A=2]\nshell: sh\nshell_args: [-y]")
    assert dag.env == (EnvVar("A", "1"), EnvVar("B", "1"), EnvVar("A", "2"))
    assert dag.shell == Shell(("sh", "-x", "-y"))


def test_lists_are_replaced_unless_empty() -> None:
    base = "labels: a\npreconditions: [x]\nschedule: '0 1 * * *'\n"
    dag = merged(base, "labels: []\npreconditions: []\nschedule: []")
    assert dag.labels == ("a",)
    assert len(dag.preconditions) == 1
    assert len(dag.schedule.start) == 1
    dag = merged(base, "labels: b\npreconditions: y\nschedule: {stop: '0 2 * * *'}")
    assert dag.labels == ("b",)
    assert dag.preconditions[0].condition == "y"
    assert [entry.identity for entry in dag.schedule.start] == ["cron:0 1 * * *"]
    assert [entry.identity for entry in dag.schedule.stop] == ["cron:0 2 * * *"]


def test_maps_merge_by_key() -> None:
    dag = merged(
        "worker_selector: {a: 1, b: 1}\nconsts: [{x: 1}, {y: 1}]\n"
        "run_config: {disable_param_edit: true}\n",
        "worker_selector: {b: 2}\nconsts: [{y: '${consts.x}2'}]\n"
        "run_config: {disable_run_id_edit: true}",
    )
    assert dag.worker_selector == {"a": "1", "b": "2"}
    assert dag.consts == {"x": "1", "y": "12"}
    assert dag.run_config_disable_param_edit
    assert dag.run_config_disable_run_id_edit
    assert merged("worker_selector: {a: 1}", "worker_selector: local").worker_selector == "local"


def test_params_of_the_base_come_first() -> None:
    dag = merged("params: {A: 1, B: 1}", "params: [B=2, C=3]")
    assert [(item.name, item.default) for item in dag.params] == [
        ("A", "1"),
        ("B", "2"),
        ("C", "3"),
    ]


def test_retention_of_the_document_clears_the_other() -> None:
    dag = merged("hist_retention_days: 9", "hist_retention_runs: 3")
    assert (dag.hist_retention_days, dag.hist_retention_runs) == (0, 3)
    assert merged("hist_retention_days: 9", "").hist_retention_days == 9


def test_handlers_merge_by_field_with_the_execution_as_one_unit() -> None:
    base = "handler_on: {exit: {run: base, timeout_sec: 5, env: {A: 1}}, failure: {run: f}}"
    dag = merged(base, "handler_on: {exit: {command: own, env: {B: 2}}}")
    assert dag.handlers.exit is not None
    assert commands(dag.handlers.exit) == ("own",)
    assert dag.handlers.exit.timeout_s == 5
    assert dag.handlers.exit.env == (EnvVar("A", "1"), EnvVar("B", "2"))
    assert dag.handlers.failure is not None


def test_defaults_merge() -> None:
    base = "defaults: {timeout_sec: 5, signal_on_stop: SIGINT, env: {A: 1}}"
    dag = merged(base, "defaults: {timeout_sec: 0, env: {B: 2}}")
    assert dag.steps[0].timeout_s == 0
    assert dag.steps[0].signal_on_stop == "SIGINT"
    assert dag.steps[0].env == (EnvVar("A", "1"), EnvVar("B", "2"))
    assert merged(base, "defaults: {env: []}").steps[0].env == ()


def test_steps_of_the_base_only_without_steps() -> None:
    assert [found.name for found in load("env: {}", base_text="steps: [{name: b, run: x}]").steps]
    assert merged("steps: [{name: b, run: x}]", "steps:").steps == ()


def test_generated_base_file_changes_little() -> None:
    base = (
        "type: graph\noverlap_policy: skip\nlog_output: separate\nhist_retention_days: 30\n"
        "max_clean_up_time_sec: 5\nmax_active_steps: 10\nmax_output_size: 1048576\n"
        'catchup_window: "6h"\n'
    )
    dag = merged(base, "")
    assert (dag.max_active_steps, dag.catchup_window_s, dag.log_output) == (
        10,
        21600,
        LogOutput.SEPARATE,
    )


def test_name_of_the_base_is_ignored_and_only_its_first_document_counts() -> None:
    dag = merged("name: other\ntimeout_sec: 3\n---\ntimeout_sec: 4\n", "")
    assert (dag.name, dag.timeout_s) == ("sample", 3)


@pytest.mark.parametrize(
    ("base", "message"),
    [
        ("foo: 1", "failed to decode base config: "),
        ("a: b: c", "failed to unmarshal base config: [1:4] mapping value"),
        ("[a]", "failed to unmarshal base config: "),
        ("type: tree", "failed to decode base config: field 'type': invalid type: tree"),
    ],
)
def test_a_bad_base_is_said_to_be_the_base(base: str, message: str) -> None:
    error = refused("steps: [{run: a}]", base_text=base)
    assert message in error.message
    assert all(problem.field == "base config" for problem in error.problems)
    report = validate_text("steps: [{run: a}]", base_text=base)
    assert message in report.bullets[0]


def test_empty_base_is_no_base() -> None:
    assert merged("# nothing\n", "").timeout_s == 0
