"""Whole attempts with real processes: stopping, logs, background children, clean-up."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from edge.config.log import get_logger
from edge.core.clock import SystemClock
from edge.core.errors import UserError
from edge.core.status import RunStatus
from edge.engine.attempt import AttemptResult
from edge.engine.processes import Spawner
from edge.engine.runner import Runner
from tests.engine.helpers import RecordingReporter, make_dag, make_runner, make_spec, read
from tests.processes import is_alive, live_members, open_files, wait_group_ended

#: only a limit: shorter than the sleeps of steps that are stopped, else without meaning
_LIMIT_S = 30.0


async def _finish(runner: Runner) -> AttemptResult:
    with trio.fail_after(_LIMIT_S):
        return await runner.run()


async def _until(condition: Callable[[], bool]) -> None:
    with trio.fail_after(_LIMIT_S):
        while not condition():  # noqa: ASYNC110  another process changes it
            await trio.sleep(0.01)


# -- the ordinary way


async def test_an_attempt_reports_opening_progress_logs_and_end_in_order(tmp_path: Path) -> None:
    reporter = RecordingReporter()
    runner = make_runner("steps: [{id: a, run: echo hi}]", tmp_path, reporter=reporter)
    result = await _finish(runner)
    assert result == AttemptResult(RunStatus.SUCCEEDED)
    assert reporter.order == ["opened", "0 running", "0 succeeded", "finished"]
    assert reporter.opened_as["status"] == int(RunStatus.RUNNING)
    assert reporter.opened_as["workingDir"] == str(tmp_path / "work")
    assert reporter.final["status"] == int(RunStatus.SUCCEEDED)
    assert [(key, stream, size) for key, stream, _, size in reporter.grown if key == "0"] == [
        ("0", "stdout", 3)
    ]
    assert reporter.closed[0] == ("0", "stdout", 3)
    assert reporter.closed[-1][:2] == ("scheduler", "scheduler")


async def test_an_empty_stream_has_no_file(tmp_path: Path) -> None:
    runner = make_runner("steps: [{id: a, run: echo hi}]", tmp_path)
    await _finish(runner)
    node = runner.record.nodes[0]
    assert read(node.stdout) == "hi\n"
    assert node.stderr.endswith(".err")
    assert list((tmp_path / "log" / "steps").iterdir()) == [Path(node.stdout)]


@pytest.mark.parametrize(
    "step",
    [
        "run: 'test -f $DAG_RUN_STEP_STDOUT_FILE && test -f ${DAG_RUN_STEP_STDERR_FILE}'",
        "action: exec, with: {command: test, args: [-f, '${context.paths.step_stdout_file}']}",
        "run: 'test -f ${context.paths.step_stdout_file} && test -f ${paths.step_stderr_file}'",
    ],
)
async def test_stream_files_exist_for_a_step_that_names_them(step: str, tmp_path: Path) -> None:
    runner = make_runner(f"steps: [{{id: a, {step}}}]", tmp_path)
    assert (await _finish(runner)).status is RunStatus.SUCCEEDED


async def test_log_names_carry_step_time_and_run(tmp_path: Path) -> None:
    text = 'steps: [{id: a, name: "My step!", run: echo hi}]'
    spec = make_spec(make_dag(text), tmp_path, run_id="0123456789abc")
    runner = Runner(
        spec,
        reporter=RecordingReporter(),
        spawner=Spawner(None),
        clock=SystemClock(),
        log=get_logger(),
    )
    await _finish(runner)
    name = Path(runner.record.nodes[0].stdout).name
    stem, day, clock, ms, run_id, suffix = name.split(".")
    assert (stem, run_id, suffix) == ("My_step_", "01234567", "out")
    assert (len(day), len(clock), len(ms)) == (8, 6, 3)


async def test_the_scheduler_log_has_one_json_object_a_line(tmp_path: Path) -> None:
    runner = make_runner("params: P=1\nsteps: [{id: a, run: exit 3}]", tmp_path)
    await _finish(runner)
    lines = [json.loads(line) for line in read(runner.record.log).splitlines()]
    assert [line["msg"] for line in lines] == [
        "DAG run started",
        "Step started",
        "DAG run finished",
    ]
    assert lines[0]["params"] == ["P=1"]
    assert {"dag": "t", "run-id": "run-t", "worker-id": "local"}.items() <= lines[1].items()
    assert lines[1]["step"] == "a"
    assert lines[2]["status"] == "failed"


async def test_steps_run_in_the_private_work_directory(tmp_path: Path) -> None:
    runner = make_runner("steps: [{id: a, run: pwd; echo $PWD}]", tmp_path)
    await _finish(runner)
    work = str(tmp_path / "work")
    assert read(runner.record.nodes[0].stdout) == f"{work}\n{work}\n"


async def test_a_missing_working_dir_is_made_after_the_preconditions(tmp_path: Path) -> None:
    text = f"""
    working_dir: {tmp_path}/root
    steps:
      - {{id: a, working_dir: sub/deep, run: pwd}}
      - {{id: b, working_dir: other, run: pwd, preconditions: 'true'}}
    """
    runner = make_runner(text, tmp_path)
    await _finish(runner)
    assert read(runner.record.nodes[0].stdout) == f"{tmp_path}/root/sub/deep\n"
    # A command check in a directory that does not exist yet counts as not met.
    assert runner.record.nodes[1].status.word == "skipped"
    assert not (tmp_path / "root" / "other").exists()


async def test_a_working_dir_that_cannot_be_made_fails_the_step(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    runner = make_runner(f"steps: [{{id: a, working_dir: {tmp_path}/file, run: pwd}}]", tmp_path)
    result = await _finish(runner)
    assert result.status is RunStatus.FAILED
    assert runner.record.nodes[0].error.startswith("failed to set up step: ")


async def test_output_goes_to_the_named_files_too(tmp_path: Path) -> None:
    text = """
    steps:
      - {id: a, run: echo out; echo err >&2, stdout: "o-${run.id}.txt", stderr: e.txt}
      - {id: b, run: echo more, stdout: o-run-t.txt, depends: a}
    """
    (tmp_path / "work").mkdir()
    runner = make_runner(text, tmp_path)
    assert (await _finish(runner)).status is RunStatus.SUCCEEDED
    assert (tmp_path / "work" / "o-run-t.txt").read_text() == "out\nmore\n"
    assert (tmp_path / "work" / "e.txt").read_text() == "err\n"
    assert read(runner.record.nodes[0].stdout) == "out\n"


async def test_an_output_file_without_its_directory_fails_the_step_unstarted(
    tmp_path: Path,
) -> None:
    runner = make_runner("steps: [{id: a, run: touch ran, stdout: no/such/f}]", tmp_path)
    await _finish(runner)
    node = runner.record.nodes[0]
    assert node.error.startswith("failed to setup outputs: open ")
    assert not (tmp_path / "work" / "ran").exists()


async def test_the_output_file_is_fresh_private_and_removed(tmp_path: Path) -> None:
    text = """
    steps:
      - id: a
        run: 'stat -c "%a %s" "$DAGU_OUTPUT_FILE"; echo x > "$DAGU_OUTPUT_FILE"; exit 1'
        retry_policy: {limit: 1, interval_sec: 0}
    """
    runner = make_runner(text, tmp_path)
    await _finish(runner)
    assert read(runner.record.nodes[0].stdout) == "600 0\n600 0\n"
    assert not list((tmp_path / "log" / "steps").glob("*.output"))


async def test_only_the_end_of_stderr_stands_in_the_error(tmp_path: Path) -> None:
    text = """
    log_output: merged
    steps:
      - {id: a, run: "echo out; head -c 3000 /dev/zero | tr '\\\\0' x >&2; echo >&2; exit 4"}
    """
    runner = make_runner(text, tmp_path)
    await _finish(runner)
    node = runner.record.nodes[0]
    assert node.error == "exit status 4\nrecent stderr (tail):\n" + "x" * 1023 + "\n"
    assert node.stdout == node.stderr


async def test_the_tail_belongs_to_the_last_execution(tmp_path: Path) -> None:
    text = """
    steps:
      - id: a
        run: 'test -f again || { touch again; echo first >&2; exit 1; }; exit 2'
        retry_policy: {limit: 1, interval_sec: 0}
    """
    runner = make_runner(text, tmp_path)
    await _finish(runner)
    assert runner.record.nodes[0].error == "exit status 2"
    assert read(runner.record.nodes[0].stderr) == "first\n"


async def test_a_script_file_is_gone_afterwards_and_named_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "scripts"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    text = """
    steps:
      - id: good
        run: |
          test -f "$0"
          ls -l "$0" | cut -c1-10
      - id: bad
        run: |
          nosuchcommand
    """
    runner = make_runner(text, tmp_path)
    await _finish(runner)
    good, bad = runner.record.nodes
    assert read(good.stdout) == "-rwx------\n"
    assert bad.error == "exit status 127\nrecent stderr (tail):\n1: nosuchcommand: not found\n"
    assert list(folder.iterdir()) == []


# -- background children


async def test_a_background_child_that_keeps_the_pipe_holds_the_step(tmp_path: Path) -> None:
    runner = make_runner("steps: [{id: a, run: '(sleep 0.3; echo late) & echo early'}]", tmp_path)
    started = time.monotonic()
    await _finish(runner)
    assert time.monotonic() - started >= 0.3
    assert read(runner.record.nodes[0].stdout) == "early\nlate\n"


async def test_a_background_child_without_our_pipes_is_left_alone(tmp_path: Path) -> None:
    text = """
    steps:
      - {id: a, run: 'sleep 60 >/dev/null 2>&1 & echo $!'}
      - {id: b, run: sleep 60, depends: a}
    """
    runner = make_runner(text, tmp_path)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_finish, runner)
        await _until(lambda: runner.record.nodes[1].pgid is not None)
        left = int(read(runner.record.nodes[0].stdout))
        try:
            runner.request_stop(signal.SIGTERM, allow_override=True)
            await _until(lambda: runner.record.status.is_final)
            assert is_alive(left)
        finally:
            os.kill(left, signal.SIGKILL)


# -- stopping


async def test_a_step_that_ignores_the_signal_is_killed_after_the_clean_up_time(
    tmp_path: Path,
) -> None:
    text = """
    max_clean_up_time_sec: 1
    steps: [{id: a, run: 'trap "" TERM; echo up; sleep 60 & wait; sleep 60'}]
    """
    runner = make_runner(text, tmp_path)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_finish, runner)
        await _until(lambda: read(runner.record.nodes[0].stdout) == "up\n")
        started = time.monotonic()
        runner.request_stop(signal.SIGTERM, allow_override=True)
    assert 0.9 <= time.monotonic() - started < _LIMIT_S
    assert runner.record.status is RunStatus.ABORTED
    assert runner.record.nodes[0].error == "signal: killed"


async def test_a_pipe_held_outside_of_the_group_does_not_hold_a_stop(tmp_path: Path) -> None:
    text = """
    max_clean_up_time_sec: 1
    steps: [{id: a, run: 'setsid sh -c "echo \\$\\$; exec sleep 60" & sleep 60'}]
    """
    runner = make_runner(text, tmp_path)
    started = time.monotonic()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_finish, runner)
        await _until(lambda: read(runner.record.nodes[0].stdout) != "")
        runner.request_stop(signal.SIGTERM, allow_override=True)
    left = int(read(runner.record.nodes[0].stdout))
    try:
        assert time.monotonic() - started < _LIMIT_S
        assert runner.record.nodes[0].error == "signal: terminated"
        assert is_alive(left)
    finally:
        os.kill(left, signal.SIGKILL)


async def test_a_stop_between_the_commands_of_a_list_starts_no_further_one(tmp_path: Path) -> None:
    text = """
    steps: [{id: a, run: ["trap 'exit 0' TERM; echo up; sleep 60 & wait", touch second]}]
    """
    runner = make_runner(text, tmp_path)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_finish, runner)
        await _until(lambda: read(runner.record.nodes[0].stdout) == "up\n")
        runner.request_stop(signal.SIGTERM, allow_override=True)
    assert runner.record.nodes[0].status.word == "aborted"
    assert not (tmp_path / "work" / "second").exists()


async def test_a_kill_ends_steps_and_handlers_at_once(tmp_path: Path) -> None:
    text = """
    handler_on: {abort: {run: touch handler}}
    steps: [{id: a, run: 'trap "" TERM; echo up; sleep 60 & wait; sleep 60'}]
    """
    runner = make_runner(text, tmp_path)
    results: list[AttemptResult] = []

    async def run() -> None:
        results.append(await _finish(runner))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        await _until(lambda: read(runner.record.nodes[0].stdout) == "up\n")
        runner.request_stop(signal.SIGTERM, allow_override=False)
        runner.request_kill()
    assert results[0].status is RunStatus.ABORTED
    assert results[0].exit_code == 1
    assert not (tmp_path / "work" / "handler").exists()


async def test_a_precondition_that_hangs_is_killed_after_the_clean_up_time(tmp_path: Path) -> None:
    text = """
    max_clean_up_time_sec: 1
    preconditions: sleep 60
    steps: [{id: a, run: x}]
    """
    runner = make_runner(text, tmp_path)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_finish, runner)
        await trio.sleep(0.1)
        runner.request_stop(signal.SIGTERM, allow_override=True)
    assert runner.record.status is RunStatus.ABORTED
    assert runner.record.nodes[0].status.word == "not_started"


async def test_a_stop_reason_shows_only_on_an_aborted_run(tmp_path: Path) -> None:
    text = "steps: [{id: a, run: 'echo up; sleep 60'}]"
    runner = make_runner(text, tmp_path)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_finish, runner)
        await _until(lambda: read(runner.record.nodes[0].stdout) == "up\n")
        runner.request_stop(signal.SIGTERM, allow_override=True, reason="service stopped")
    assert runner.record.error == "service stopped"
    again = make_runner("handler_on: {success: {run: sleep 0.2}}", tmp_path)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_finish, again)
        await _until(lambda: again.record.handlers["onSuccess"].pgid is not None)
        again.request_stop(signal.SIGTERM, allow_override=True, reason="service stopped")
    assert (again.record.status, again.record.error) == (RunStatus.SUCCEEDED, "")


async def test_a_stop_that_comes_before_the_run_has_begun_is_not_lost(tmp_path: Path) -> None:
    runner = make_runner("steps: [{id: a, run: sleep 60}]", tmp_path)
    runner.request_stop(signal.SIGTERM, allow_override=True)
    result = await _finish(runner)
    assert result == AttemptResult(RunStatus.ABORTED)


async def test_a_step_precondition_error_waits_for_what_runs_and_fails_the_run(
    tmp_path: Path,
) -> None:
    """Recorded as `pre-step-err2`, where edge differs: failed, with the failure handler."""
    text = """
    handler_on: {failure: {run: echo f}, abort: {run: echo a}}
    steps:
      - id: a
        run: |
          trap "echo got term; exit 1" TERM
          while [ ! -e GO ]; do sleep 0.05; done
          echo end
      - {id: b, run: echo b, preconditions: [{eval: "`exit 5`", expected: b}]}
      - {id: c, run: echo c, depends: b}
      - {id: d, run: echo d, depends: a}
    """.replace("GO", str(tmp_path / "go"))
    runner = make_runner(text, tmp_path)
    results: list[AttemptResult] = []

    async def run() -> None:
        results.append(await _finish(runner))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        await _until(lambda: runner.record.nodes[1].status.word == "failed")
        (tmp_path / "go").touch()
    (result,) = results
    error = (
        'failed to evaluate the value: Error=phase substitute: failed to execute command "exit 5":'
        " exit status 5\nstderr="
    )
    assert result == AttemptResult(RunStatus.FAILED, error)
    nodes = runner.record.nodes
    assert [node.status.word for node in nodes] == [
        "aborted", "failed", "not_started", "not_started",
    ]  # fmt: skip
    assert read(nodes[0].stdout) == "end\n"
    assert nodes[1].error == error
    assert runner.record.handlers["onFailure"].status.word == "succeeded"
    assert runner.record.handlers["onAbort"].status.word == "not_started"


async def test_cancelling_kills_every_process(tmp_path: Path) -> None:
    text = """
    steps:
      - {id: a, run: sleep 60}
      - {id: b, run: 'sleep 60 & sleep 60'}
      - {id: c, run: 'sleep 60 &'}
    """
    runner = make_runner(text, tmp_path)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_finish, runner)
        await _until(lambda: all(node.pgid for node in runner.record.nodes))
        groups = [node.pgid or 0 for node in runner.record.nodes]
        await _until(lambda: not is_alive(groups[2]))  # the shell of c, not its background child
        assert live_members(groups[2])
        nursery.cancel_scope.cancel()
    for group in groups:
        await wait_group_ended(group)


# -- bad input and bad surroundings


async def test_a_missing_shell_fails_the_step_with_its_name(tmp_path: Path) -> None:
    runner = make_runner("shell: nosuchshell\nsteps: [{id: a, run: x}]", tmp_path)
    result = await _finish(runner)
    assert result.error == 'exec: "nosuchshell": executable file not found in $PATH'


async def test_directories_that_cannot_be_made_fail_the_run_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a file where a directory should be")
    reporter = RecordingReporter()
    runner = make_runner("steps: [{id: a, run: x}]", tmp_path, reporter=reporter)
    result = await _finish(runner)
    assert result.status is RunStatus.FAILED
    assert str(tmp_path / "log") in result.error
    assert reporter.final["error"] == result.error
    assert runner.record.nodes[0].status.word == "not_started"


def test_a_cycle_is_refused_before_anything_exists(tmp_path: Path) -> None:
    dag = make_dag("steps: [{id: a, run: x}, {id: b, run: x}]")
    steps = tuple(
        type(step)(name=step.name, run=step.run, depends=(other,))
        for step, other in zip(dag.steps, ("b", "a"), strict=True)
    )
    spec = make_spec(type(dag)(name="t", steps=steps), tmp_path)
    with pytest.raises(UserError, match="cyclic plan detected"):
        Runner(
            spec,
            reporter=RecordingReporter(),
            spawner=Spawner(None),
            clock=SystemClock(),
            log=get_logger(),
        )
    assert list(tmp_path.iterdir()) == []


async def test_a_fault_of_ours_fails_the_node_and_not_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_: object) -> None:
        raise RuntimeError("oops")

    monkeypatch.setattr("edge.actions.shell.run_shell", broken)
    runner = make_runner("steps: [{id: a, run: x, continue_on: failed}, {id: b, run: x}]", tmp_path)
    result = await _finish(runner)
    assert result.error == "internal error: RuntimeError: oops"
    assert runner.record.nodes[0].status.word == "failed"


async def test_no_descriptor_is_left_after_a_run(tmp_path: Path) -> None:
    text = """
    preconditions: 'true'
    steps:
      - {id: a, run: "echo x; echo y >&2", stdout: f}
      - {id: b, run: exit 1, preconditions: [{eval: "`echo 1`", expected: "1"}]}
      - {id: c, run: sleep 60, timeout_sec: 1}
    """
    spawner = Spawner(None)
    spec = make_spec(make_dag(text), tmp_path)
    before = open_files()
    runner = Runner(
        spec, reporter=RecordingReporter(), spawner=spawner, clock=SystemClock(), log=get_logger()
    )
    await _finish(runner)
    assert open_files().items() <= before.items()
    spawner.close()
