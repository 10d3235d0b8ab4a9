"""The run machine, rule by rule (spec 12 sections 4 to 10)."""

from __future__ import annotations

import signal

import pytest

from edge.core.subruns import SubRun
from edge.engine import events as ev
from edge.engine.events import Verdict
from tests.engine.machines import Driver

TWO = "steps: [{id: a, run: x}, {id: b, run: x, depends: a}]"
HANDLERS = """
handler_on: {init: {run: x}, success: {run: x}, failure: {run: x}, abort: {run: x}, exit: {run: x}}
"""


# -- order


def test_steps_of_a_graph_start_together_and_dependents_after_them() -> None:
    run = Driver("steps: [{id: a, run: x}, {id: b, run: x}, {id: c, run: x, depends: [a, b]}]")
    assert run.begin() == ["start a", "start b", "execute a", "execute b"]
    assert run.exit("a") == []
    assert run.exit("b") == ["start c", "execute c"]
    assert run.exit("c") == ["finish succeeded"]
    assert run.exit_code == 0
    assert [node.done_count for node in run.record.nodes] == [1, 1, 1]


def test_a_dag_without_steps_succeeds_at_once() -> None:
    run = Driver("name: t")
    assert run.begin() == ["finish succeeded"]


def test_max_active_steps_bounds_what_runs_retry_waits_included() -> None:
    run = Driver(
        "max_active_steps: 1\nsteps: [{id: a, run: x, retry_policy: {limit: 1, interval_sec: 9}},"
        " {id: b, run: x}]"
    )
    assert run.begin() == ["start a", "execute a"]
    assert run.exit("a", 1) == []
    assert run.wait("retry:0") == ["execute a"]
    assert run.exit("a") == ["start b", "execute b"]


def test_delay_follows_each_started_step_the_last_one_included() -> None:
    run = Driver("delay_sec: 1\nsteps: [{id: a, run: x}, {id: b, run: x}]")
    assert run.begin() == ["start a", "execute a"]
    assert run.exit("a") == []
    assert run.wait("delay") == ["start b", "execute b"]
    assert run.exit("b") == []
    assert run.wait("delay") == ["finish succeeded"]
    assert run.now_s == 2


def test_a_stop_does_not_sit_out_the_delay() -> None:
    run = Driver("delay_sec: 60\nsteps: [{id: a, run: x}, {id: b, run: x}]")
    run.begin()
    run.exit("a")
    assert run.stop() == ["finish aborted"]
    assert run.timers == {}


# -- the gate


@pytest.mark.parametrize(
    ("rule", "code", "word", "error"),
    [
        ("", 1, "aborted", "upstream failed"),
        ("continue_on: failed,", 1, "succeeded", ""),
        ("continue_on: {exit_code: [2, 3]},", 3, "succeeded", ""),
        ("continue_on: {exit_code: [2, 3]},", 4, "aborted", "upstream failed"),
        ("continue_on: {failed: true, mark_success: true},", 1, "succeeded", ""),
        ("continue_on: {mark_success: true},", 1, "aborted", "upstream failed"),
        ("continue_on: skipped,", 1, "aborted", "upstream failed"),
    ],
)
def test_gate_behind_a_failure(rule: str, code: int, word: str, error: str) -> None:
    run = Driver(f"steps: [{{id: a, run: x, {rule}}}, {{id: b, run: x, depends: a}}]")
    run.begin()
    if "execute b" in run.exit("a", code):
        run.exit("b")
    assert run.node("b").status.word == word
    assert run.node("b").error == error
    assert run.finish is not None


def test_skips_and_aborts_spread_and_keep_their_times_empty() -> None:
    run = Driver(
        "steps: [{id: s, run: x, preconditions: 'no'}, {id: t, run: x, depends: s},"
        " {id: u, run: x, depends: t}, {id: f, run: x}, {id: g, run: x, depends: f},"
        " {id: h, run: x, depends: g}]"
    )
    run.begin()
    run.check("s", Verdict.NOT_MET, ["condition was not met: exit status 1"])
    run.exit("f", 1)
    assert run.words() == {
        "s": "skipped", "t": "skipped", "u": "skipped", "f": "failed", "g": "aborted",
        "h": "aborted",
    }  # fmt: skip
    assert run.node("t").error == run.node("u").error == "upstream skipped"
    # An aborted dependency gives no reason.
    assert (run.node("g").error, run.node("h").error) == ("upstream failed", "")
    assert run.node("s").started_ms is not None
    assert run.node("t").started_ms is None
    assert run.node("t").finished_ms is None


def test_the_first_dependency_that_does_not_pass_decides() -> None:
    run = Driver(
        "steps: [{id: a, run: x}, {id: s, run: x, preconditions: 'no'},"
        " {id: p, run: x, depends: [a, s]}, {id: q, run: x, depends: [s, a]}]"
    )
    run.begin()
    run.check("s", Verdict.NOT_MET, ["no"])
    assert run.node("q").error == "upstream skipped"
    assert run.node("p").status.word == "not_started"
    run.exit("a", 2)
    assert run.node("p").error == "upstream failed"


def test_continue_on_skipped_lets_dependents_run() -> None:
    run = Driver(
        "steps: [{id: a, run: x, preconditions: 'no', continue_on: skipped},"
        " {id: b, run: x, depends: a}]"
    )
    run.begin()
    assert run.check("a", Verdict.NOT_MET, ["no"]) == ["start b", "execute b"]


# -- failures and continue_on


@pytest.mark.parametrize(
    ("rule", "code", "matched", "kept"),
    [
        ("", 1, False, "false"),
        ("continue_on: failed,", 1, False, None),
        ("continue_on: {exit_code: 3},", 3, False, "true"),
        ("continue_on: {output: x},", 3, True, "true"),
        ("continue_on: {output: x},", 3, False, "false"),
        ("continue_on: {mark_success: true},", 3, False, "false"),
    ],
)
def test_the_verdict_of_continue_on_is_kept(
    rule: str, code: int, matched: bool, kept: str | None
) -> None:
    run = Driver(f"steps: [{{id: a, run: x, {rule}}}]")
    run.begin()
    run.tell(ev.NodeExited("0", code, f"exit status {code}", matched))
    key = "DAGU_CONTINUE_ON.a"
    wanted = {} if kept is None else {key: f"{key}={kept}"}
    assert run.node("a").output_variables == wanted


def test_mark_success_keeps_the_error_text_but_no_run_error() -> None:
    run = Driver("steps: [{id: a, run: x, continue_on: {failed: true, mark_success: true}}]")
    run.begin()
    assert run.exit("a", 1) == ["finish succeeded"]
    assert run.node("a").error == "exit status 1"
    assert run.exit_code == 0


@pytest.mark.parametrize(
    ("text", "codes", "status", "exit_code"),
    [
        (
            "{id: a, run: x, continue_on: failed}, {id: b, run: x}",
            {"a": 1},
            "partially_succeeded",
            1,
        ),
        ("{id: a, run: x, continue_on: failed}", {"a": 1}, "failed", 1),
        ("{id: a, run: x, continue_on: failed}, {id: b, run: x}", {"a": 1, "b": 1}, "failed", 1),
        ("{id: a, run: x}, {id: b, run: x}", {"a": 1}, "failed", 1),
        ("{id: a, run: x}, {id: b, run: x}", {}, "succeeded", 0),
    ],
)
def test_final_status(text: str, codes: dict[str, int], status: str, exit_code: int) -> None:
    run = Driver(f"steps: [{text}]")
    run.begin()
    for step in run.dag.steps:
        run.exit(step.name, codes.get(step.name, 0))
    assert run.record.status.word == status
    assert run.exit_code == exit_code


def test_a_set_up_error_fails_the_node_without_an_execution() -> None:
    run = Driver(TWO)
    run.machine.handle(ev.Began(), ev.Moment(0, 0))
    run.tell(ev.NodeRefused(key="0", error="failed to setup retry policy: x", stdout="o"))
    node = run.node("a")
    assert (node.status.word, node.done_count, node.output_variables) == ("failed", 0, {})
    assert run.node("b").error == "upstream failed"
    assert run.finish == ev.Finish(run.record.status, "failed to setup retry policy: x")


# -- retries


def test_retries_wait_with_backoff_and_cap() -> None:
    numbers = ev.RetryNumbers(4, 1, 2.0, 3)
    run = Driver("steps: [{id: a, run: x}]", retry=lambda key: numbers)
    run.begin()
    waits = []
    for _ in range(4):
        run.exit("a", 1)
        waits.append(run.timers["retry:0"] - run.now_s)
        assert run.node("a").error == "exit status 1"
        assert run.wait("retry:0") == ["execute a"]
        assert run.node("a").error == ""
        assert run.node("a").retried_ms is not None
    assert waits == [1, 2, 3, 3]
    assert run.exit("a", 1) == ["finish failed"]
    assert (run.node("a").retry_count, run.node("a").done_count) == (4, 1)


@pytest.mark.parametrize(
    ("numbers", "code", "error", "retried"),
    [
        (ev.RetryNumbers(1, 0), 1, "e", True),
        (ev.RetryNumbers(0, 0), 1, "e", False),
        (ev.RetryNumbers(-1, 0), 1, "e", False),
        (ev.RetryNumbers(1, 0, exit_codes=(7,)), 7, "e", True),
        (ev.RetryNumbers(1, 0, exit_codes=(7,)), 8, "e", False),
        (ev.RetryNumbers(1, 0, exit_codes=(-1,)), -1, "signal: killed", True),
        (ev.RetryNumbers(1, 0, exit_codes=(0,)), 0, "", False),
    ],
)
def test_what_is_retried(numbers: ev.RetryNumbers, code: int, error: str, retried: bool) -> None:
    run = Driver("steps: [{id: a, run: x}]", retry=lambda key: numbers)
    run.begin()
    assert ("execute a" in run.exit("a", code, error)) is retried
    assert run.node("a").retry_count == int(retried)


@pytest.mark.parametrize("policy", [ev.RetryNumbers(2, 9)])
def test_a_stop_ends_the_wait_before_a_retry(policy: ev.RetryNumbers) -> None:
    run = Driver("steps: [{id: a, run: x}]", retry=lambda key: policy)
    run.begin()
    run.exit("a", 1)
    assert run.stop() == ["finish aborted"]
    node = run.node("a")
    assert (node.status.word, node.retry_count, node.error) == ("aborted", 1, "exit status 1")
    assert run.exit_code == 0


def test_the_deadline_ends_the_wait_before_a_retry() -> None:
    run = Driver(
        "timeout_sec: 2\nsteps: [{id: a, run: x}]", retry=lambda key: ev.RetryNumbers(5, 5)
    )
    run.begin()
    run.exit("a", 1)
    assert run.wait("dag") == ["finish failed"]
    node = run.node("a")
    assert (node.status.word, node.retry_count) == ("aborted", 1)
    assert node.error == "context deadline exceeded"
    assert run.exit_code == 1


# -- preconditions


def test_dag_preconditions_come_before_init_and_stop_all_when_not_met() -> None:
    run = Driver("preconditions: [x, y]\nsteps: [{id: a, run: x}]" + HANDLERS)
    assert run.begin() == ["check dag"]
    said = run.check("dag", Verdict.NOT_MET, ["condition was not met: exit status 1", ""])
    assert said == ["handler onAbort aborted", "execute onAbort"]
    assert run.exit("onAbort") == ["handler onExit aborted", "execute onExit"]
    assert run.exit("onExit") == ["finish aborted"]
    assert run.exit_code == 0
    assert run.words() == {"a": "not_started"}
    assert [entry.get("error") for entry in run.record.preconditions] == [
        "condition was not met: exit status 1",
        "other condition was not met",
    ]
    notes = [effect.message for effect in run.effects if isinstance(effect, ev.Note)]
    assert notes == ["Preconditions are not met"]


def test_a_dag_precondition_that_cannot_be_evaluated_fails_the_run() -> None:
    run = Driver("preconditions: x\nsteps: [{id: a, run: x}]" + HANDLERS)
    run.begin()
    said = run.check("dag", Verdict.ERROR, ["failed to evaluate the value: x"])
    assert said == ["handler onFailure failed", "execute onFailure"]
    run.exit("onFailure")
    run.exit("onExit")
    assert run.record.status.word == "failed"
    assert run.exit_code == 1


def test_a_step_precondition_that_cannot_be_evaluated_starts_nothing_more() -> None:
    run = Driver(
        "steps: [{id: a, run: x}, {id: b, run: x, preconditions: p}, {id: c, run: x, depends: b},"
        " {id: d, run: x, depends: a}, {id: r, run: x}]" + HANDLERS,
        retry=lambda key: ev.RetryNumbers(1, 9) if key == "4" else None,
    )
    run.begin()
    run.exit("onInit")
    run.exit("r", 1)
    assert run.check("b", Verdict.ERROR, ["failed to evaluate the value: x"]) == []
    # What runs is not signalled; it ends by itself, as aborted.
    assert run.exit("a") == ["handler onFailure failed", "execute onFailure"]
    run.exit("onFailure")
    assert run.exit("onExit") == ["finish failed"]
    assert run.words() == {
        "a": "aborted", "b": "failed", "c": "not_started", "d": "not_started", "r": "aborted",
    }  # fmt: skip
    assert run.exit_code == 1


# -- timeouts


def test_a_step_timeout_kills_and_counts_as_124() -> None:
    run = Driver(
        "steps: [{id: a, run: x, timeout_sec: 5, continue_on: {exit_code: 124}},"
        " {id: b, run: x, depends: a}]",
        retry=lambda key: ev.RetryNumbers(3, 0),
    )
    run.begin()
    run.now_s = 0.2
    assert run.wait("step:0") == ["kill a"]
    assert "execute b" in run.exit("a", -1, "signal: killed")
    node = run.node("a")
    assert node.error == "step timed out after 5s (timeout: 5s): context deadline exceeded"
    assert (node.status.word, node.retry_count, node.done_count) == ("failed", 0, 1)
    assert node.output_variables == {"DAGU_CONTINUE_ON.a": "DAGU_CONTINUE_ON.a=true"}
    assert run.exit("b") == ["finish partially_succeeded"]


def test_the_dag_deadline_kills_what_runs_and_aborts_what_would_follow() -> None:
    run = Driver(
        "timeout_sec: 3\nsteps: [{id: a, run: x}, {id: t, run: x, timeout_sec: 5},"
        " {id: b, run: x, depends: a}, {id: c, run: x, depends: q}, {id: q, run: x}]" + HANDLERS
    )
    run.begin()
    run.exit("onInit")
    run.exit("q")
    run.exit("c", 0)
    assert run.wait("dag") == ["kill a", "kill t"]
    run.exit("a", -1, "signal: killed")
    assert run.exit("t", -1, "signal: killed") == ["handler onFailure failed", "execute onFailure"]
    assert run.node("a").error == "context deadline exceeded"
    assert run.node("t").error == "step timed out after 3s (timeout: 5s): context deadline exceeded"
    assert run.words() == {
        "a": "aborted", "t": "failed", "b": "aborted", "c": "succeeded", "q": "succeeded",
    }  # fmt: skip
    assert (run.node("a").done_count, run.node("t").done_count) == (0, 1)
    assert run.node("b").error == ""
    run.exit("onFailure")
    run.exit("onExit")
    assert run.record.status.word == "failed"
    assert run.exit_code == 1


def test_the_deadline_covers_a_queue_of_ready_steps() -> None:
    run = Driver("timeout_sec: 3\nmax_active_steps: 1\nsteps: [{id: a, run: x}, {id: b, run: x}]")
    run.begin()
    run.wait("dag")
    assert run.exit("a", -1, "signal: killed") == ["finish failed"]
    assert run.words() == {"a": "aborted", "b": "aborted"}
    assert run.node("b").started_ms is None


def test_the_deadline_in_init_aborts_the_run() -> None:
    run = Driver("timeout_sec: 1\nsteps: [{id: a, run: x}]" + HANDLERS)
    run.begin()
    assert run.wait("dag") == ["kill onInit"]
    said = run.exit("onInit", -1, "signal: killed")
    assert said == ["handler onAbort aborted", "execute onAbort"]
    assert run.node("onInit").error == "context deadline exceeded"
    run.exit("onAbort")
    assert run.exit("onExit") == ["finish aborted"]
    assert run.exit_code == 1


def test_handlers_run_without_the_deadline() -> None:
    run = Driver("timeout_sec: 1\nsteps: [{id: a, run: x}]\nhandler_on: {exit: {run: x}}")
    run.begin()
    run.exit("a")
    assert "dag" not in run.timers


# -- handlers


@pytest.mark.parametrize(
    ("code", "handler", "status"),
    [(0, "onSuccess", "succeeded"), (1, "onFailure", "failed")],
)
def test_handlers_run_one_after_another(code: int, handler: str, status: str) -> None:
    run = Driver("steps: [{id: a, run: x}]" + HANDLERS)
    assert run.begin() == ["handler onInit running", "execute onInit"]
    assert run.exit("onInit") == ["start a", "execute a"]
    assert run.exit("a", code) == [f"handler {handler} {status}", f"execute {handler}"]
    assert run.exit(handler) == [f"handler onExit {status}", "execute onExit"]
    assert run.exit("onExit") == [f"finish {status}"]
    assert run.node(handler).done_count == 0


def test_a_failing_init_aborts_the_run() -> None:
    run = Driver("steps: [{id: a, run: x}]" + HANDLERS)
    run.begin()
    assert run.exit("onInit", 4) == ["handler onAbort aborted", "execute onAbort"]
    run.exit("onAbort")
    run.exit("onExit")
    assert (run.record.status.word, run.exit_code) == ("aborted", 1)
    assert run.words() == {"a": "not_started"}


def test_a_failing_handler_turns_success_into_failure() -> None:
    run = Driver("steps: [{id: a, run: x}]" + HANDLERS)
    run.begin()
    run.exit("onInit")
    run.exit("a")
    assert run.exit("onSuccess", 4) == ["handler onExit failed", "execute onExit"]
    assert run.exit("onExit") == ["finish failed"]
    assert run.finish is not None
    assert run.finish.error == "exit status 4"


def test_a_skipped_handler_changes_nothing() -> None:
    run = Driver("steps: [{id: a, run: x}]\nhandler_on: {exit: {run: x, preconditions: p}}")
    run.begin()
    assert run.exit("a") == ["handler onExit succeeded", "check onExit"]
    assert run.check("onExit", Verdict.NOT_MET, ["no"]) == ["finish succeeded"]
    assert run.node("onExit").status.word == "skipped"


# -- stopping


def test_a_stop_signals_what_runs_and_starts_nothing_more() -> None:
    run = Driver(
        "steps: [{id: a, run: x, signal_on_stop: SIGINT}, {id: b, run: x},"
        " {id: c, run: x, depends: a}]" + HANDLERS
    )
    run.begin()
    run.exit("onInit")
    assert run.stop(15) == ["signal a 2", "signal b 15"]
    assert run.words() == {"a": "aborted", "b": "aborted", "c": "not_started"}
    assert run.exit("a", 0) == []
    said = run.exit("b", -1, "signal: terminated")
    assert said == ["handler onAbort aborted", "execute onAbort"]
    assert run.node("b").error == "signal: terminated"
    run.exit("onAbort")
    run.exit("onExit")
    assert (run.record.status.word, run.exit_code) == ("aborted", 0)
    assert [node.done_count for node in run.record.nodes] == [0, 0, 0]


def test_a_plain_signal_ignores_signal_on_stop() -> None:
    run = Driver("steps: [{id: a, run: x, signal_on_stop: SIGINT}]")
    run.begin()
    assert run.stop(15, allow_override=False) == ["signal a 15"]


def test_a_stop_is_resent_and_ends_in_sigkill() -> None:
    run = Driver("max_clean_up_time_sec: 12\nsteps: [{id: a, run: x, signal_on_stop: SIGINT}]")
    run.begin()
    assert run.stop(15) == ["signal a 2"]
    assert run.stop(15) == []
    assert run.wait("resend") == ["signal a 15"]
    assert run.wait("resend") == ["signal a 15"]
    assert run.now_s == 10
    assert run.wait("kill") == ["kill a"]
    assert run.now_s == 12
    assert run.exit("a", -1, "signal: killed") == ["finish aborted"]
    assert run.timers == {}


@pytest.mark.parametrize(
    ("code", "word", "status"), [(0, "succeeded", "succeeded"), (1, "aborted", "aborted")]
)
def test_a_harmless_signal_does_not_abort_by_itself(code: int, word: str, status: str) -> None:
    run = Driver("steps: [{id: a, run: x, signal_on_stop: SIGWINCH}]")
    run.begin()
    assert run.stop() == [f"signal a {int(signal.SIGWINCH)}"]
    assert run.exit("a", code) == [f"finish {status}"]
    assert run.node("a").status.word == word


def test_a_step_that_checks_its_precondition_ends_aborted_after_the_check() -> None:
    run = Driver("steps: [{id: a, run: x, preconditions: p}]")
    run.begin()
    assert run.stop() == []
    assert run.check("a", Verdict.MET) == ["finish aborted"]
    assert run.words() == {"a": "aborted"}


def test_a_stop_before_the_first_step_aborts() -> None:
    run = Driver("preconditions: p\nsteps: [{id: a, run: x}]" + HANDLERS)
    run.begin()
    assert run.stop() == []
    assert run.check("dag", Verdict.MET) == ["handler onAbort aborted", "execute onAbort"]


def test_a_stop_does_not_signal_handlers() -> None:
    run = Driver("steps: [{id: a, run: x}]" + HANDLERS)
    run.begin()
    assert run.stop() == []
    assert run.exit("onInit") == ["handler onAbort aborted", "execute onAbort"]
    run.exit("onAbort")
    assert run.exit("onExit") == ["finish aborted"]


def test_a_stop_in_a_last_handler_leaves_a_success_alone() -> None:
    run = Driver("steps: [{id: a, run: x}]\nhandler_on: {success: {run: x}, exit: {run: x}}")
    run.begin()
    run.exit("a")
    assert run.stop() == []
    assert run.exit("onSuccess") == ["handler onExit succeeded", "execute onExit"]
    assert run.exit("onExit") == ["finish succeeded"]


def test_an_earlier_failure_makes_the_exit_code_of_a_stopped_run_1() -> None:
    run = Driver("steps: [{id: a, run: x}, {id: b, run: x}]")
    run.begin()
    run.exit("a", 3)
    run.stop()
    assert run.exit("b", -1, "signal: terminated") == ["finish aborted"]
    assert run.exit_code == 1


def test_a_second_signal_kills_and_runs_no_handler() -> None:
    run = Driver("steps: [{id: a, run: x}, {id: b, run: x}]" + HANDLERS)
    run.begin()
    run.exit("onInit")
    run.exit("b")
    run.stop()
    assert "kill a" in run.tell(ev.KillRequested())
    assert run.exit("a", -1, "signal: killed") == ["finish aborted"]
    assert run.exit_code == 1


def test_a_kill_ends_a_handler_too() -> None:
    run = Driver("steps: [{id: a, run: x}]" + HANDLERS)
    run.begin()
    run.exit("onInit")
    run.exit("a")
    assert run.tell(ev.KillRequested()) == ["kill onSuccess"]
    assert run.exit("onSuccess", -1, "signal: killed") == ["finish aborted"]
    assert run.exit_code == 1


# -- late and unknown events


def test_events_that_come_too_late_are_ignored() -> None:
    run = Driver("steps: [{id: a, run: x}]")
    run.begin()
    run.exit("a")
    assert run.finish is not None
    late: list[ev.Event] = [
        ev.NodeExited("0", 1, "x"),
        ev.TimerFired("dag"),
        ev.StopRequested(15, True),
        ev.KillRequested(),
        ev.ConditionsChecked("0", Verdict.ERROR, ("x",)),
    ]
    for event in late:
        assert run.tell(event) == []
    assert run.record.status.word == "succeeded"


def test_a_spawned_process_is_recorded_until_it_ends() -> None:
    run = Driver("steps: [{id: a, run: x}]")
    run.begin()
    run.tell(ev.NodeSpawned("0", 4711))
    assert run.node("a").pgid == 4711
    run.exit("a")
    assert run.node("a").pgid is None


# -- child runs

_CHILD = "steps: [{id: a, action: dag.run, with: {dag: kid}}, {id: b, run: x}]"


def test_a_stop_gives_child_runs_half_a_minute() -> None:
    """spec 12 section 10: waiting up to 30 s; other steps have `max_clean_up_time_sec`."""
    run = Driver(_CHILD)
    run.begin()
    run.tell(ev.StopRequested(signal.SIGTERM, True))
    assert run.timers["kill"] == 5
    assert run.wait("kill") == ["kill b"]
    assert run.timers["kill-children"] == 30
    assert run.exit("b", -1) == []
    assert run.wait("kill-children") == ["kill a"]
    assert run.exit("a", 1) == ["finish aborted"]


def test_a_longer_grace_of_the_run_counts_for_its_children() -> None:
    """spec 12 section 10: both are killed when the longer one has passed."""
    run = Driver("max_clean_up_time_sec: 60\n" + _CHILD)
    run.begin()
    run.tell(ev.StopRequested(signal.SIGTERM, True))
    assert run.wait("kill") == ["kill a", "kill b"]


def test_a_partial_success_of_a_child_keeps_its_error_and_fails_nothing() -> None:
    """spec 12 section 12: node status; spec 12 section 8: exit 0."""
    run = Driver("steps: [{id: a, action: dag.run, with: {dag: kid}}, {id: b, run: x, depends: a}]")
    run.begin()
    partial = ev.NodeExited("0", 0, "exit status 4", is_partial=True)
    assert run.tell(partial) == ["start b", "execute b"]
    assert run.exit("b") == ["finish partially_succeeded"]
    assert run.exit_code == 0
    node = run.record.nodes[0]
    assert (node.status.word, node.error) == ("partially_succeeded", "exit status 4")


def test_children_are_noted_while_a_node_executes() -> None:
    """spec 12 section 12: `children` is written before the child starts."""
    run = Driver(_CHILD)
    run.begin()
    child = SubRun(run_id="c1", name="kid")
    run.tell(ev.ChildrenNoted("0", (child,)))
    assert run.record.nodes[0].children == (child,)
    run.exit("0")
    run.tell(ev.ChildrenNoted("0", ()))
    assert run.record.nodes[0].children == (child,)
