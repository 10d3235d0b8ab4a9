"""Timers, deadlines and stopping (spec 12 sections 4, 6 and 10). Pure."""

from __future__ import annotations

from edge.actions.status import describe_signal
from edge.core.durations import format_go_duration
from edge.core.status import NodeStatus
from edge.engine import events as ev
from edge.engine.node_rules import NodeRules
from edge.engine.rules import DEADLINE_ERROR, NodeState, Phase, timeout_error
from edge.engine.run_state import Stage
from edge.engine.signals import MARKS_ABORTED, signal_number

__all__ = ["CHILDREN_GRACE_S", "KILLED_ERROR", "RESEND_S", "StopRules"]

#: plain signal again, this often, while steps do not end
RESEND_S = 5.0
#: how long a stop waits for child runs (spec 12 section 10)
CHILDREN_GRACE_S = 30
KILLED_ERROR = "the run was killed before its steps could end"


class StopRules(NodeRules):
    """Ends what must end before its time."""

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
            case "repeat":
                node = self._nodes[key]
                if node.phase is Phase.REPEAT_WAIT:
                    self._repeat(node, now)
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
                self._end_grace()
            case "kill-children":
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
            if node.phase.is_pause:
                self._end_pause(node)
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
            if node.is_step:
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
            self._end_pause(node)
            self._end(node, NodeStatus.ABORTED, now)
        elif node.phase is Phase.REPEAT_WAIT:
            self._end_pause(node)
            self._stop_repeating(node, now)
        elif node.phase is Phase.EXECUTING and not node.timed_out and node.repeat is None:
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
            if node.phase is Phase.EXECUTING and node.is_step and node.repeat is None:
                self._do(ev.StopStep(node.key, self._stop_signal))
        self._start_timer("resend", RESEND_S)

    def _end_grace(self) -> None:
        """Kill what did not end; child runs have a grace of their own, and handlers to run."""
        left = CHILDREN_GRACE_S - self.dag.max_clean_up_time_s
        has_children = [
            node for node in self._active.values() if node.is_step and _has_children(node)
        ]
        if self.stage is Stage.CONDITIONS or not has_children or left <= 0:
            self._kill_active()
            return
        self._start_timer("kill-children", left)
        for node in self._active.values():
            if node.is_step and not _has_children(node):
                self._kill_node(node)

    def _kill_active(self) -> None:
        if self.stage is Stage.CONDITIONS:
            self._do(ev.KillStep(ev.DAG_KEY))
        for node in self._active.values():
            if node.repeat is not None and not self._killed:
                # An execution of a repeating step ends by itself; only its check is cut short.
                if node.phase is not Phase.EXECUTING:
                    self._do(ev.KillStep(node.key))
            elif node.is_step:
                self._kill_node(node)

    def _kill_node(self, node: NodeState) -> None:
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
            if node.phase.is_pause:
                self._end_pause(node)
                self._end(node, NodeStatus.ABORTED, now)
            else:
                self._do(ev.KillStep(node.key))
        self._kill_active()


def _has_children(node: NodeState) -> bool:
    """Tell whether a node may have runs, or bodies of a loop, that end by rules of their own."""
    return node.step.sub_dag is not None or node.step.foreach is not None
