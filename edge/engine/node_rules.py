"""One node's way from prepared to final (spec 12 sections 4 to 7). Pure."""

from __future__ import annotations

from collections.abc import Sequence

from edge.core.jsontypes import JsonObject, JsonValue
from edge.core.status import NodeStatus
from edge.core.subruns import SubRun
from edge.engine import events as ev
from edge.engine.rules import (
    DEADLINE_ERROR,
    TIMEOUT_EXIT_CODE,
    NodeState,
    Phase,
    continue_key,
    may_retry,
    repeat_wait_s,
    retry_wait_s,
    wants_repeat,
)
from edge.engine.run_state import RunState, Stage

__all__ = ["CHILDREN_KEPT", "NodeRules"]

#: child runs of earlier repeats that a record still names; a step may repeat for ever
CHILDREN_KEPT = 200


class NodeRules(RunState):
    """Answers what is told of one node."""

    def _prepared(self, event: ev.NodePrepared, now: ev.Moment) -> None:
        node = self._nodes.get(event.key)
        if node is None or node.phase is not Phase.PREPARING:
            return
        node.retry = event.retry
        # A policy of a handler is accepted and ignored (spec 12 section 9).
        node.repeat = event.repeat if node.is_step else None
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

    def _checked(self, event: ev.ConditionsChecked, now: ev.Moment) -> None:
        node = self._nodes.get(event.key)
        if node is None or node.phase is not Phase.CHECKING:
            return
        reason = next((error for error in event.errors if error), DEADLINE_ERROR)
        entries = node.record.step.get("preconditions")
        if isinstance(entries, list):
            self._note_conditions(entries, event.errors)
        if node.timed_out:
            self._fail_timed_out(node, now)
        elif node.is_step and (self._canceled or self._halted):
            self._end(node, NodeStatus.ABORTED, now)
        elif event.verdict is ev.Verdict.MET:
            self._execute(node, now)
        elif event.verdict is ev.Verdict.NOT_MET:
            self._end(node, NodeStatus.SKIPPED, now)
        else:
            self.run_error = reason
            if node.is_step:
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

    def _halt(self, now: ev.Moment) -> None:
        """Start nothing more; what runs ends by itself, as aborted (spec 12 section 5)."""
        self._halted = True
        self._end_delay()
        for node in list(self._active.values()):
            if node.phase.is_pause:
                self._end_pause(node)
                self._end(node, NodeStatus.ABORTED, now)

    def _end_pause(self, node: NodeState) -> None:
        self._cancel_timer(f"retry:{node.key}")
        self._cancel_timer(f"repeat:{node.key}")

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

    def _resolved(self, key: str, members: JsonObject) -> None:
        node = self._nodes.get(key)
        if node is not None and node.phase is Phase.EXECUTING:
            # The old object may be in a list of steps that other attempts share.
            node.record.step = {**node.record.step, **members}
            self._changed[key] = None

    def _children(self, key: str, children: tuple[SubRun, ...]) -> None:
        node = self._nodes.get(key)
        if node is not None and node.phase is Phase.EXECUTING:
            node.record.children = children
            self._changed[key] = None

    def _exited(self, event: ev.NodeExited, now: ev.Moment) -> None:
        node = self._nodes.get(event.key)
        if node is None or node.phase is not Phase.EXECUTING:
            return
        self._cancel_timer(f"step:{node.key}")
        node.record.pgid = None
        failed = event.code != 0 or (bool(event.error) and not event.is_partial)
        node.record.status_details = event.details
        node.record.error = event.error
        node.record.exit_code = event.code
        # Only a step that ends by itself publishes, also a failed one (spec 11 section 8.4).
        node.record.publish(None, None)
        if node.is_step and node.record.status is NodeStatus.ABORTED:
            self._end(node, NodeStatus.ABORTED, now)
        elif node.timed_out:
            self._fail_timed_out(node, now)
        elif node.is_step and self._halted:
            self._end(node, NodeStatus.ABORTED, now)
        elif node.repeat is not None and self._canceled:
            node.record.publish(event.outputs, event.shown)
            node.record.done_count += 1
            self._stop_repeating(node, now)
        elif node.is_step and self._canceled and failed:
            self._end(node, NodeStatus.ABORTED, now)
        elif (
            node.is_step
            and failed
            and not event.is_hopeless
            and may_retry(node.retry, event.code, node.record.retry_count)
        ):
            self._wait_for_retry(node, now)
        else:
            node.record.publish(event.outputs, event.shown)
            node.record.done_count += node.is_step
            node.code = (event.code or 1) if failed else 0
            node.matched = event.output_matched
            node.is_deadline = event.is_deadline
            node.is_partial = event.is_partial
            if event.is_hopeless:
                self._conclude(node, now)
            else:
                self._consider_repeat(node, now)

    # -- repeating (spec 12 section 6)

    def _consider_repeat(self, node: NodeState, now: ev.Moment) -> None:
        """A series of retries is over: has it been the last execution?"""
        numbers = node.repeat
        answer = numbers and wants_repeat(numbers, node.code, node.record.done_count)
        if numbers is None or answer is False:
            self._conclude(node, now)
        elif answer is None:
            node.phase = Phase.DECIDING
            self._do(ev.CheckRepeat(node.key))
        else:
            self._wait_for_repeat(node, numbers, now)

    def _repeat_checked(self, event: ev.RepeatChecked, now: ev.Moment) -> None:
        node = self._nodes.get(event.key)
        if node is None or node.phase is not Phase.DECIDING:
            return
        numbers = node.repeat
        assert numbers is not None
        if node.timed_out:
            self._fail_timed_out(node, now)
        elif self._halted or self._killed:
            self._end(node, NodeStatus.ABORTED, now)
        elif self._canceled:
            self._stop_repeating(node, now)
        elif event.error:
            # Nobody knows whether it is enough: going on could be for ever.
            node.record.error = event.error
            node.code = node.code or 1
            self._conclude(node, now)
        elif event.is_met == numbers.is_while:
            self._wait_for_repeat(node, numbers, now)
        else:
            self._conclude(node, now)

    def _wait_for_repeat(self, node: NodeState, numbers: ev.RepeatNumbers, now: ev.Moment) -> None:
        node.phase = Phase.REPEAT_WAIT
        self._changed[node.key] = None
        # Also without a pause: a step that ends at once must leave room for a stop.
        self._start_timer(f"repeat:{node.key}", repeat_wait_s(numbers, node.record.done_count))

    def _repeat(self, node: NodeState, now: ev.Moment) -> None:
        record = node.record
        record.is_repeated = True
        earlier = (*record.children_repeated, *record.children)
        record.children_repeated, record.children = earlier[-CHILDREN_KEPT:], ()
        node.record.error = ""
        self._changed[node.key] = None
        self._execute(node, now)

    def _stop_repeating(self, node: NodeState, now: ev.Moment) -> None:
        """A stop lets the current execution end; it counts as a success (spec 12 section 10)."""
        node.record.error = ""
        node.record.exit_code = 0
        self._succeed(node, now)

    # -- the end

    def _conclude(self, node: NodeState, now: ev.Moment) -> None:
        """The last execution is over: its exit code decides the node."""
        if node.code and node.is_deadline and node.is_step:
            # no step timeout (spec 13 section 1.4); nothing passes an aborted node
            self.run_error = node.record.error
            self._end(node, NodeStatus.ABORTED, now)
        elif node.code:
            self._settle_failure(node, node.code, node.matched, now)
        elif node.is_partial:
            self._end(node, NodeStatus.PARTIALLY_SUCCEEDED, now)
        else:
            self._succeed(node, now)

    def _succeed(self, node: NodeState, now: ev.Moment) -> None:
        """End a step well, or let it wait for people (spec 12 section 14)."""
        if not node.waits_for_people:
            self._end(node, NodeStatus.SUCCEEDED, now)
        elif self._canceled:
            # Nobody has agreed to it: a retry asks again.
            self._end(node, NodeStatus.ABORTED, now)
        else:
            self._end(node, NodeStatus.WAITING, now)

    def _settle_failure(self, node: NodeState, code: int, matched: bool, now: ev.Moment) -> None:
        """It failed for good: ask `continue_on` (spec 12 section 7)."""
        node.record.exit_code = code
        rule = node.step.continue_on
        node.passes = rule.failed or code in rule.exit_codes or matched
        if node.is_step and not rule.failed:
            key = continue_key(node.step)
            node.record.output_variables[key] = f"{key}={str(node.passes).lower()}"
        self._fail(node, now)

    def _fail(self, node: NodeState, now: ev.Moment) -> None:
        if node.passes and node.step.continue_on.mark_success and node.is_step:
            self._end(node, NodeStatus.SUCCEEDED, now)
            return
        if node.key != "onWait":
            # The failure of that handler is only logged (spec 12 section 9).
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
            node.record.done_count += node.is_step and node.phase is Phase.EXECUTING
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
