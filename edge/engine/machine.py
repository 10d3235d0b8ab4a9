"""The run machine: events in, effects out (spec 12 sections 4 to 10).

It owns the run record and decides everything: what may start, what a failure means, when to signal
and when to kill, which handlers run, how the run ends. It reads no clock, opens nothing and knows
no trio: the runner tells it what happened and when, and carries out what it asks for. No event is
ever an error: one that comes too late (a timer, a process that ended after its verdict) is ignored.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from enum import IntEnum

from edge.actions.status import describe_signal
from edge.core.durations import format_go_duration
from edge.core.jsontypes import JsonValue
from edge.core.record import RunRecord
from edge.core.status import NodeStatus, RunStatus
from edge.engine import events as ev
from edge.engine.plan import Plan
from edge.engine.rules import (
    DEADLINE_ERROR,
    TIMEOUT_EXIT_CODE,
    NodeState,
    Phase,
    continue_key,
    handler_for,
    is_partial,
    may_retry,
    retry_wait_s,
    timeout_error,
)
from edge.engine.signals import MARKS_ABORTED, signal_number
from edge.workflow.model import DAG

__all__ = ["RESEND_S", "RunMachine", "Stage"]

#: plain signal again, this often, while steps do not end (spec 12 section 10)
RESEND_S = 5.0
KILLED_ERROR = "the run was killed before its steps could end"


class Stage(IntEnum):
    """What the run is busy with."""

    NEW = 0
    CONDITIONS = 1
    INIT = 2
    STEPS = 3
    HANDLERS = 4
    DONE = 5


class RunMachine:
    """One attempt. `handle` is the only way in; `record` is current after each call."""

    def __init__(self, dag: DAG, plan: Plan, record: RunRecord) -> None:
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

    # -- the way in

    def handle(self, event: ev.Event, now: ev.Moment) -> list[ev.Effect]:
        """Return what is to be done now, in order."""
        if self.stage is Stage.DONE:
            return []
        match event:
            case ev.NodeExited():
                self._exited(event, now)
            case ev.NodePrepared():
                self._prepared(event, now)
            case ev.NodeSpawned(key=key, pgid=pgid):
                self._spawned(key, pgid)
            case ev.TimerFired(timer=timer):
                self._fired(timer, now)
            case ev.NodeRefused():
                self._refused(event, now)
            case ev.ConditionsChecked():
                self._checked(event, now)
            case ev.Began():
                self._begin(now)
            case ev.StopRequested(signal=number, allow_override=allow):
                self._stop(number, allow, now)
            case ev.KillRequested():
                self._kill(now)
        self._advance(now)
        return self._take()

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

    # -- stages

    def _begin(self, now: ev.Moment) -> None:
        if self.dag.timeout_s > 0:
            self._start_timer("dag", self.dag.timeout_s)
        self.stage = Stage.CONDITIONS
        if self.dag.preconditions:
            self._do(ev.CheckPreconditions(ev.DAG_KEY))
        else:
            self._start_init(now)

    def _start_init(self, now: ev.Moment) -> None:
        self.stage = Stage.INIT
        if "onInit" in self._nodes and not self._canceled:
            self._start_handler("onInit", now)
        else:
            self._start_steps()

    def _start_steps(self) -> None:
        self.stage = Stage.STEPS
        for index, node in enumerate(self._steps):
            if not self._plan.depends[index]:
                self._ready.append(node)

    def _advance(self, now: ev.Moment) -> None:
        """Start what may start; go on to the handlers and the end when nothing is left."""
        if self.stage is Stage.STEPS:
            self._pump(now)
            if not self._active and not self._delaying and self._is_over():
                self._finalize(now)
        if self.stage is Stage.HANDLERS and not self._active:
            self._next_handler(now)

    def _is_over(self) -> bool:
        if self._canceled or self._halted or not self._open:
            return True
        if not self._ready:
            self.run_error = "deadlock detected: no runnable nodes but DAG not finished"
            return True
        return False

    def _pump(self, now: ev.Moment) -> None:
        limit = self.dag.max_active_steps
        while self._ready and not self._canceled and not self._halted:
            if self._timed_out:
                self._end(self._ready.popleft(), NodeStatus.ABORTED, now)
                continue
            if self._delaying or (limit > 0 and len(self._active) >= limit):
                return
            node = self._ready.popleft()
            self._activate(node, now)
            self._do(ev.StartStep(node.key))
            if self.dag.delay_s > 0:
                self._delaying = True
                self._start_timer("delay", self.dag.delay_s)

    def _activate(self, node: NodeState, now: ev.Moment) -> None:
        node.phase = Phase.PREPARING
        node.record.status = NodeStatus.RUNNING
        node.record.started_ms = now.wall_ms
        self._active[node.key] = node

    def _end_delay(self) -> None:
        self._delaying = False
        self._cancel_timer("delay")

    def _finalize(self, now: ev.Moment) -> None:
        """The steps are over: choose the handlers (spec 12 section 9)."""
        self._end_delay()
        for timer in ("dag", "resend", "kill"):
            self._cancel_timer(timer)
        if self._stop_signal:
            self._do(ev.Note("All child processes have been terminated", bound=False))
        self.stage = Stage.HANDLERS
        if not self._killed:
            wanted = (handler_for(self.status()), "onExit")
            self._handlers.extend(key for key in wanted if key in self._nodes)

    def _next_handler(self, now: ev.Moment) -> None:
        if self._handlers:
            self._start_handler(self._handlers.popleft(), now)
            return
        self.stage = Stage.DONE
        for timer in sorted(self._timers):
            self._do(ev.CancelTimer(timer))
        self._timers.clear()
        self.record.status = self.status()
        self.record.finished_ms = now.wall_ms
        self._do(ev.Finish(self.record.status, self.run_error))

    def _start_handler(self, key: str, now: ev.Moment) -> None:
        status = RunStatus.RUNNING if self.stage is Stage.INIT else self.status()
        self._activate(self._nodes[key], now)
        self._do(ev.StartHandler(key, status.word))

    def status(self) -> RunStatus:
        """Derive the run's status from its nodes (spec 12 section 8)."""
        if self._aborted:
            return RunStatus.ABORTED
        if self._unchecked:
            return RunStatus.FAILED
        if self._canceled and not all(node.is_okay for node in self._steps):
            return RunStatus.ABORTED
        if self._halted or self._timed_out:
            return RunStatus.FAILED
        if self.stage < Stage.HANDLERS:
            return RunStatus.RUNNING
        if is_partial(self._steps):
            return RunStatus.PARTIALLY_SUCCEEDED
        return RunStatus.FAILED if self.run_error else RunStatus.SUCCEEDED

    # -- preconditions

    def _checked(self, event: ev.ConditionsChecked, now: ev.Moment) -> None:
        reason = next((error for error in event.errors if error), DEADLINE_ERROR)
        if event.key == ev.DAG_KEY:
            if self.stage is Stage.CONDITIONS:
                self._note_conditions(self.record.preconditions, event.errors)
                self._changed[ev.DAG_KEY] = None
                self._dag_checked(event.verdict, reason, now)
            return
        node = self._nodes.get(event.key)
        if node is None or node.phase is not Phase.CHECKING:
            return
        entries = node.record.step.get("preconditions")
        if isinstance(entries, list):
            self._note_conditions(entries, event.errors)
        is_step = self.stage is Stage.STEPS
        if node.timed_out:
            self._fail_timed_out(node, now)
        elif is_step and (self._canceled or self._halted):
            self._end(node, NodeStatus.ABORTED, now)
        elif event.verdict is ev.Verdict.MET:
            self._execute(node, now)
        elif event.verdict is ev.Verdict.NOT_MET:
            self._end(node, NodeStatus.SKIPPED, now)
        else:
            self.run_error = reason
            if is_step:
                node.record.error = reason
                self._halt(now)
            self._end(node, NodeStatus.FAILED, now)

    def _note_conditions(self, entries: Sequence[JsonValue], errors: tuple[str, ...]) -> None:
        """Write each entry's text; one that was met beside others that were not says so."""
        failed = any(errors)
        for entry, error in zip(entries, errors, strict=False):
            if isinstance(entry, dict):
                entry.pop("error", None)
                if failed:
                    entry["error"] = error or "other condition was not met"

    def _dag_checked(self, verdict: ev.Verdict, reason: str, now: ev.Moment) -> None:
        if self._timed_out:
            self._unchecked = True
        elif self._canceled:
            self._aborted = True
        elif verdict is ev.Verdict.ERROR:
            self._unchecked = True
            self.run_error = reason
        elif verdict is ev.Verdict.NOT_MET:
            self._canceled = self._aborted = True
            self._do(ev.Note("Preconditions are not met", {"err": reason}))
        else:
            self._start_init(now)
            return
        self._finalize(now)

    def _halt(self, now: ev.Moment) -> None:
        """Start nothing more; what runs ends by itself, as aborted (spec 12 section 5)."""
        self._halted = True
        self._end_delay()
        for node in list(self._active.values()):
            if node.phase is Phase.RETRY_WAIT:
                self._cancel_timer(f"retry:{node.key}")
                self._end(node, NodeStatus.ABORTED, now)

    # -- one node

    def _prepared(self, event: ev.NodePrepared, now: ev.Moment) -> None:
        node = self._nodes.get(event.key)
        if node is None or node.phase is not Phase.PREPARING:
            return
        node.retry = event.retry
        record = node.record
        record.stdout, record.stderr = event.stdout, event.stderr
        record.working_dir = event.working_dir
        self._changed[node.key] = None
        if node.timed_out:
            self._fail_timed_out(node, now)
        elif self.stage is Stage.STEPS and self._canceled:
            self._end(node, NodeStatus.ABORTED, now)
        elif node.step.preconditions:
            node.phase = Phase.CHECKING
            self._do(ev.CheckPreconditions(node.key))
        else:
            self._execute(node, now)

    def _refused(self, event: ev.NodeRefused, now: ev.Moment) -> None:
        node = self._nodes.get(event.key)
        if node is None or not node.phase.is_active:
            return
        record = node.record
        record.stdout, record.stderr = event.stdout, event.stderr
        record.working_dir = event.working_dir or record.working_dir
        record.error = event.error
        if self.stage is Stage.STEPS and (self._canceled or self._halted):
            self._end(node, NodeStatus.ABORTED, now)
            return
        node.passes = node.step.continue_on.failed
        self._fail(node, now)

    def _execute(self, node: NodeState, now: ev.Moment) -> None:
        node.phase = Phase.EXECUTING
        node.started_s = now.mono_s
        node.timed_out = ""
        if node.step.timeout_s > 0:
            self._start_timer(f"step:{node.key}", node.step.timeout_s)
        self._do(ev.ExecuteNode(node.key))

    def _spawned(self, key: str, pgid: int) -> None:
        node = self._nodes.get(key)
        if node is not None and node.phase is Phase.EXECUTING:
            node.record.pgid = pgid
            self._changed[key] = None

    def _exited(self, event: ev.NodeExited, now: ev.Moment) -> None:
        node = self._nodes.get(event.key)
        if node is None or node.phase is not Phase.EXECUTING:
            return
        self._cancel_timer(f"step:{node.key}")
        node.record.pgid = None
        is_step = node.key.isdigit()
        failed = event.code != 0 or bool(event.error)
        node.record.error = event.error
        if is_step and node.record.status is NodeStatus.ABORTED:
            self._end(node, NodeStatus.ABORTED, now)
        elif node.timed_out:
            self._fail_timed_out(node, now)
        elif is_step and (self._halted or (self._canceled and failed)):
            self._end(node, NodeStatus.ABORTED, now)
        elif not failed:
            node.record.done_count += is_step
            self._end(node, NodeStatus.SUCCEEDED, now)
        elif is_step and may_retry(node.retry, event.code, node.record.retry_count):
            self._wait_for_retry(node, now)
        else:
            self._settle_failure(node, event.code or 1, event.output_matched, now)

    def _settle_failure(self, node: NodeState, code: int, matched: bool, now: ev.Moment) -> None:
        """A finished execution failed for good: ask `continue_on` (spec 12 section 7)."""
        rule = node.step.continue_on
        node.passes = rule.failed or code in rule.exit_codes or matched
        if not rule.failed:
            key = continue_key(node.step)
            node.record.output_variables[key] = f"{key}={str(node.passes).lower()}"
        node.record.done_count += node.key.isdigit()
        self._fail(node, now)

    def _fail(self, node: NodeState, now: ev.Moment) -> None:
        if node.passes and node.step.continue_on.mark_success and node.key.isdigit():
            self._end(node, NodeStatus.SUCCEEDED, now)
            return
        self.run_error = node.record.error
        self._end(node, NodeStatus.FAILED, now)

    def _fail_timed_out(self, node: NodeState, now: ev.Moment) -> None:
        """End a node whose process a timeout has killed; it is never retried."""
        node.record.error = node.timed_out
        if node.timed_out == DEADLINE_ERROR and self.stage is Stage.STEPS:
            # The DAG's deadline; a step with a timeout of its own fails instead.
            self.run_error = DEADLINE_ERROR
            self._end(node, NodeStatus.ABORTED, now)
        else:
            self._settle_failure(node, TIMEOUT_EXIT_CODE, False, now)

    def _wait_for_retry(self, node: NodeState, now: ev.Moment) -> None:
        assert node.retry is not None
        wait_s = retry_wait_s(node.retry, node.record.retry_count)
        node.phase = Phase.RETRY_WAIT
        node.record.retry_count += 1
        self._changed[node.key] = None
        if wait_s > 0:
            self._start_timer(f"retry:{node.key}", wait_s)
        else:
            self._retry(node, now)

    def _retry(self, node: NodeState, now: ev.Moment) -> None:
        node.record.retried_ms = now.wall_ms
        node.record.error = ""
        self._changed[node.key] = None
        self._execute(node, now)

    def _end(self, node: NodeState, status: NodeStatus, now: ev.Moment) -> None:
        """Make a node final and let its dependents know."""
        record = node.record
        if node.phase.is_active:
            record.finished_ms = now.wall_ms
        node.phase = Phase.ENDED
        record.status = status
        record.pgid = None
        self._active.pop(node.key, None)
        self._changed[node.key] = None
        if node.key.isdigit():
            self._open -= 1
            if not self._canceled and not self._halted:
                self._wake_dependents(node, now)
        elif node.key == "onInit":
            self._init_ended(status, now)

    def _init_ended(self, status: NodeStatus, now: ev.Moment) -> None:
        if status is NodeStatus.FAILED:
            self._canceled = self._aborted = True
        if self._canceled:
            self._aborted = True
            self._finalize(now)
        else:
            self._start_steps()

    # -- the gate (spec 12 section 4)

    def _wake_dependents(self, node: NodeState, now: ev.Moment) -> None:
        """Open or close the gate of what waited for a node; iterative, for long chains."""
        ended = [node]
        while ended:
            for index in self._plan.dependents[int(ended.pop().key)]:
                waiting = self._steps[index]
                if waiting.phase is not Phase.IDLE:
                    continue
                verdict = self._gate(index)
                if verdict is None:
                    continue
                if verdict is NodeStatus.NOT_STARTED:
                    waiting.phase = Phase.QUEUED
                    self._ready.append(waiting)
                    continue
                waiting.phase = Phase.ENDED
                waiting.record.status = verdict
                self._open -= 1
                self._changed[waiting.key] = None
                ended.append(waiting)

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
                    if not other.step.continue_on.skipped:
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

    # -- timers

    def _fired(self, timer: str, now: ev.Moment) -> None:
        if timer not in self._timers:
            return
        self._timers.discard(timer)
        kind, _, key = timer.partition(":")
        match kind:
            case "retry":
                node = self._nodes[key]
                if node.phase is Phase.RETRY_WAIT:
                    self._retry(node, now)
            case "step":
                node = self._nodes[key]
                if node.phase is Phase.EXECUTING and not node.timed_out:
                    elapsed_s = now.mono_s - node.started_s
                    node.timed_out = timeout_error(elapsed_s, node.step.timeout_s)
                    self._do(ev.KillStep(key))
            case "delay":
                self._delaying = False
            case "dag":
                self._deadline(now)
            case "resend":
                self._resend()
            case "kill":
                self._kill_active()

    def _deadline(self, now: ev.Moment) -> None:
        """The DAG's own timeout: SIGKILL, no grace (spec 12 section 4)."""
        if self.stage >= Stage.HANDLERS:
            return
        self._timed_out = True
        self.run_error = DEADLINE_ERROR
        self._end_delay()
        if self.stage is Stage.CONDITIONS:
            self._do(ev.KillStep(ev.DAG_KEY))
        for node in list(self._active.values()):
            if node.phase is Phase.RETRY_WAIT:
                self._cancel_timer(f"retry:{node.key}")
                node.record.error = DEADLINE_ERROR
                self._end(node, NodeStatus.ABORTED, now)
                continue
            if node.record.status is NodeStatus.ABORTED or node.timed_out:
                continue
            fields = {"step": node.step.name, "timeout": format_go_duration(self.dag.timeout_s)}
            self._do(
                ev.Note(
                    "Step deadline exceeded (DAG-level timeout)", {**fields, "err": DEADLINE_ERROR}
                )
            )
            if node.step.timeout_s > 0 and node.phase is Phase.EXECUTING:
                elapsed_s = now.mono_s - node.started_s
                node.timed_out = timeout_error(elapsed_s, node.step.timeout_s)
            else:
                node.timed_out = DEADLINE_ERROR
            self._do(ev.KillStep(node.key))

    # -- stopping (spec 12 section 10)

    def _stop(self, number: int, allow_override: bool, now: ev.Moment) -> None:
        if self._stop_signal or self.stage is Stage.NEW:
            return
        self._canceled = True
        if self.stage is Stage.HANDLERS:
            return
        self._stop_signal = number
        grace_s = self.dag.max_clean_up_time_s
        common = {"stop_mode": "graceful", "signal": describe_signal(number)}
        limits = {
            "allow_override": str(allow_override).lower(),
            "max_cleanup_time": format_go_duration(grace_s),
        }
        self._do(ev.Note("Stopping running child processes", {**common, **limits}, bound=False))
        self._end_delay()
        for node in list(self._active.values()):
            if node.key.isdigit():
                self._stop_node(node, number, allow_override, now)
        if self.stage is Stage.STEPS:
            self._start_timer("resend", RESEND_S)
            self._start_timer("kill", grace_s)
        elif self.stage is Stage.CONDITIONS:
            self._start_timer("kill", grace_s)

    def _stop_node(
        self, node: NodeState, number: int, allow_override: bool, now: ev.Moment
    ) -> None:
        if node.phase is Phase.RETRY_WAIT:
            self._cancel_timer(f"retry:{node.key}")
            self._end(node, NodeStatus.ABORTED, now)
        elif node.phase is Phase.EXECUTING and not node.timed_out:
            own = signal_number(node.step.signal_on_stop) if allow_override else None
            sent = own or number
            name = describe_signal(sent)
            fields = {"stop_mode": "graceful", "signal": name, "step": node.step.name}
            self._do(ev.Note("Requesting step stop", fields, bound=False))
            if sent in MARKS_ABORTED:
                node.record.status = NodeStatus.ABORTED
                self._changed[node.key] = None
            self._do(ev.StopStep(node.key, sent))

    def _resend(self) -> None:
        for node in self._active.values():
            if node.phase is Phase.EXECUTING and node.key.isdigit():
                self._do(ev.StopStep(node.key, self._stop_signal))
        self._start_timer("resend", RESEND_S)

    def _kill_active(self) -> None:
        if self.stage is Stage.CONDITIONS:
            self._do(ev.KillStep(ev.DAG_KEY))
        for node in self._active.values():
            if node.key.isdigit():
                node.record.status = NodeStatus.ABORTED
                self._changed[node.key] = None
                self._do(ev.KillStep(node.key))

    def _kill(self, now: ev.Moment) -> None:
        if self._killed or self.stage is Stage.NEW:
            return
        self._killed = self._canceled = self._aborted = True
        self.run_error = KILLED_ERROR
        self._handlers.clear()
        self._end_delay()
        for node in list(self._active.values()):
            if node.phase is Phase.RETRY_WAIT:
                self._cancel_timer(f"retry:{node.key}")
                self._end(node, NodeStatus.ABORTED, now)
            else:
                self._do(ev.KillStep(node.key))
        self._kill_active()
