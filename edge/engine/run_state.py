"""What a run machine remembers, and how a node becomes final and wakes its dependents.

Spec 12 section 4. Pure.
"""

from __future__ import annotations

from collections import deque
from enum import IntEnum

from edge.core.record import RunRecord
from edge.core.status import NodeStatus, RunStatus
from edge.engine import events as ev
from edge.engine.plan import Plan
from edge.engine.retry_plan import Resumption
from edge.engine.rules import NodeState, Phase, tolerates
from edge.workflow.model import DAG

__all__ = ["RunState", "Stage"]


class Stage(IntEnum):
    """What the run is busy with."""

    NEW = 0
    CONDITIONS = 1
    INIT = 2
    STEPS = 3
    HANDLERS = 4
    DONE = 5


class RunState:
    """The memory of a run machine. Only its subclasses decide anything."""

    def __init__(
        self, dag: DAG, plan: Plan, record: RunRecord, resumed: Resumption | None = None
    ) -> None:
        """`resumed`: what the attempt before has left behind."""
        self.dag = dag
        self.record = record
        self.stage = Stage.NEW
        #: the last error that makes the exit code 1
        self.run_error = ""
        self._plan = plan
        self._steps = [
            NodeState(str(index), step, node)
            for index, (step, node) in enumerate(zip(plan.steps, record.nodes, strict=True))
        ]
        self._nodes = {node.key: node for node in self._steps}
        for key, step in dag.handlers.configured().items():
            self._nodes[key] = NodeState(key, step, record.handlers[key])
        self._ready: deque[NodeState] = deque()
        self._active: dict[str, NodeState] = {}
        self._handlers: deque[str] = deque()
        #: steps without a final status
        self._open = len(self._steps)
        #: status of the attempt before, where there is one
        self._before: RunStatus | None = None
        if resumed is not None:
            self._before = resumed.status
            for index in resumed.kept:
                self._keep(self._steps[index])
        self._delaying = False
        self._canceled = False
        self._stop_signal = 0
        #: a precondition could not be evaluated: nothing new starts, the run fails
        self._halted = False
        self._timed_out = False
        self._killed = False
        #: the run is aborted whatever its nodes say
        self._aborted = False
        #: the DAG's own preconditions ended in an error
        self._unchecked = False
        self._timers: set[str] = set()
        self._changed: dict[str, None] = {}
        self._effects: list[ev.Effect] = []

    def _keep(self, node: NodeState) -> None:
        """Leave a node of the attempt before as it is."""
        node.phase = Phase.ENDED
        node.passes = tolerates(node.step, node.record)
        self._open -= 1

    def has_ended(self, key: str) -> bool:
        """Tell whether a node is final and nothing of it runs any more."""
        return self._nodes[key].phase is Phase.ENDED

    def _take(self) -> list[ev.Effect]:
        effects, self._effects = self._effects, []
        if self._changed:
            effects.insert(0, ev.Record(tuple(self._changed)))
            self._changed.clear()
        return effects

    def _do(self, effect: ev.Effect) -> None:
        self._effects.append(effect)

    def _start_timer(self, timer: str, delay_s: float) -> None:
        self._timers.add(timer)
        self._do(ev.StartTimer(timer, delay_s))

    def _cancel_timer(self, timer: str) -> None:
        if timer in self._timers:
            self._timers.discard(timer)
            self._do(ev.CancelTimer(timer))

    def _end_delay(self) -> None:
        self._delaying = False
        self._cancel_timer("delay")

    def _activate(self, node: NodeState, now: ev.Moment) -> None:
        node.phase = Phase.PREPARING
        node.record.status = NodeStatus.RUNNING
        node.record.started_ms = now.wall_ms
        self._active[node.key] = node

    def _end(self, node: NodeState, status: NodeStatus, now: ev.Moment) -> None:
        """Make a node final and let its dependents know."""
        record = node.record
        is_open = status is NodeStatus.WAITING and node.is_human_task
        if node.phase.is_active and not is_open:
            record.finished_ms = now.wall_ms
        node.phase = Phase.ENDED
        record.status = status
        record.pgid = None
        self._active.pop(node.key, None)
        self._changed[node.key] = None
        if node.is_step:
            self._open -= 1
            if not self._canceled and not self._halted:
                self._wake_dependents(node, now)

    def _wake_dependents(self, node: NodeState, now: ev.Moment) -> None:
        """Open or close the gate of what waited for a node; iterative, for long chains."""
        ended = [node]
        while ended:
            for index in self._plan.dependents[int(ended.pop().key)]:
                waiting = self._steps[index]
                if waiting.phase is not Phase.IDLE:
                    continue
                if self._open_gate(waiting, index):
                    ended.append(waiting)

    def _open_gates(self, now: ev.Moment) -> None:
        """Look at the gate of every step once, at the beginning."""
        for index, node in enumerate(self._steps):
            if node.phase is Phase.IDLE and self._open_gate(node, index):
                self._wake_dependents(node, now)

    def _open_gate(self, node: NodeState, index: int) -> bool:
        """Queue a step that may start; return whether the gate has ended it instead."""
        verdict = self._gate(index)
        if verdict is None:
            return False
        if verdict is NodeStatus.NOT_STARTED:
            node.phase = Phase.QUEUED
            self._ready.append(node)
            return False
        node.phase = Phase.ENDED
        node.record.status = verdict
        self._open -= 1
        self._changed[node.key] = None
        return True

    def _gate(self, index: int) -> NodeStatus | None:
        """Return NOT_STARTED when a step may start, a final status, or None for not yet."""
        node = self._steps[index]
        depends = self._plan.depends[index]
        while node.next_depend < len(depends):
            other = self._steps[depends[node.next_depend]]
            match other.record.status if other.phase is Phase.ENDED else NodeStatus.RUNNING:
                case NodeStatus.SUCCEEDED | NodeStatus.PARTIALLY_SUCCEEDED:
                    pass
                case NodeStatus.FAILED:
                    if not other.passes:
                        node.record.error = "upstream failed"
                        return NodeStatus.ABORTED
                case NodeStatus.SKIPPED:
                    if not (other.step.continue_on.skipped or other.record.is_skipped_by_retry):
                        node.record.error = "upstream skipped"
                        return NodeStatus.SKIPPED
                case NodeStatus.ABORTED:
                    return NodeStatus.ABORTED
                case NodeStatus.REJECTED:
                    node.record.error = "upstream rejected"
                    return NodeStatus.ABORTED
                case _:
                    return None
            node.next_depend += 1
        return NodeStatus.NOT_STARTED
