"""Driving a run machine by hand: no processes, no clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from edge.core.record import NodeRecord
from edge.engine import events as ev
from edge.engine.attempt import new_record
from edge.engine.machine import RunMachine
from edge.engine.plan import build_plan
from edge.engine.repeating import repeat_numbers
from edge.workflow.values import Scope
from tests.engine.helpers import make_dag, make_spec

E = TypeVar("E")


class Driver:
    """A machine with a clock that the test moves; nodes are prepared at once."""

    def __init__(self, text: str, *, retry: Callable[[str], ev.RetryNumbers | None] | None = None):
        self.dag = make_dag(text)
        self.record = new_record(make_spec(self.dag, Path("/nowhere")))
        self.machine = RunMachine(self.dag, build_plan(self.dag), self.record)
        self.now_s = 0.0
        #: everything asked for since the last `take`
        self.effects: list[ev.Effect] = []
        self.finish: ev.Finish | None = None
        self.timers: dict[str, float] = {}
        self._retry = retry or self._own_retry

    def begin(self) -> list[str]:
        return self.tell(ev.Began())

    def tell(self, event: ev.Event) -> list[str]:
        """Hand over an event; return the effects as short texts, without records and notes."""
        inbox = [event]
        said: list[str] = []
        while inbox:
            moment = ev.Moment(1_000_000 + int(self.now_s * 1000), self.now_s)
            for effect in self.machine.handle(inbox.pop(0), moment):
                self.effects.append(effect)
                match effect:
                    case ev.StartStep(key=key):
                        said.append(f"start {self.name(key)}")
                        inbox.append(self._prepared(key))
                    case ev.StartHandler(key=key, run_status=word):
                        said.append(f"handler {key} {word}")
                        inbox.append(self._prepared(key))
                    case ev.ExecuteNode(key=key):
                        said.append(f"execute {self.name(key)}")
                    case ev.CheckRepeat(key=key):
                        said.append(f"ask {self.name(key)}")
                    case ev.CheckPreconditions(key=key):
                        said.append(f"check {self.name(key)}")
                    case ev.StopStep(key=key, signal=number):
                        said.append(f"signal {self.name(key)} {number}")
                    case ev.KillStep(key=key):
                        said.append(f"kill {self.name(key)}")
                    case ev.StartTimer(timer=timer, delay_s=delay_s):
                        self.timers[timer] = self.now_s + delay_s
                    case ev.CancelTimer(timer=timer):
                        del self.timers[timer]
                    case ev.Finish():
                        self.finish = effect
                        said.append(f"finish {effect.status.word}")
        return said

    def _prepared(self, key: str) -> ev.NodePrepared:
        return ev.NodePrepared(
            key=key,
            stdout="o",
            stderr="e",
            working_dir="/w",
            retry=self._retry(key),
            repeat=self._repeat(key),
        )

    def _repeat(self, key: str) -> ev.RepeatNumbers | None:
        policy = self.dag.steps[int(key)].repeat_policy if key.isdigit() else None
        scope = Scope(params={})
        return repeat_numbers(policy, scope)

    def _own_retry(self, key: str) -> ev.RetryNumbers | None:
        policy = self.dag.steps[int(key)].retry_policy if key.isdigit() else None
        if policy is None:
            return None
        return ev.RetryNumbers(
            int(policy.limit),
            int(policy.interval_s),
            policy.backoff,
            policy.max_interval_s,
            policy.exit_codes,
        )

    def name(self, key: str) -> str:
        if key == ev.DAG_KEY:
            return "dag"
        return self.dag.steps[int(key)].name if key.isdigit() else key

    def key(self, name: str) -> str:
        names = [step.name for step in self.dag.steps]
        return str(names.index(name)) if name in names else name

    def exit(self, name: str, code: int = 0, error: str | None = None) -> list[str]:
        text = (f"exit status {code}" if code else "") if error is None else error
        return self.tell(ev.NodeExited(self.key(name), code, text))

    def check(self, name: str, verdict: ev.Verdict, errors: Sequence[str] = ()) -> list[str]:
        key = ev.DAG_KEY if name == "dag" else self.key(name)
        return self.tell(ev.ConditionsChecked(key, verdict, tuple(errors)))

    def answer(self, name: str, is_met: bool, error: str = "") -> list[str]:
        return self.tell(ev.RepeatChecked(self.key(name), is_met, error))

    def wait(self, timer: str) -> list[str]:
        """Move the clock to the end of a timer and let it fire."""
        self.now_s = self.timers.pop(timer)
        return self.tell(ev.TimerFired(timer))

    def stop(self, number: int = 15, *, allow_override: bool = True) -> list[str]:
        return self.tell(ev.StopRequested(number, allow_override))

    def node(self, name: str) -> NodeRecord:
        key = self.key(name)
        return self.record.nodes[int(key)] if key.isdigit() else self.record.handlers[key]

    def words(self) -> dict[str, str]:
        return {node.name: node.status.word for node in self.record.nodes}

    @property
    def exit_code(self) -> int:
        assert self.finish is not None
        return 1 if self.finish.error else 0
