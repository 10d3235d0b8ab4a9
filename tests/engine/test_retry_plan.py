"""What a retry runs again and what it keeps (spec 12 section 15)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from edge.core.errors import UserError
from edge.core.record import RunRecord
from edge.core.status import NodeStatus, RunStatus
from edge.engine import events as ev
from edge.engine.attempt import new_record
from edge.engine.machine import RunMachine
from edge.engine.plan import build_plan
from edge.engine.retry_plan import Resumption, check_retry, plan_full, plan_step
from edge.workflow.model import DAG
from tests.engine.helpers import make_dag, make_spec

#: a -> b -> c, d alone, s beside b before e
TEXT = """
steps:
  - {id: a, run: x}
  - {id: b, run: x, depends: a}
  - {id: c, run: x, depends: b}
  - {id: d, run: x}
  - {id: s, run: x}
  - {id: e, run: x, depends: [b, s]}
"""
_LETTERS = {
    "n": NodeStatus.NOT_STARTED,
    "f": NodeStatus.FAILED,
    "a": NodeStatus.ABORTED,
    "k": NodeStatus.SUCCEEDED,
    "s": NodeStatus.SKIPPED,
    "p": NodeStatus.PARTIALLY_SUCCEEDED,
    "r": NodeStatus.REJECTED,
    "t": NodeStatus.RETRYING,
    "w": NodeStatus.WAITING,
}


def _before(dag: DAG, letters: str, status: RunStatus = RunStatus.FAILED) -> RunRecord:
    record = new_record(make_spec(dag, Path("/nowhere")))
    record.status = status
    for node, letter in zip(record.nodes, letters, strict=True):
        node.status = _LETTERS[letter]
        node.started_ms = None if letter == "n" else 7
        node.retry_count = node.done_count = 2
        node.stdout = f"/old/{node.name}"
    return record


def _letters(resumed: Resumption) -> str:
    """Return the statuses; capital = kept."""
    names = {status: letter for letter, status in _LETTERS.items()}
    return "".join(
        names[node.status].upper() if at in resumed.kept else names[node.status]
        for at, node in enumerate(resumed.nodes)
    )


# spec 12 section 15: the plan of `retry`
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("kfakks", "KnnKKn"),
        ("kkkkkk", "KKKKKK"),
        ("faakka", "nnnKKn"),
        ("kaankn", "KnnnKn"),
        ("krakka", "KnnKKn"),
        ("ktnkkn", "KnnKKn"),
        ("kpkksk", "KPKKSK"),
        ("nnnnnn", "nnnnnn"),
        # a step behind a tolerated failure runs again, too
        ("fkkkkk", "nnnKKn"),
        ("kwnfkn", "KWnnKn"),
    ],
)
def test_a_full_retry(before: str, after: str) -> None:
    dag = make_dag(TEXT)
    resumed = plan_full(dag, build_plan(dag), _before(dag, before))
    assert _letters(resumed) == after
    for at, node in enumerate(resumed.nodes):
        if at in resumed.kept or before[at] in "fart":
            counts = (2, 2) if at in resumed.kept else (0, 0)
            assert (node.retry_count, node.done_count) == counts


# spec 12 section 15: the plans of `retry --step` and `--downstream`
@pytest.mark.parametrize(
    ("step", "downstream", "before", "after"),
    [
        ("b", False, "kfafks", "KnAFKS"),
        ("b", True, "kfafsa", "KnnFSn"),
        ("d", False, "kkkkkk", "KKKnKK"),
        ("d", True, "nnnfnn", "NNNnNN"),
        ("a", True, "kkkkkk", "nnnKKn"),
    ],
)
def test_a_retry_of_a_step(step: str, downstream: bool, before: str, after: str) -> None:
    dag = make_dag(TEXT)
    resumed = plan_step(dag, build_plan(dag), _before(dag, before), step, downstream=downstream)
    assert _letters(resumed) == after
    index = [item.name for item in dag.steps].index(step)
    assert (resumed.nodes[index].retry_count, resumed.nodes[index].done_count) == (2, 0)
    assert resumed.nodes[index].stdout == ""


def test_a_skipped_side_dependency_is_passed_by() -> None:
    """spec 12 section 15: `skippedByRetry`, for dependents of the step only."""
    dag = make_dag(TEXT)
    before = _before(dag, "kfaksa")
    resumed = plan_step(dag, build_plan(dag), before, "b", downstream=True)
    marked = [node.name for node in resumed.nodes if node.is_skipped_by_retry]
    assert marked == ["s"]
    assert not any(node.is_skipped_by_retry for node in before.nodes), "the old record is changed"
    assert resumed.nodes[4].to_json()["skippedByRetry"] is True


# spec 30 section 1.8: edge refuses both before anything changes
@pytest.mark.parametrize(
    ("step", "before", "text"),
    [
        ("nope", "kkkkkk", 'step "nope" not found in DAG-run run-t'),
        ("b", "faaaaa", 'cannot retry step "b": its dependency "a" has not succeeded'),
        ("b", "nnnnnn", 'cannot retry step "b": its dependency "a" has not succeeded'),
        ("e", "kkkksk", 'cannot retry step "e": its dependency "s" has not succeeded'),
    ],
)
def test_a_step_that_cannot_be_retried(step: str, before: str, text: str) -> None:
    """spec 12 section 15."""
    dag = make_dag(TEXT)
    with pytest.raises(UserError) as caught:
        plan_step(dag, build_plan(dag), _before(dag, before), step, downstream=False)
    assert str(caught.value) == text


# spec 12 section 4: the gate, from a stored record
@pytest.mark.parametrize(
    ("rule", "status", "variables"),
    [
        ("continue_on: failed", "f", {}),
        ("continue_on: {exit_code: [3]}", "f", {"DAGU_CONTINUE_ON.a": "DAGU_CONTINUE_ON.a=true"}),
        ("continue_on: skipped", "s", {}),
    ],
)
def test_a_stored_verdict_lets_a_step_be_retried(
    rule: str, status: str, variables: Mapping[str, str]
) -> None:
    """spec 12 section 7: the exit code is not in the record, its verdict is."""
    dag = make_dag(f"steps: [{{id: a, run: x, {rule}}}, {{id: b, run: x, depends: a}}]")
    before = _before(dag, status + "f")
    before.nodes[0].output_variables = dict(variables)
    resumed = plan_step(dag, build_plan(dag), before, "b", downstream=False)
    assert _letters(resumed) == status.upper() + "n"
    machine, _ = _machine(dag, resumed)
    said = machine.handle(ev.Began(), _NOW)
    assert ev.StartStep("1") in said


_TASK = "steps: [{id: h, action: human.task, with: {prompt: hi}}, {id: b, run: x, depends: h}]"


@pytest.mark.parametrize(
    ("step", "text"),
    [
        ("h", 'human task step "h" cannot be retried directly'),
        (
            "",
            "DAG-run t:run-t is waiting on a human-task checkpoint; complete or resume it instead",
        ),
    ],
)
def test_a_human_task_is_not_retried(step: str, text: str) -> None:
    """spec 12 section 14, last rule, and spec 12 section 15, texts."""
    dag = make_dag(_TASK)
    with pytest.raises(UserError) as caught:
        check_retry(dag, _before(dag, "wn", RunStatus.WAITING), step)
    assert str(caught.value) == text


# -- the machine on a resumed record

_NOW = ev.Moment(1_000, 1.0)


def _machine(dag: DAG, resumed: Resumption) -> tuple[RunMachine, RunRecord]:
    record = new_record(make_spec(dag, Path("/nowhere")))
    record.nodes = list(resumed.nodes)
    return RunMachine(dag, build_plan(dag), record, resumed), record


def _run(dag: DAG, resumed: Resumption, codes: Mapping[str, int]) -> tuple[list[str], ev.Finish]:
    """Run a resumed attempt to its end; return the steps that ran, and the end."""
    machine, _ = _machine(dag, resumed)
    inbox: list[ev.Event] = [ev.Began()]
    ran, finish = [], None
    while inbox:
        for effect in machine.handle(inbox.pop(0), _NOW):
            match effect:
                case ev.StartStep(key=key) | ev.StartHandler(key=key):
                    inbox.append(ev.NodePrepared(key=key))
                case ev.ExecuteNode(key=key):
                    name = dag.steps[int(key)].name if key.isdigit() else key
                    code = codes.get(name, 0)
                    ran.append(name)
                    inbox.append(ev.NodeExited(key, code, f"exit status {code}" if code else ""))
                case ev.Finish():
                    finish = effect
    assert finish is not None
    return ran, finish


# spec 12 section 8: status and exit code of a retry
@pytest.mark.parametrize(
    ("step", "before", "codes", "ran", "status", "error"),
    [
        ("", "kfakks", {}, "b c e", "succeeded", ""),
        ("", "kfakks", {"b": 3}, "b", "failed", "exit status 3"),
        ("", "kkkkkk", {}, "", "succeeded", ""),
        ("", "nnnnnn", {}, "a d s b c e", "succeeded", ""),
        ("d", "faakka", {}, "d", "failed", ""),
        ("d", "faakka", {"d": 1}, "d", "failed", "exit status 1"),
        ("d", "kkkfkk", {}, "d", "succeeded", ""),
        ("d", "kkkfkn", {}, "d", "failed", ""),
    ],
)
def test_the_end_of_a_retry(
    step: str, before: str, codes: Mapping[str, int], ran: str, status: str, error: str
) -> None:
    """spec 12 section 15: kept nodes are not run, older failures keep the status."""
    dag = make_dag(TEXT)
    plan, old = build_plan(dag), _before(dag, before)
    if step:
        resumed = plan_step(dag, plan, old, step, downstream=False)
    else:
        resumed = plan_full(dag, plan, old)
    names, finish = _run(dag, resumed, codes)
    assert " ".join(names) == ran
    assert (finish.status.word, finish.error) == (status, error)


def test_handlers_run_in_every_attempt() -> None:
    """spec 12 section 9: also when nothing is left to do."""
    dag = make_dag("handler_on: {init: {run: x}, success: {run: x}, exit: {run: x}}\n" + TEXT)
    resumed = plan_full(dag, build_plan(dag), _before(dag, "kkkkkk"))
    names, finish = _run(dag, resumed, {})
    assert names == ["onInit", "onSuccess", "onExit"]
    assert finish.status is RunStatus.SUCCEEDED
