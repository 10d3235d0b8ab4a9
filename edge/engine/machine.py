"""The run machine: events in, effects out (spec 12 sections 4 to 10).

It owns the run record and decides everything: what may start, what a failure means, when to signal
and when to kill, which handlers run, how the run ends. It reads no clock, opens nothing and knows
no trio: the runner tells it what happened and when, and carries out what it asks for. No event is
ever an error: one that comes too late (a timer, a process that ended after its verdict) is ignored.
"""

from __future__ import annotations

from edge.core.status import NodeStatus, RunStatus
from edge.engine import events as ev
from edge.engine.rules import DEADLINE_ERROR, handler_for, is_partial
from edge.engine.run_state import Stage
from edge.engine.stop_rules import StopRules

__all__ = ["RunMachine"]


class RunMachine(StopRules):
    """One attempt. `handle` is the only way in; `record` is current after each call."""

    def handle(self, event: ev.Event, now: ev.Moment) -> list[ev.Effect]:
        """Return what is to be done now, in order."""
        if self.stage is Stage.DONE:
            return []
        match event:
            case ev.NodeExited():
                self._exited(event, now)
            case ev.RepeatChecked():
                self._repeat_checked(event, now)
            case ev.NodePrepared():
                self._prepared(event, now)
            case ev.NodeSpawned(key=key, pgid=pgid):
                self._spawned(key, pgid)
            case ev.NodeResolved(key=key, members=members):
                self._resolved(key, members)
            case ev.ChildrenNoted(key=key, children=children):
                self._children(key, children)
            case ev.TimerFired(timer=timer):
                self._fired(timer, now)
            case ev.NodeRefused():
                self._refused(event, now)
            case ev.ConditionsChecked(key=ev.DAG_KEY):
                self._dag_checked(event, now)
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

    def _advance(self, now: ev.Moment) -> None:
        """Start what may start; go on to the next stage when nothing is left."""
        if self.stage is Stage.INIT and not self._active:
            self._leave_init(now)
        if self.stage is Stage.STEPS:
            self._pump(now)
            if not self._active and not self._delaying and self._is_over():
                self._finalize(now)
        if self.stage is Stage.HANDLERS and not self._active:
            self._next_handler(now)

    def _leave_init(self, now: ev.Moment) -> None:
        init = self._nodes.get("onInit")
        if init is not None and init.record.status is NodeStatus.FAILED:
            self._canceled = True
        if self._canceled:
            self._aborted = True
            self._finalize(now)
            return
        self.stage = Stage.STEPS
        self._open_gates(now)

    def _is_over(self) -> bool:
        if self._canceled or self._halted or not self._open:
            return True
        if not self._ready and (self._before is not None or self._is_waiting):
            # What it waits for was left alone by a retry of other steps, or waits for people.
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

    def _finalize(self, now: ev.Moment) -> None:
        """The steps are over: choose the handlers (spec 12 section 9)."""
        self._end_delay()
        for timer in ("dag", "resend", "kill", "kill-children"):
            self._cancel_timer(timer)
        if self._stop_signal:
            self._do(ev.Note("All child processes have been terminated", bound=False))
        self.stage = Stage.HANDLERS
        status = self.status()
        if status is RunStatus.WAITING:
            self._handlers.extend(key for key in ("onWait",) if key in self._nodes)
        elif not self._killed:
            wanted = (handler_for(status), "onExit")
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
        waiting = self._waiting_names() if key == "onWait" else ()
        self._do(ev.StartHandler(key, status.word, waiting))

    @property
    def _is_waiting(self) -> bool:
        return any(node.record.status is NodeStatus.WAITING for node in self._steps)

    def _waiting_names(self) -> tuple[str, ...]:
        return tuple(
            node.step.name for node in self._steps if node.record.status is NodeStatus.WAITING
        )

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
        if any(node.record.status is NodeStatus.REJECTED for node in self._steps):
            return RunStatus.REJECTED
        if self._is_waiting:
            return RunStatus.WAITING
        if is_partial(self._steps):
            return RunStatus.PARTIALLY_SUCCEEDED
        if self.run_error:
            return RunStatus.FAILED
        if self._before is None or all(node.is_okay for node in self._steps):
            return RunStatus.SUCCEEDED
        # A retry of some steps succeeded beside older failures: the status stays (section 8).
        return RunStatus.FAILED if self._before.is_success else self._before

    def _dag_checked(self, event: ev.ConditionsChecked, now: ev.Moment) -> None:
        if self.stage is not Stage.CONDITIONS:
            return
        reason = next((error for error in event.errors if error), DEADLINE_ERROR)
        self._note_conditions(self.record.preconditions, event.errors)
        if self._timed_out:
            self._unchecked = True
        elif self._canceled:
            self._aborted = True
        elif event.verdict is ev.Verdict.ERROR:
            self._unchecked = True
            self.run_error = reason
        elif event.verdict is ev.Verdict.NOT_MET:
            self._canceled = self._aborted = True
            self._do(ev.Note("Preconditions are not met", {"err": reason}))
        else:
            self._start_init(now)
            return
        self._finalize(now)
