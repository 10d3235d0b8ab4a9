"""Random DAGs, outcomes, stops and timeouts: what must hold whatever happens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.record import RunRecord
from edge.core.status import NodeStatus, RunStatus
from edge.engine import events as ev
from edge.engine.attempt import new_record
from edge.engine.machine import RunMachine
from edge.engine.plan import build_plan
from edge.engine.run_state import Stage
from edge.workflow.model import (
    DAG,
    CommandRun,
    ContinueOn,
    Handlers,
    Precondition,
    RepeatPolicy,
    Step,
)
from tests.engine.helpers import make_spec

_RUN = CommandRun(("x",))
_FEW = ev.RepeatNumbers(is_while=True, limit=2)
_ASKED = ev.RepeatNumbers(is_while=False, limit=3, interval_s=1, has_condition=True)
_OKAY = {NodeStatus.SUCCEEDED, NodeStatus.SKIPPED, NodeStatus.PARTIALLY_SUCCEEDED}


@st.composite
def _steps(draw: st.DrawFn) -> tuple[Step, ...]:
    count = draw(st.integers(0, 7))
    steps = []
    for index in range(count):
        names = [f"s{other}" for other in range(index)]
        steps.append(
            Step(
                name=f"s{index}",
                run=_RUN,
                depends=tuple(draw(st.lists(st.sampled_from(names), unique=True))) if names else (),
                timeout_s=draw(st.sampled_from([0, 0, 3])),
                preconditions=(Precondition(condition="p"),) if draw(st.booleans()) else (),
                repeat_policy=RepeatPolicy(mode="while") if draw(st.booleans()) else None,
                signal_on_stop=draw(st.sampled_from(["", "", "SIGINT", "SIGWINCH"])),
                continue_on=ContinueOn(
                    failed=draw(st.booleans()),
                    skipped=draw(st.booleans()),
                    mark_success=draw(st.booleans()),
                    exit_codes=(3,) if draw(st.booleans()) else (),
                ),
            )
        )
    return tuple(steps)


@st.composite
def _dags(draw: st.DrawFn) -> DAG:
    handlers = {
        name: Step(name=key, run=_RUN)
        for name, key in (
            ("init", "onInit"), ("success", "onSuccess"), ("failure", "onFailure"),
            ("abort", "onAbort"), ("exit", "onExit"),
        )
        if draw(st.booleans())
    }  # fmt: skip
    return DAG(
        name="t",
        steps=draw(_steps()),
        handlers=Handlers(**handlers),
        preconditions=(Precondition(condition="p"),) if draw(st.booleans()) else (),
        timeout_s=draw(st.sampled_from([0, 0, 5])),
        delay_s=draw(st.sampled_from([0, 0, 1])),
        max_active_steps=draw(st.sampled_from([0, 1, 2])),
        max_clean_up_time_s=draw(st.sampled_from([0, 2, 7])),
    )


@dataclass
class _World:
    """What the runner would know, and the invariants checked at each event."""

    dag: DAG
    machine: RunMachine
    record: RunRecord
    now_s: float
    #: what can be told next: a key that is checked or executed -> which
    busy: dict[str, str]
    timers: dict[str, float]
    killed: set[str]
    executed: dict[str, int]
    final: dict[str, NodeStatus]
    done: ev.Finish | None = None
    is_stopped: bool = False
    repeat: ev.RepeatNumbers = _FEW

    def tell(self, event: ev.Event, retry: ev.RetryNumbers | None) -> None:
        inbox = [event]
        while inbox:
            now = ev.Moment(int(self.now_s * 1000), self.now_s)
            for effect in self.machine.handle(inbox.pop(0), now):
                self._carry_out(effect, inbox, retry)
            self._check_final()
        if self.is_stopped and self.machine.stage is Stage.STEPS:
            # The execution of a repeating step ends by itself (spec 12 section 10).
            left = {
                key
                for key, what in self.busy.items()
                if what != "execute" or not self._is_repeating(key)
            }
            assert "kill" in self.timers or self.killed >= left, "no end to a stop"
            for key in self.timers:
                assert not key.startswith(("retry:", "repeat:")), "a stop waits for another try"

    def _is_repeating(self, key: str) -> bool:
        return key.isdigit() and self.dag.steps[int(key)].repeat_policy is not None

    def _carry_out(
        self, effect: ev.Effect, inbox: list[ev.Event], retry: ev.RetryNumbers | None
    ) -> None:
        assert self.done is None, f"{effect} after the end"
        match effect:
            case ev.StartStep(key=key):
                self._check_gate(key)
                repeat = self.repeat if self._is_repeating(key) else None
                inbox.append(ev.NodePrepared(key=key, stdout="o", retry=retry, repeat=repeat))
            case ev.CheckRepeat(key=key):
                assert key not in self.busy
                self.busy[key] = "ask"
            case ev.StartHandler(key=key):
                assert not self.busy, "a handler beside something else"
                inbox.append(ev.NodePrepared(key=key))
            case ev.CheckPreconditions(key=key):
                assert key not in self.busy
                self.busy[key] = "check"
            case ev.ExecuteNode(key=key):
                assert key not in self.busy
                self.busy[key] = "execute"
                self.executed[key] = self.executed.get(key, 0) + 1
                limit = self.dag.max_active_steps
                assert not limit or len(self.busy) <= limit
            case ev.KillStep(key=key) | ev.StopStep(key=key):
                assert key in self.busy
                if isinstance(effect, ev.StopStep):
                    assert not self._is_repeating(key), "a repeating step is signalled"
                else:
                    self.killed.add(key)
            case ev.StartTimer(timer=timer, delay_s=delay_s):
                assert timer not in self.timers
                self.timers[timer] = self.now_s + delay_s
            case ev.CancelTimer(timer=timer):
                del self.timers[timer]
            case ev.Finish():
                self.done = effect

    def _check_gate(self, key: str) -> None:
        """No step starts before all that it depends on has ended and lets it pass."""
        by_name = {step.name: index for index, step in enumerate(self.dag.steps)}
        for name in self.dag.steps[int(key)].depends:
            other = self.dag.steps[by_name[name]]
            status = self.record.nodes[by_name[name]].status
            assert str(by_name[name]) not in self.busy
            assert status in _OKAY or status is NodeStatus.FAILED
            if status is NodeStatus.SKIPPED:
                assert other.continue_on.skipped
            if status is NodeStatus.FAILED:
                assert other.continue_on.failed or other.continue_on.exit_codes

    def _check_final(self) -> None:
        nodes = {str(index): node for index, node in enumerate(self.record.nodes)}
        for key, node in {**nodes, **self.record.handlers}.items():
            if key in self.final:
                assert node.status is self.final[key], "a final node has changed"
            elif node.status.is_done and key not in self.busy:
                self.final[key] = node.status


def _world(dag: DAG) -> _World:
    record = new_record(make_spec(dag, Path("/nowhere")))
    machine = RunMachine(dag, build_plan(dag), record)
    return _World(dag, machine, record, 0.0, {}, {}, set(), {}, {})


def _next_event(world: _World, draw: st.DrawFn) -> ev.Event:
    choices = [f"busy {key}" for key in world.busy] + [f"timer {timer}" for timer in world.timers]
    # Stops are rare, so that most runs come to their own end.
    luck = draw(st.integers(0, 40))
    picked = "kill" if luck == 40 else "stop" if luck > 37 else draw(st.sampled_from(choices))
    kind, _, key = picked.partition(" ")
    if kind == "stop":
        world.is_stopped = True
        return ev.StopRequested(15, draw(st.booleans()))
    if kind == "kill":
        return ev.KillRequested()
    if kind == "timer":
        world.now_s = max(world.now_s, world.timers.pop(key))
        return ev.TimerFired(key)
    what = world.busy.pop(key)
    if what == "ask":
        world.killed.discard(key)
        return ev.RepeatChecked(key, draw(st.booleans()), draw(st.sampled_from(["", "", "bad"])))
    if what == "check":
        verdict = draw(st.sampled_from([*[ev.Verdict.MET] * 3, *ev.Verdict]))
        return ev.ConditionsChecked(key, verdict, ("",) if verdict is ev.Verdict.MET else ("no",))
    if key in world.killed:
        world.killed.discard(key)
        return ev.NodeExited(key, -1, "signal: killed")
    code = draw(st.sampled_from([0, 0, 1, 3]))
    return ev.NodeExited(key, code, f"exit status {code}" if code else "")


@settings(max_examples=300)
@given(dag=_dags(), data=st.data())
def test_every_run_ends_as_its_nodes_say(dag: DAG, data: st.DataObject) -> None:
    world = _world(dag)
    retry = data.draw(st.sampled_from([None, ev.RetryNumbers(1, 0), ev.RetryNumbers(2, 4)]))
    world.repeat = data.draw(st.sampled_from([_FEW, _ASKED]))
    world.tell(ev.Began(), retry)
    for _ in range(400):
        if world.done is not None:
            break
        assert world.busy or world.timers, "nothing runs and nothing is waited for"
        world.tell(_next_event(world, data.draw), retry)
    assert world.done is not None, "the run does not end"
    assert not world.busy, "something still runs after the end"
    assert not world.timers, "a timer outlives the run"
    _check_end(world)


def _check_end(world: _World) -> None:
    record = world.record
    assert record.status is world.done.status if world.done else False
    assert record.status.is_final
    assert record.finished_ms is not None
    for index, node in enumerate(record.nodes):
        key = str(index)
        assert node.status not in (NodeStatus.RUNNING, NodeStatus.RETRYING, NodeStatus.WAITING)
        if node.started_ms is not None:
            assert node.finished_ms is not None, "a started step has no end"
        if key in world.executed:
            assert node.started_ms is not None
            assert node.status is not NodeStatus.NOT_STARTED
        assert node.retry_count <= 2
        assert node.done_count <= world.repeat.limit
        assert not node.is_repeated or node.done_count >= 1
    _check_status(record.status, [node.status for node in record.nodes], record.handlers)


def _check_status(
    status: RunStatus, nodes: list[NodeStatus], handlers: Mapping[str, object]
) -> None:
    if status is RunStatus.SUCCEEDED:
        assert set(nodes) <= _OKAY
    elif status is RunStatus.PARTIALLY_SUCCEEDED:
        assert NodeStatus.SUCCEEDED in nodes
        assert NodeStatus.FAILED in nodes
