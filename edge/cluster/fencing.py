"""May this status report be written? The rules of spec 20 section 4.8, as one table. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from edge.cluster.leases import LeaseRecord, lease_expired_text
from edge.core.record import RunRecord
from edge.core.status import RunStatus

__all__ = [
    "LEASE_INACTIVE",
    "RUN_TERMINAL",
    "SUPERSEDED",
    "Latest",
    "claim_key_of",
    "lease_verdict",
    "report_verdict",
]

SUPERSEDED = "stale attempt: superseded by newer attempt"
LEASE_INACTIVE = "stale attempt: lease no longer active"
RUN_TERMINAL = "stale attempt: run already terminal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Latest:
    """The latest attempt of the reported run, as the store has it."""

    attempt_id: str
    attempt_key: str
    status: RunStatus
    error: str = ""
    worker_id: str = ""
    is_abort_requested: bool = False


def claim_key_of(report: RunRecord) -> str:
    """Return the key under which the lease is held: claim key, else attempt key."""
    return report.claim_key or report.attempt_key


def lease_verdict(report: RunRecord, worker_id: str, lease: LeaseRecord | None) -> str:
    """Return why the lease forbids the report; empty when it does not (step 3)."""
    is_child = report.effective_root != report.ref
    if lease is None:
        return LEASE_INACTIVE if is_child and report.claim_key else ""
    if lease.worker_id != worker_id or lease.root != report.effective_root:
        return SUPERSEDED
    # A child in the worker's own process reports under the claim of the run that was claimed.
    if claim_key_of(report) == report.attempt_key and (
        lease.run != report.ref or lease.attempt_id != report.attempt_id
    ):
        return SUPERSEDED
    return ""


def report_verdict(
    report: RunRecord, *, has_lease: bool, latest: Latest | None, is_edge: bool = False
) -> str:
    """Return why the report is rejected; empty when it is to be written (steps 5 to 8)."""
    if latest is None:
        return LEASE_INACTIVE
    if not has_lease and latest.status is not RunStatus.NOT_STARTED and not latest.status.is_final:
        return LEASE_INACTIVE
    if report.attempt_id != latest.attempt_id:
        return SUPERSEDED
    if report.attempt_key and latest.attempt_key and report.attempt_key != latest.attempt_key:
        return SUPERSEDED
    if not latest.status.is_final:
        return ""
    if report.status is latest.status:
        return ""
    if (
        latest.status is RunStatus.FAILED
        and report.status is RunStatus.ABORTED
        and latest.is_abort_requested
    ):
        return ""
    # Between two edge ends the late report of the same attempt knows better (section 18a): a final
    # one, or any from a worker that took up its lease again.
    if is_edge and _was_given_up(latest) and (report.status.is_final or has_lease):
        return ""
    if not report.status.is_final and not has_lease:
        return LEASE_INACTIVE
    return RUN_TERMINAL


def _was_given_up(latest: Latest) -> bool:
    return latest.status is RunStatus.FAILED and latest.error == lease_expired_text(
        latest.worker_id
    )
