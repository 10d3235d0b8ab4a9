"""What a reader shows of a run whose process is dead: what recovery will make of it."""

from __future__ import annotations

import dataclasses
from typing import TypeVar, cast

from edge.core.clock import SystemClock
from edge.core.record import RunRecord
from edge.core.status import RunStatus
from edge.store import recovery
from edge.store.host import is_alive
from edge.store.types import HostIdentity, LiveCheck, RunSummary, StoredRecord

__all__ = ["as_seen"]

_Seen = TypeVar("_Seen", bound="RunSummary | RunRecord")


def as_seen(
    subject: _Seen, host: HostIdentity, live: LiveCheck = is_alive, *, now_ms: int | None = None
) -> _Seen:
    """Return the record or summary as it is shown; the same object when its process lives.

    `host` is the reader: its boot id tells runs of an earlier boot. Only records that come from
    the store know their process; any other one is returned as it is.
    """
    if isinstance(subject, RunSummary):
        boot, pid, started = subject.boot_id, subject.pid, subject.pid_started_ms
    elif isinstance(subject, StoredRecord) and subject.host is not None:
        boot, pid, started = subject.host.boot_id, subject.host.pid, subject.host.proof_ms
    else:
        return subject
    if (
        not boot
        or subject.worker_id not in ("", "local")
        or not recovery.is_recoverable(subject.status)
        or not recovery.is_dead(boot, pid, started, host.boot_id, live)
    ):
        return subject
    finished_ms = SystemClock().now_ms() if now_ms is None else now_ms
    seen: RunSummary | RunRecord
    if isinstance(subject, RunSummary):
        seen = dataclasses.replace(
            subject,
            status=RunStatus.FAILED,
            error=recovery.STALE_LOCAL_ERROR,
            finished_ms=finished_ms,
        )
    else:
        seen = recovery.fail_record(subject, recovery.STALE_LOCAL_ERROR, finished_ms)
    return cast("_Seen", seen)
