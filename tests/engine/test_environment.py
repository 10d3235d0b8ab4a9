"""Layers of a step's environment and its directories (spec 11 sections 6 and 7, spec 10 6.3)."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from edge.engine.attempt import AttemptSpec
from edge.engine.environment import default_dir, run_scope, step_dir, step_scope
from edge.workflow.values import Policy, resolve
from tests.engine.helpers import make_dag, make_spec

_AT_MS = 1_795_373_837_195


def _spec(text: str, folder: Path, **changes: object) -> AttemptSpec:
    spec = make_spec(make_dag(text), folder)
    changes.setdefault("step_environ", {"PATH": "/bin", "HOME": "/home/me", "LANG": "C"})
    changes.setdefault("process_environ", {"SECRET_OF_HOST": "h", "HOME": "/home/me"})
    return dataclasses.replace(spec, **changes)  # type: ignore[arg-type]


def test_later_layers_win(tmp_path: Path) -> None:
    text = """
    params: [LANG=param, P=1]
    env: [{LANG: root}, {E1: "$P"}, {E2: "${E1}y"}, {DAG_RUN_ID: mine}]
    steps: [{id: a, run: x, env: [{E2: "${E2}z"}, {DAG_NAME: shadowed}]}]
    """
    spec = _spec(text, tmp_path)
    scope = run_scope(spec, _AT_MS)
    env = scope.environ()
    assert (env["LANG"], env["E1"], env["E2"]) == ("root", "1", "1y")
    assert (env["DAG_RUN_ID"], env["DAG_NAME"]) == ("run-t", "t")
    assert env["DAG_PARAMS_JSON"] == env["DAGU_PARAMS_JSON"] == '{"LANG":"param","P":"1"}'
    assert env["DAG_RUN_LOG_FILE"] == str(spec.files.log)
    assert env["DAG_RUN_WORK_DIR"] == str(spec.files.work_dir)
    assert "SECRET_OF_HOST" not in env
    inner = step_scope(scope, spec.dag.steps[0], name="a", cwd="/w").environ()
    assert (inner["E2"], inner["DAG_NAME"]) == ("1yz", "shadowed")
    assert (inner["PWD"], inner["DAG_RUN_STEP_NAME"]) == ("/w", "a")
    assert "DAG_RUN_STATUS" not in inner


def test_root_env_reads_the_host_and_step_env_does_not(tmp_path: Path) -> None:
    text = """
    env: [{H: $SECRET_OF_HOST}, {SELF: "${SELF}"}]
    steps: [{id: a, run: x, env: [{S: $SECRET_OF_HOST}, {T: $HOME}, {U: "${env.HOME}"}]}]
    """
    spec = _spec(text, tmp_path)
    scope = run_scope(spec, _AT_MS)
    env = step_scope(scope, spec.dag.steps[0], name="a", cwd="/w").environ()
    assert (env["H"], env["SELF"]) == ("h", "${SELF}")
    assert (env["S"], env["T"], env["U"]) == ("$SECRET_OF_HOST", "$HOME", "/home/me")


def test_positional_parameters_are_no_variables(tmp_path: Path) -> None:
    spec = make_spec(make_dag("params: a b\nsteps: [{id: a, run: x}]"), tmp_path)
    scope = run_scope(spec, _AT_MS)
    assert not {"1", "2"} & scope.environ().keys()
    assert resolve("$1 ${2}", Policy.VALUE_SHELL, scope) == "a b"


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        ("dag.name", "t"),
        ("run.id", "run-t"),
        ("attempt.id", "abc123"),
        ("run.started_at", "2026-11-22T18:57:17Z"),
        ("trigger.type", "manual"),
        ("run.scheduled_at", "2026-03-13T01:00:00Z"),
        ("context.trigger.actor", "me"),
        ("context.run.root_id", None),
        ("run.status", None),
        ("step.name", "a"),
    ],
)
def test_context(reference: str, value: str | None, tmp_path: Path) -> None:
    spec = _spec(
        "steps: [{id: a, run: x}]",
        tmp_path,
        schedule_time="2026-03-13T10:00:00+09:00",
        trigger_actor="me",
    )
    scope = step_scope(run_scope(spec, _AT_MS), spec.dag.steps[0], name="a", cwd="/w")
    text = f"${{{reference}}}"
    assert resolve(text, Policy.VALUE, scope) == (text if value is None else value)


def test_handlers_see_the_status_of_the_run(tmp_path: Path) -> None:
    spec = _spec("handler_on: {exit: {run: x}}", tmp_path)
    step = spec.dag.handlers.exit
    assert step is not None
    extra = {"DAG_RUN_STATUS": "failed"}
    scope = step_scope(run_scope(spec, _AT_MS), step, name="onExit", cwd="/w", extra=extra)
    assert scope.environ()["DAG_RUN_STATUS"] == "failed"
    assert resolve("${run.status}", Policy.VALUE, scope) == "failed"


@pytest.mark.parametrize(
    ("root", "step", "wanted"),
    [
        ("", "", "{work}"),
        ("", "sub", "{work}/sub"),
        ("", "/abs", "/abs"),
        ("/root", "", "/root"),
        ("/root", "../x", "/x"),
        ("~", "sub", "/home/me/sub"),
        ("~/d", "", "/home/me/d"),
        ("", "~/e", "/home/me/e"),
        (".", "", "{beside}"),
        ("d", "s", "{beside}/d/s"),
        ("$ROOT", "${dag.name}", "/from-env/t"),
    ],
)
def test_directories(root: str, step: str, wanted: str, tmp_path: Path) -> None:
    text = f"""
    {f'working_dir: "{root}"' if root else ""}
    env: [{{ROOT: /from-env}}]
    steps: [{{id: a, run: x, {f'working_dir: "{step}"' if step else ""}}}]
    """
    spec = _spec(text, tmp_path)
    dag = dataclasses.replace(spec.dag, source_file=f"{tmp_path}/dags/t.yaml")
    spec = dataclasses.replace(spec, dag=dag)
    scope = run_scope(spec, _AT_MS)
    found = step_dir(dag.steps[0], default_dir(spec, scope), scope)
    assert found == wanted.format(work=spec.files.work_dir, beside=tmp_path / "dags")


def test_a_v1_document_runs_beside_its_file(tmp_path: Path) -> None:
    spec = _spec("steps: [{id: a, run: x}]", tmp_path)
    dag = dataclasses.replace(spec.dag, source_file=f"{tmp_path}/dags/t.yaml", dialect="v1")
    spec = dataclasses.replace(spec, dag=dag)
    assert default_dir(spec, run_scope(spec, _AT_MS)) == str(tmp_path / "dags")
