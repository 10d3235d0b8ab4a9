"""Repeating a step, rule by rule (spec 12 section 6 and spec 12 section 10)."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.engine import events as ev
from edge.engine.repeating import repeat_numbers
from edge.engine.rules import repeat_wait_s, wants_repeat
from edge.workflow.model import RepeatPolicy
from edge.workflow.values import Scope
from tests.engine.helpers import make_runner, read, run_to_end
from tests.engine.machines import Driver

#: what decides: mode, has a condition, list of codes, code of the last execution -> repeat?
MODES = (
    ("while", True, (), 0, None),
    ("while", True, (3,), 3, None),
    ("while", False, (3, 4), 4, True),
    ("while", False, (3, 4), 0, False),
    ("while", False, (), 0, True),
    ("while", False, (), 1, False),
    ("until", True, (), 1, None),
    ("until", False, (3,), 3, False),
    ("until", False, (3,), 0, True),
    ("until", False, (), 0, False),
    ("until", False, (), 1, True),
)


@pytest.mark.parametrize(("mode", "condition", "codes", "code", "wanted"), MODES)
def test_what_decides(
    mode: str, condition: bool, codes: tuple[int, ...], code: int, wanted: bool | None
) -> None:
    """spec 12 section 6: the table of modes."""
    numbers = ev.RepeatNumbers(is_while=mode == "while", has_condition=condition, exit_codes=codes)
    assert wants_repeat(numbers, code, 7) is wanted


@pytest.mark.parametrize(("limit", "done", "wanted"), [(0, 9, True), (3, 2, True), (3, 3, False)])
def test_the_limit_counts_executions(limit: int, done: int, wanted: bool) -> None:
    """spec 12 section 6: limit = total executions."""
    assert wants_repeat(ev.RepeatNumbers(is_while=True, limit=limit), 0, done) is wanted


@pytest.mark.parametrize(
    ("backoff", "cap", "waits"),
    [
        (0.0, 0, [2, 2, 2]),
        (2.0, 0, [4, 8, 16]),
        (2.0, 9, [4, 8, 9]),
        (0.0, 1, [2, 2, 2]),
    ],
)
def test_the_first_wait_has_exponent_one(backoff: float, cap: int, waits: list[int]) -> None:
    """spec 12 section 6: interval * backoff^doneCount, capped where it grows."""
    numbers = ev.RepeatNumbers(is_while=True, interval_s=2, backoff=backoff, max_interval_s=cap)
    assert [repeat_wait_s(numbers, done) for done in (1, 2, 3)] == waits
    assert repeat_wait_s(numbers, 10**6) <= 31_536_000


def test_numbers_may_be_references() -> None:
    """spec 12 section 4: repeat numbers are resolved when the node starts."""
    policy = RepeatPolicy(mode="until", interval_s="${I}", limit="${L}", max_interval_s="7")
    scope = Scope(params={}, host={"I": "5", "L": "3"})
    numbers = repeat_numbers(policy, scope)
    assert numbers == ev.RepeatNumbers(is_while=False, limit=3, interval_s=5, max_interval_s=7)
    with pytest.raises(ValueError, match='failed to substitute repeat limit "\\$\\{L\\}": failed'):
        repeat_numbers(policy, Scope(params={}, host={"I": "5", "L": "many"}))


TRUE = "steps: [{id: a, run: x, repeat_policy: {repeat: true, interval_sec: 4, limit: 2}}"


def test_a_repeat_waits_counts_and_is_marked() -> None:
    """spec 12 section 6: doneCount, `repeated`, the wait before each repeat."""
    run = Driver(TRUE + ", {id: b, run: x, depends: a}]")
    run.begin()
    assert run.exit("a") == []
    assert (run.node("a").done_count, run.node("a").is_repeated) == (1, False)
    assert run.node("a").status.word == "running"
    assert run.wait("repeat:0") == ["execute a"]
    assert run.now_s == 4
    assert run.node("a").is_repeated
    assert run.exit("a") == ["start b", "execute b"]
    assert run.node("a").done_count == 2
    assert run.node("a").to_json()["repeated"] is True
    assert run.exit("b") == ["finish succeeded"]


def test_retries_come_first_and_their_budget_is_per_node() -> None:
    """spec 12 section 6: order inside one iteration; retryCount is not reset by a repeat."""
    run = Driver(
        "steps: [{id: a, run: x, retry_policy: {limit: 1, interval_sec: 0},"
        " repeat_policy: {repeat: until, exit_code: [5], interval_sec: 0}}]"
    )
    run.begin()
    assert run.exit("a", 1) == ["execute a"]
    assert run.node("a").done_count == 0
    assert run.exit("a", 1) == []
    assert run.node("a").done_count == 1
    assert run.node("a").error == "exit status 1"
    assert run.wait("repeat:0") == ["execute a"]
    assert run.node("a").error == ""
    assert run.exit("a", 7) == []
    assert (run.node("a").retry_count, run.node("a").done_count) == (1, 2)
    run.wait("repeat:0")
    assert run.exit("a", 5) == ["finish failed"]
    assert run.node("a").error == "exit status 5"
    assert run.exit_code == 1


@pytest.mark.parametrize(
    ("repeat", "is_met", "again"),
    [
        ("while", True, True),
        ("while", False, False),
        ("until", True, False),
        ("until", False, True),
    ],
)
def test_a_condition_is_asked_after_each_execution(repeat: str, is_met: bool, again: bool) -> None:
    """spec 12 section 6: while repeats if met, until if not."""
    run = Driver(f"steps: [{{id: a, run: x, repeat_policy: {{repeat: {repeat}, condition: c}}}}]")
    run.begin()
    assert run.exit("a") == ["ask a"]
    assert run.answer("a", is_met) == ([] if again else ["finish succeeded"])
    assert ("repeat:0" in run.timers) is again


def test_a_condition_that_cannot_be_evaluated_fails_the_step() -> None:
    """spec 12 section 6: nobody knows whether it is enough."""
    run = Driver("steps: [{id: a, run: x, repeat_policy: {repeat: until, condition: c}}]")
    run.begin()
    run.exit("a")
    assert run.answer("a", False, "bad pattern") == ["finish failed"]
    assert run.node("a").error == "bad pattern"


@pytest.mark.parametrize("is_hopeless", [True, False])
def test_a_failure_is_repeated_unless_it_cannot_change(is_hopeless: bool) -> None:
    """spec 12 section 6: the repeat decision comes also after a failure."""
    run = Driver("steps: [{id: a, run: x, repeat_policy: {repeat: until, exit_code: [0]}}]")
    run.begin()
    said = run.tell(ev.NodeExited("0", 1, "no", is_hopeless=is_hopeless))
    assert said == (["finish failed"] if is_hopeless else [])


def test_a_timeout_is_not_repeated() -> None:
    """spec 12 section 4: on expiry the node is failed."""
    run = Driver(
        "steps: [{id: a, run: x, timeout_sec: 3, repeat_policy: {repeat: until, exit_code: [0]}}]"
    )
    run.begin()
    assert run.wait("step:0") == ["kill a"]
    assert run.exit("a", -1, "signal: killed") == ["finish failed"]


@pytest.mark.parametrize("code", [0, 1])
def test_a_stop_lets_the_current_execution_end(code: int) -> None:
    """spec 12 section 10: never signalled, counts as succeeded, no further repeat."""
    run = Driver(
        "handler_on: {success: {run: x}}\nsteps: [{id: a, run: x, repeat_policy:"
        " {repeat: until, exit_code: [9], interval_sec: 4}}]"
    )
    run.begin()
    assert run.stop() == []
    assert run.wait("resend") == []
    assert run.wait("kill") == []
    assert run.exit("a", code) == ["handler onSuccess succeeded", "execute onSuccess"]
    assert run.words() == {"a": "succeeded"}
    assert run.node("a").done_count == 1
    assert run.exit("onSuccess") == ["finish succeeded"]


def test_a_stop_ends_the_wait_before_a_repeat() -> None:
    """spec 12 section 6: the node ends succeeded, in edge at once."""
    run = Driver(TRUE + "]")
    run.begin()
    run.exit("a")
    assert run.stop() == ["finish succeeded"]
    assert not run.timers


def test_a_stop_waits_for_the_check_of_the_condition() -> None:
    """spec 12 section 10: the check is cut short after the clean-up time."""
    run = Driver("steps: [{id: a, run: x, repeat_policy: {repeat: until, condition: c}}]")
    run.begin()
    run.exit("a")
    assert run.stop() == []
    assert run.wait("kill") == ["kill a"]
    assert run.answer("a", False) == ["finish succeeded"]


def test_a_second_signal_kills_a_repeating_step() -> None:
    """spec 12 section 10: a second signal leaves nothing alive."""
    run = Driver(TRUE + "]")
    run.begin()
    run.stop()
    assert "kill a" in run.tell(ev.KillRequested())
    assert run.exit("a", -1, "signal: killed") == ["finish aborted"]


def test_the_deadline_ends_the_wait_before_a_repeat() -> None:
    """spec 12 section 4: expiry ends a wait at once."""
    run = Driver("timeout_sec: 2\n" + TRUE + "]")
    run.begin()
    run.exit("a")
    assert run.wait("dag") == ["finish failed"]
    assert run.words() == {"a": "aborted"}


def test_a_policy_of_a_handler_is_ignored() -> None:
    """spec 12 section 9: retry and repeat policies are accepted and ignored."""
    run = Driver(
        "handler_on: {exit: {run: x, repeat_policy: {repeat: true, limit: 3}}}\n"
        "steps: [{id: a, run: x}]"
    )
    run.begin()
    assert run.exit("a") == ["handler onExit succeeded", "execute onExit"]
    assert run.exit("onExit") == ["finish succeeded"]


async def test_the_condition_sees_the_new_output(tmp_path: Path) -> None:
    """spec 12 section 6: the condition sees the node's own fresh outputs."""
    runner = make_runner(
        "steps:\n  - id: a\n    run: 'echo x >> f; wc -l < f | tr -d \" \"'\n    output: N\n"
        "    repeat_policy: {condition: '${N}', expected: 're:^3$', interval_sec: 0}\n",
        tmp_path,
    )
    await run_to_end(runner)
    node = runner.record.nodes[0]
    assert (node.status.word, node.done_count, read(node.stdout)) == ("succeeded", 3, "1\n2\n3\n")


async def test_numbers_that_are_none_fail_the_step_before_it_runs(tmp_path: Path) -> None:
    """spec 12 section 6: as for the retry policy."""
    runner = make_runner(
        "steps: [{id: a, run: echo no, repeat_policy: {repeat: true, limit: '${NONE}'}}]", tmp_path
    )
    await run_to_end(runner)
    node = runner.record.nodes[0]
    assert node.status.word == "failed"
    assert node.error.startswith("failed to setup repeat policy: failed to substitute repeat limit")
