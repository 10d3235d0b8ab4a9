"""What this build refuses to run (spec 13, beginning)."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from edge.core.errors import UserError
from edge.core.status import NodeStatus
from edge.engine.runner import Runner
from edge.engine.support import check_runnable, missing_of_run, missing_of_step, unenforced
from edge.workflow.model import (
    DAG,
    Approval,
    Artifacts,
    CommandRun,
    Container,
    ContinueOn,
    DAGRetryPolicy,
    DAGType,
    ExecRun,
    Foreach,
    MailOn,
    Parallel,
    RepeatPolicy,
    Resources,
    RetryPolicy,
    Router,
    Step,
    SubDAG,
)
from tests.engine.helpers import run_to_end, runner_of

_ENDING = " is not available in this build of edge"
_RUN = CommandRun(("echo hi",))


# spec 10 section 11 (last item) and spec 12 section 16: root features
@pytest.mark.parametrize(
    ("members", "feature"),
    [
        ({"type": DAGType.BUILD}, "type: build"),
        ({"type": DAGType.AGENT}, "type: agent"),
        ({"later": {"tools": ["a@1"]}}, "tools"),
        ({"later": {"tasks": []}}, "tasks"),
        ({"retry_policy": DAGRetryPolicy(limit=1)}, "retry_policy of the DAG"),
    ],
)
def test_a_run_is_refused_by_the_name_of_its_feature(members: dict[str, Any], feature: str) -> None:
    dag = DAG(name="t", steps=(Step(name="a", run=_RUN),), **members)
    assert missing_of_run(dag) == feature + _ENDING
    with pytest.raises(UserError, match=feature):
        check_runnable(dag)


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"type": DAGType.CHAIN},
        {"artifacts": Artifacts(enabled=True)},
        {"mail_on": MailOn(failure=True)},
        {"container": Container(image="i")},
        {"later": {"llm": {}, "harness": {}, "otel": {}}},
        {"resources": Resources(cpu_millis=1)},
    ],
)
def test_what_changes_no_step_is_not_refused(members: dict[str, Any]) -> None:
    """Settings of steps that are refused by themselves, and limits that are best effort."""
    check_runnable(DAG(name="t", steps=(Step(name="a", run=_RUN),), **members))


# spec 13 section 1.1: known actions and the features around them
@pytest.mark.parametrize(
    ("members", "text"),
    [
        ({"type": "k8s", "action": "k8s.run"}, 'action "k8s.run"'),
        ({"type": "harness", "run": _RUN}, 'action "harness"'),
        (
            {"type": "dag_enqueue", "action": "dag.enqueue", "sub_dag": SubDAG("kid")},
            'action "dag.enqueue"',
        ),
    ],
)
def test_a_step_is_refused_by_its_action_or_feature(members: dict[str, Any], text: str) -> None:
    assert missing_of_step(Step(name="a", **members)) == text + _ENDING


@pytest.mark.parametrize(
    "members",
    [
        {"run": _RUN},
        {"run": _RUN, "mail_on_error": True},
        {"type": "docker", "run": _RUN, "container": Container(image="i")},
        {"run": _RUN, "repeat_policy": RepeatPolicy(mode="while")},
        {"run": _RUN, "approval": Approval()},
        {"action": "human.task"},
        {"run": ExecRun("true"), "action": "exec"},
        {"type": "noop", "action": "noop"},
        {"type": "router", "action": "router.route", "router": Router("x", ())},
        {"type": "dag", "action": "dag.run", "sub_dag": SubDAG("kid")},
        {"type": "foreach", "foreach": Foreach((), ())},
        {"type": "parallel", "sub_dag": SubDAG("kid"), "parallel": Parallel(("a",))},
    ],
)
def test_built_actions_are_not_refused(members: dict[str, Any]) -> None:
    """spec 13 section 2 and section 10."""
    assert missing_of_step(Step(name="a", **members)) == ""


def test_a_worker_keeps_no_artifacts() -> None:
    """spec 13, beginning: a worker sends none to the coordinator yet."""
    dag = DAG(name="t", artifacts=Artifacts(enabled=True))
    with pytest.raises(UserError, match="artifacts on a worker" + _ENDING):
        check_runnable(dag, on_worker=True)


def test_limits_and_traces_give_a_warning() -> None:
    """spec 10 section 11: limits are best effort."""
    dag = DAG(name="t", resources=Resources(memory_bytes=1), later={"otel": {"enabled": True}})
    first, second = unenforced(dag)
    assert first.startswith("resource limits requested but not enforced: ")
    assert second.endswith("otel" + _ENDING)
    assert unenforced(DAG(name="t")) == []


def _runner(folder: Path, **members: Any) -> Runner:
    first = Step(name="a", type="k8s", action="k8s.run", **members)
    dag = DAG(name="t", steps=(first, Step(name="b", run=_RUN, depends=("a",))))
    return runner_of(dag, folder)


async def test_an_action_that_is_not_built_fails_its_step_without_a_retry(tmp_path: Path) -> None:
    """spec 13, beginning: known, fails at run time, exit code 1."""
    runner = _runner(tmp_path, retry_policy=RetryPolicy(limit=3, interval_s=600))
    result = await run_to_end(runner)
    node, after = runner.record.nodes
    assert node.error == 'action "k8s.run"' + _ENDING
    assert (node.status, node.retry_count) == (NodeStatus.FAILED, 0)
    assert after.status is NodeStatus.ABORTED
    assert result.exit_code == 1
    assert result.error == node.error


async def test_its_exit_code_is_1_for_continue_on(tmp_path: Path) -> None:
    """spec 13 section 1.4: one code for both purposes."""
    runner = _runner(tmp_path, continue_on=ContinueOn(exit_codes=(1,)))
    await run_to_end(runner)
    assert runner.record.nodes[1].status is NodeStatus.SUCCEEDED


async def test_a_handler_is_refused_alike(tmp_path: Path) -> None:
    """spec 13, beginning, in a handler."""
    dag = DAG(name="t", steps=(Step(name="a", run=_RUN),))
    handler = Step(name="onExit", type="harness", action="harness.run")
    dag = dataclasses.replace(dag, handlers=dataclasses.replace(dag.handlers, exit=handler))
    runner = runner_of(dag, tmp_path)
    await run_to_end(runner)
    assert runner.record.handlers["onExit"].error == 'action "harness.run"' + _ENDING
