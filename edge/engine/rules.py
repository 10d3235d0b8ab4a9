"""Rules of a run that need no state of their own (spec 12 sections 6 to 8). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from edge.core.durations import format_go_duration
from edge.core.record import NodeRecord
from edge.core.status import NodeStatus, RunStatus
from edge.engine.events import RepeatNumbers, RetryNumbers
from edge.workflow.human import HUMAN_TASK
from edge.workflow.model import Step

__all__ = [
    "DEADLINE_ERROR",
    "TIMEOUT_EXIT_CODE",
    "NodeState",
    "Phase",
    "continue_key",
    "handler_for",
    "is_partial",
    "lets_pass",
    "may_retry",
    "repeat_wait_s",
    "retry_wait_s",
    "timeout_error",
    "tolerates",
    "wants_repeat",
]

DEADLINE_ERROR = "context deadline exceeded"
TIMEOUT_EXIT_CODE = 124
_OKAY = (NodeStatus.SUCCEEDED, NodeStatus.SKIPPED, NodeStatus.PARTIALLY_SUCCEEDED)


class Phase(IntEnum):
    """Where a node is inside the engine; finer than its recorded status."""

    IDLE = 0
    #: its gate is open
    QUEUED = 1
    PREPARING = 2
    CHECKING = 3
    EXECUTING = 4
    #: the condition of its repeat policy is being evaluated
    DECIDING = 5
    RETRY_WAIT = 6
    REPEAT_WAIT = 7
    ENDED = 8

    @property
    def is_active(self) -> bool:
        return Phase.PREPARING <= self <= Phase.REPEAT_WAIT

    @property
    def is_pause(self) -> bool:
        """Return whether only a timer is between the node and its next execution."""
        return self in (Phase.RETRY_WAIT, Phase.REPEAT_WAIT)


class NodeState:
    """What the machine knows of a node beside its record."""

    __slots__ = (
        "code",
        "is_deadline",
        "is_partial",
        "key",
        "matched",
        "next_depend",
        "passes",
        "phase",
        "record",
        "repeat",
        "retry",
        "started_s",
        "step",
        "timed_out",
    )

    def __init__(self, key: str, step: Step, record: NodeRecord) -> None:
        self.key = key
        self.step = step
        self.record = record
        self.phase = Phase.IDLE
        #: position in the list of dependencies of the first one not known to have passed
        self.next_depend = 0
        #: a failure that `continue_on` tolerates
        self.passes = False
        self.retry: RetryNumbers | None = None
        self.repeat: RepeatNumbers | None = None
        #: of the last finished execution, 0 = it succeeded
        self.code = 0
        #: it succeeded in part, as its child run did
        self.is_partial = False
        #: its output held a text of `continue_on.output`
        self.matched = False
        #: a deadline of the action's own ended it
        self.is_deadline = False
        #: monotonic start of the current execution
        self.started_s = 0.0
        #: text of the timeout that ended the current execution
        self.timed_out = ""

    @property
    def is_step(self) -> bool:
        """Return whether it is a step, not a handler."""
        return self.key.isdigit()

    @property
    def is_human_task(self) -> bool:
        return self.step.action == HUMAN_TASK

    @property
    def waits_for_people(self) -> bool:
        """Return whether people have to answer before the step counts as a success."""
        return self.is_step and (self.step.approval is not None or self.is_human_task)

    @property
    def is_okay(self) -> bool:
        """Return whether a canceled run may still end in success with this node."""
        return self.record.status in _OKAY


def continue_key(step: Step) -> str:
    """Return the name under which the verdict of `continue_on` is kept (spec 12 section 7)."""
    return f"DAGU_CONTINUE_ON.{step.name}"


def tolerates(step: Step, node: NodeRecord) -> bool:
    """Tell whether a stored failure passes: the exit code is gone, the verdict was kept."""
    key = continue_key(step)
    return step.continue_on.failed or node.output_variables.get(key) == f"{key}=true"


def lets_pass(step: Step, node: NodeRecord) -> bool | None:
    """Tell whether a final node lets its dependents start (the gate of spec 12 section 4).

    None: it is not final.
    """
    match node.status:
        case NodeStatus.SUCCEEDED | NodeStatus.PARTIALLY_SUCCEEDED:
            return True
        case NodeStatus.FAILED:
            return tolerates(step, node)
        case NodeStatus.SKIPPED:
            return step.continue_on.skipped or node.is_skipped_by_retry
        case NodeStatus.ABORTED | NodeStatus.REJECTED:
            return False
    return None


def may_retry(numbers: RetryNumbers | None, code: int, retries: int) -> bool:
    """Tell whether a failed execution is tried again (spec 12 section 6)."""
    if numbers is None or code == 0 or retries >= numbers.limit:
        return False
    return not numbers.exit_codes or code in numbers.exit_codes


def retry_wait_s(numbers: RetryNumbers, retries: int) -> float:
    """Return the wait before retry number `retries`, counted from 0."""
    return _wait_s(numbers, retries)


def repeat_wait_s(numbers: RepeatNumbers, executions: int) -> float:
    """Return the wait after so many finished executions; the exponent of the first one is 1."""
    return _wait_s(numbers, executions)


def wants_repeat(numbers: RepeatNumbers, code: int, executions: int) -> bool | None:
    """Tell whether a finished execution is followed by another (spec 12 section 6).

    None: the condition has to say so.
    """
    if numbers.limit > 0 and executions >= numbers.limit:
        return False
    if numbers.has_condition:
        return None
    answer = code in numbers.exit_codes if numbers.exit_codes else code == 0
    return answer == numbers.is_while


def _wait_s(numbers: RetryNumbers | RepeatNumbers, exponent: int) -> float:
    if numbers.backoff <= 0:
        return float(max(numbers.interval_s, 0))
    try:
        wait = numbers.interval_s * numbers.backoff**exponent
    except OverflowError:
        wait = float("inf")
    # A year stands for "no cap": no sleep can be longer on every platform.
    cap = numbers.max_interval_s if numbers.max_interval_s > 0 else 31_536_000
    return float(max(min(wait, cap), 0))


def timeout_error(elapsed_s: float, timeout_s: float) -> str:
    """Return the error of a step that ran into a timeout."""
    elapsed, limit = format_go_duration(elapsed_s), format_go_duration(timeout_s)
    return f"step timed out after {elapsed} (timeout: {limit}): {DEADLINE_ERROR}"


def is_partial(nodes: Iterable[NodeState]) -> bool:
    """Tell whether finished nodes make a partial success (spec 12 section 8)."""
    succeeded = tolerated = False
    for node in nodes:
        status = node.record.status
        if status is NodeStatus.FAILED:
            if not node.passes:
                return False
            tolerated = True
        elif status is NodeStatus.PARTIALLY_SUCCEEDED:
            tolerated = True
        elif status is NodeStatus.SUCCEEDED:
            succeeded = True
    return succeeded and tolerated


def handler_for(status: RunStatus) -> str:
    """Return the key of the handler that a final status calls for."""
    if status.is_success:
        return "onSuccess"
    return "onAbort" if status is RunStatus.ABORTED else "onFailure"
