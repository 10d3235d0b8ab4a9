"""Values that cross the border of the store."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from edge.core.ids import RunRef
from edge.core.record import RunRecord
from edge.core.status import RunStatus, TriggerType

__all__ = [
    "ActiveRun",
    "HostIdentity",
    "LiveCheck",
    "MissedSlot",
    "ProcessGroup",
    "RunFilter",
    "RunSummary",
    "SlotClaim",
    "Snapshot",
    "StoredRecord",
]

#: (pid, start of the process in ms since boot) -> does exactly that process live?
LiveCheck: TypeAlias = Callable[[int, int], bool]


@dataclass(frozen=True, slots=True)
class HostIdentity:
    """Which process on which boot of this host."""

    boot_id: str
    pid: int
    #: Unix milliseconds, for the record (`pidStartedAt`)
    pid_started_ms: int
    #: start in milliseconds since boot: what proves identity, because it does not move when the
    #: wall clock is set; 0 = take `pid_started_ms`
    pid_boot_ms: int = 0

    @property
    def proof_ms(self) -> int:
        return self.pid_boot_ms or self.pid_started_ms


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The DAG as it was when an attempt began."""

    yaml: str
    base_yaml: str = ""
    source_file: str = ""


@dataclass(slots=True, kw_only=True)
class StoredRecord(RunRecord):
    """A record as read from the store, with the process that ran it."""

    host: HostIdentity | None = None
    #: row id of the attempt
    attempt_row: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """One line of a list of runs: the latest attempt."""

    name: str
    run_id: str
    attempt_id: str
    status: RunStatus
    created_ms: int = 0
    queued_ms: int | None = None
    started_ms: int | None = None
    finished_ms: int | None = None
    worker_id: str = ""
    trigger_type: TriggerType = TriggerType.UNKNOWN
    params: str = ""
    labels: tuple[str, ...] = ()
    error: str = ""
    schedule_time: str = ""
    pid: int = 0
    #: what `is_alive` compares: ms since boot
    pid_started_ms: int = 0
    boot_id: str = ""
    last_contact_ms: int | None = None

    @property
    def ref(self) -> RunRef:
        return RunRef(self.name, self.run_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """What `find_runs` looks for; an empty member does not restrict."""

    name: str = ""
    name_contains: str = ""
    statuses: Collection[RunStatus] = ()
    #: bounds of the creation time, both inclusive
    since_ms: int | None = None
    until_ms: int | None = None
    run_id_contains: str = ""
    #: all of them
    labels: Sequence[str] = ()
    #: 0 = no limit
    limit: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveRun:
    """An attempt that is not final and was begun by a process of this host."""

    ref: RunRef
    attempt_id: str
    attempt_row: int
    status: RunStatus
    pid: int
    pid_started_ms: int
    boot_id: str
    started_ms: int | None = None
    group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessGroup:
    """A step's process group that its dead engine may have left behind."""

    ref: RunRef
    key: str
    pgid: int
    #: start of the leader in ms since boot; None when it was gone before it was recorded
    started_ms: int | None
    boot_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotClaim:
    """A served slot."""

    dag: str
    entry: str
    slot_ms: int
    run_id: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MissedSlot:
    """A slot that was not run, and why (`busy`, `suspended`, `window`, `clock`, `downtime`)."""

    dag: str
    entry: str
    slot_ms: int
    reason: str
