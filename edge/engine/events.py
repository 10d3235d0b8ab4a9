"""What the run machine is told, and what it asks for. Frozen values, no behaviour.

A node key is the decimal position of a step, or a handler name (`onInit`, ...). The key of the
DAG's own preconditions is `DAG_KEY`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from edge.core.jsontypes import JsonObject
from edge.core.record import StepOutputs
from edge.core.status import RunStatus
from edge.core.subruns import StatusDetail, SubRun

__all__ = [
    "DAG_KEY",
    "Began",
    "CancelTimer",
    "CheckPreconditions",
    "CheckRepeat",
    "ChildrenNoted",
    "ConditionsChecked",
    "Effect",
    "Event",
    "ExecuteNode",
    "Finish",
    "KillRequested",
    "KillStep",
    "Moment",
    "NodeExited",
    "NodePrepared",
    "NodeRefused",
    "NodeResolved",
    "NodeSpawned",
    "Note",
    "Record",
    "RepeatChecked",
    "RepeatNumbers",
    "RetryNumbers",
    "StartHandler",
    "StartStep",
    "StartTimer",
    "StopRequested",
    "StopStep",
    "TimerFired",
    "Verdict",
]

DAG_KEY = ""


@dataclass(frozen=True, slots=True)
class Moment:
    """When an event happened: wall time for the record, monotonic time for durations."""

    wall_ms: int
    mono_s: float


class Verdict(Enum):
    """Outcome of a list of preconditions."""

    MET = "met"
    NOT_MET = "not met"
    #: the check itself failed
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class RetryNumbers:
    """A step's retry policy, resolved (spec 12 section 6). `backoff` 0 = constant interval."""

    limit: int
    interval_s: int
    backoff: float = 0.0
    max_interval_s: int = 0
    exit_codes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatNumbers:
    """A step's repeat policy, resolved (spec 12 section 6). `limit` 0 = as often as it takes."""

    #: repeat while the question is answered with yes; False: until it is
    is_while: bool
    #: a condition decides, which is evaluated after each execution
    has_condition: bool = False
    limit: int = 0
    interval_s: int = 0
    backoff: float = 0.0
    max_interval_s: int = 0
    exit_codes: tuple[int, ...] = ()


# -- events


@dataclass(frozen=True, slots=True)
class Began:
    """The attempt is recorded as running; nothing has started."""


@dataclass(frozen=True, slots=True)
class ConditionsChecked:
    """Preconditions were evaluated; `errors` has one text per entry, empty where it was met."""

    key: str
    verdict: Verdict
    errors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePrepared:
    """A node's environment, directories, log paths and retry numbers are settled."""

    key: str
    stdout: str = ""
    stderr: str = ""
    working_dir: str = ""
    retry: RetryNumbers | None = None
    repeat: RepeatNumbers | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRefused:
    """A node could not be prepared; it fails without having run."""

    key: str
    error: str
    stdout: str = ""
    stderr: str = ""
    working_dir: str = ""


@dataclass(frozen=True, slots=True)
class NodeSpawned:
    """A process of the node has started."""

    key: str
    pgid: int


@dataclass(frozen=True, slots=True)
class NodeExited:
    """One execution of a node is over: process gone, output closed.

    `code` is the exit code, -1 for death by a signal; `error` is empty for success;
    `output_matched` tells whether `continue_on.output` was seen; `is_hopeless` that no retry can
    change the result, `is_deadline` that a deadline of the action's own has passed, `is_partial`
    that it succeeded in part and keeps its error. `outputs` is what it published, `shown` the same
    with its secrets masked.
    """

    key: str
    code: int
    error: str = ""
    output_matched: bool = False
    is_hopeless: bool = False
    is_deadline: bool = False
    outputs: StepOutputs | None = None
    shown: StepOutputs | None = None
    is_partial: bool = False
    details: tuple[StatusDetail, ...] = ()


@dataclass(frozen=True, slots=True)
class RepeatChecked:
    """The condition of a repeat policy was evaluated; `error` is why it could not be."""

    key: str
    is_met: bool
    error: str = ""


@dataclass(frozen=True, slots=True)
class NodeResolved:
    """Members of the step's record now that their references are resolved, secrets masked."""

    key: str
    members: JsonObject


@dataclass(frozen=True, slots=True)
class ChildrenNoted:
    """The node is about to start these child runs."""

    key: str
    children: tuple[SubRun, ...]


@dataclass(frozen=True, slots=True)
class TimerFired:
    """A timer that was started has run out."""

    timer: str


@dataclass(frozen=True, slots=True)
class StopRequested:
    """Somebody wants the run to end; `allow_override` honours `signal_on_stop`."""

    signal: int
    allow_override: bool


@dataclass(frozen=True, slots=True)
class KillRequested:
    """The run must end now: no grace, no handlers (a second signal, spec 12 section 10)."""


Event: TypeAlias = (
    Began
    | ConditionsChecked
    | NodePrepared
    | NodeRefused
    | NodeResolved
    | ChildrenNoted
    | NodeSpawned
    | NodeExited
    | RepeatChecked
    | TimerFired
    | StopRequested
    | KillRequested
)

# -- effects


@dataclass(frozen=True, slots=True)
class Record:
    """The record has changed at these keys; publish it. Comes before the other effects."""

    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CheckPreconditions:
    """Evaluate the preconditions of the DAG (`DAG_KEY`) or of a prepared node."""

    key: str


@dataclass(frozen=True, slots=True)
class StartStep:
    """Prepare a step; answer NodePrepared or NodeRefused."""

    key: str


@dataclass(frozen=True, slots=True)
class StartHandler:
    """Prepare a handler; `run_status` is the word it sees as DAG_RUN_STATUS."""

    key: str
    run_status: str
    #: names of the steps that wait for people
    waiting: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ExecuteNode:
    """Run the prepared node once; answer NodeSpawned for its processes, then NodeExited."""

    key: str


@dataclass(frozen=True, slots=True)
class CheckRepeat:
    """Evaluate the condition of the node's repeat policy; answer RepeatChecked."""

    key: str


@dataclass(frozen=True, slots=True)
class StopStep:
    """Send a signal to the node's process group and let no further command of it start."""

    key: str
    signal: int


@dataclass(frozen=True, slots=True)
class KillStep:
    """SIGKILL whatever the key is doing, its precondition check included."""

    key: str


@dataclass(frozen=True, slots=True)
class StartTimer:
    timer: str
    delay_s: float


@dataclass(frozen=True, slots=True)
class CancelTimer:
    timer: str


@dataclass(frozen=True, slots=True)
class Note:
    """A line for the logs."""

    message: str
    fields: Mapping[str, str] = field(default_factory=dict)
    #: False: the line has no identity fields of the run (spec 30 section 1.6 recordings)
    bound: bool = True


@dataclass(frozen=True, slots=True)
class Finish:
    """The run is over; the record is final. `error` is the kept run error (exit code 1)."""

    status: RunStatus
    error: str


Effect: TypeAlias = (
    Record
    | CheckPreconditions
    | StartStep
    | StartHandler
    | ExecuteNode
    | CheckRepeat
    | StopStep
    | KillStep
    | StartTimer
    | CancelTimer
    | Note
    | Finish
)
