"""What becomes of runs whose process is dead (spec 12 section 20). Pure.

One function for everybody: the start of a service applies the plan, and a mere look at a run shows
what the plan would make of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

from edge.core.ids import RunRef
from edge.core.record import NodeRecord, RunRecord
from edge.core.status import NodeStatus, RunStatus
from edge.store.types import ActiveRun, LiveCheck

__all__ = [
    "STALE_LOCAL_ERROR",
    "RecoveryChange",
    "fail_record",
    "is_dead",
    "is_recoverable",
    "plan_recovery",
]

STALE_LOCAL_ERROR = "process terminated unexpectedly - stale local process detected"

_UNFINISHED_NODES = (
    NodeStatus.NOT_STARTED,
    NodeStatus.RUNNING,
    NodeStatus.RETRYING,
    NodeStatus.WAITING,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryChange:
    """One attempt that has to be recorded as failed."""

    ref: RunRef
    attempt_id: str
    attempt_row: int
    finished_ms: int
    error: str = STALE_LOCAL_ERROR


def is_dead(recorded_boot: str, pid: int, started_ms: int, boot_id: str, live: LiveCheck) -> bool:
    """Tell whether a recorded process is provably gone: other boot, no such pid, or a later one."""
    return recorded_boot != boot_id or not live(pid, started_ms)


def is_recoverable(status: RunStatus) -> bool:
    """Tell whether a run of this status needs a live process of its own.

    A queued or waiting run has none and is never stale.
    """
    return status in (RunStatus.RUNNING, RunStatus.NOT_STARTED)


def plan_recovery(
    rows: Iterable[ActiveRun], boot_id: str, live: LiveCheck, now_ms: int
) -> list[RecoveryChange]:
    """Return the changes that record what is dead, in the order of `rows`."""
    return [
        RecoveryChange(
            ref=row.ref,
            attempt_id=row.attempt_id,
            attempt_row=row.attempt_row,
            finished_ms=now_ms,
        )
        for row in rows
        if is_recoverable(row.status)
        and is_dead(row.boot_id, row.pid, row.pid_started_ms, boot_id, live)
    ]


def fail_record(record: RunRecord, error: str, finished_ms: int) -> RunRecord:
    """Return a copy of the record as failed; finished steps stay as they are."""
    return dataclasses.replace(
        record,
        status=RunStatus.FAILED,
        error=error,
        finished_ms=finished_ms,
        nodes=[_fail_node(node, error, finished_ms) for node in record.nodes],
        handlers={
            # Handlers that did not run are no failure: recovery runs none.
            key: node
            if node.status is NodeStatus.NOT_STARTED
            else _fail_node(node, error, finished_ms)
            for key, node in record.handlers.items()
        },
    )


def _fail_node(node: NodeRecord, error: str, finished_ms: int) -> NodeRecord:
    if node.status not in _UNFINISHED_NODES:
        return node
    return dataclasses.replace(
        node, status=NodeStatus.FAILED, error=error, finished_ms=finished_ms, pgid=None
    )
