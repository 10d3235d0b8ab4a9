"""Steps that wait for people (spec 12 section 14): the machine and the runner."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.engine import events as ev
from tests.engine.helpers import make_runner, read, run_to_end
from tests.engine.machines import Driver

GATE = "{id: a, run: x, approval: {prompt: ok}}"
TASK = "{id: h, action: human.task, with: {prompt: 'ok?'}}"
WAIT = "handler_on: {wait: {run: x}, success: {run: x}, failure: {run: x}, exit: {run: x}}\n"


def test_a_step_that_succeeded_waits_and_other_branches_go_on() -> None:
    """spec 12 section 14: the run parks as waiting; only the wait handler runs (section 9)."""
    run = Driver(WAIT + f"steps: [{GATE}, {{id: b, run: x, depends: a}}, {{id: c, run: x}}]")
    run.begin()
    assert run.exit("a") == []
    assert run.words() == {"a": "waiting", "b": "not_started", "c": "running"}
    assert (run.node("a").done_count, run.node("a").finished_ms is None) == (1, False)
    assert run.exit("c") == ["handler onWait waiting", "execute onWait"]
    handler = next(effect for effect in run.effects if isinstance(effect, ev.StartHandler))
    assert handler.waiting == ("a",)
    assert run.exit("onWait") == ["finish waiting"]
    assert run.exit_code == 0


def test_an_open_task_has_no_end() -> None:
    """spec 12 section 14: startedAt, doneCount + 1, waiting."""
    run = Driver(f"steps: [{TASK}, {{id: b, run: x, depends: h}}]")
    run.begin()
    assert run.exit("h") == ["finish waiting"]
    node = run.node("h")
    assert (node.started_ms is None, node.finished_ms, node.done_count) == (False, None, 1)


# spec 12 section 8: derived status and exit code of a run with a waiting step
@pytest.mark.parametrize(
    ("code", "rule", "status", "exit_code"),
    [(0, "", "waiting", 0), (1, "", "waiting", 1), (1, ", continue_on: failed", "waiting", 1)],
)
def test_a_waiting_run_exits_1_when_a_step_has_failed(
    code: int, rule: str, status: str, exit_code: int
) -> None:
    run = Driver(f"steps: [{GATE}, {{id: b, run: x{rule}}}]")
    run.begin()
    run.exit("a")
    assert run.exit("b", code) == [f"finish {status}"]
    assert run.exit_code == exit_code


def test_a_failing_wait_handler_is_only_logged() -> None:
    """spec 12 section 9."""
    run = Driver(WAIT + f"steps: [{GATE}]")
    run.begin()
    run.exit("a")
    assert run.exit("onWait", 1) == ["finish waiting"]
    assert run.exit_code == 0


def test_a_failed_step_needs_no_approval() -> None:
    """spec 12 section 14: after the step succeeds."""
    run = Driver(f"steps: [{GATE}]")
    run.begin()
    assert run.exit("a", 1) == ["finish failed"]


def test_a_stop_lets_nobody_be_asked() -> None:
    """spec 12 section 8: canceled with a node that has not succeeded is aborted."""
    run = Driver(f"steps: [{GATE}]")
    run.begin()
    run.stop(allow_override=False)
    assert run.exit("a") == ["finish aborted"]
    assert run.words() == {"a": "aborted"}


async def test_a_task_resolves_its_prompt_and_opens_no_log(tmp_path: Path) -> None:
    """spec 12 section 14: no process; the prompt is fixed, the form literal."""
    runner = make_runner(
        "params: [{V: pump}]\n"
        "handler_on: {wait: {run: 'echo $DAG_RUN_STATUS $DAG_WAITING_STEPS'}}\n"
        "steps:\n  - {id: h, action: human.task, with: {prompt: 'stop ${params.V}?', form: {type:"
        " object, title: '${params.V}', properties: {n: {type: integer}}}}}\n"
        "  - {id: g, run: 'true', approval: {prompt: ok}}\n",
        tmp_path,
    )
    result = await run_to_end(runner)
    record = runner.record
    assert (result.status.word, result.exit_code, record.status.word) == ("waiting", 0, "waiting")
    assert record.finished_ms is not None
    task = record.nodes[0].step["humanTask"]
    assert isinstance(task, dict)
    assert task["prompt"] == "stop pump?"
    assert isinstance(task["form"], dict)
    assert task["form"]["title"] == "${params.V}"
    assert (record.nodes[0].stdout, record.nodes[0].status.word) == ("", "waiting")
    assert read(record.handlers["onWait"].stdout) == "waiting h,g\n"


async def test_a_task_may_be_skipped_by_its_precondition(tmp_path: Path) -> None:
    """spec 12 section 14: opening begins with the preconditions."""
    runner = make_runner(
        "steps: [{id: h, action: human.task, preconditions: 'false', with: {prompt: hi}}]", tmp_path
    )
    result = await run_to_end(runner)
    assert (result.status.word, runner.record.nodes[0].status.word) == ("succeeded", "skipped")
