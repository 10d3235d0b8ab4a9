"""The lease table: who has the right to run which attempt, and when that went quiet. Pure.

Times are the coordinator's own receive times, on one monotonic scale in milliseconds that the
caller passes in; a worker's clock never matters (spec 20 sections 4.4, 4.6, 4.9, 18a).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from edge.core.ids import RunRef

__all__ = [
    "LEASE_STALE_MS",
    "Expire",
    "Forget",
    "LeaseAction",
    "LeaseRecord",
    "LeaseTable",
    "MarkReachable",
    "MarkUnreachable",
    "Revive",
    "lease_expired_text",
]

#: a lease without a heartbeat for this long is stale
LEASE_STALE_MS = 30_000
#: how long an expired lease stays, so that a late heartbeat can revive its run: Dagu's sweep
#: period toward Dagu workers; an edge worker may come back much later
_KEEP_DAGU_MS = 45_000
_KEEP_EDGE_MS = 7 * 24 * 3_600_000


def lease_expired_text(worker_id: str) -> str:
    """Return the error of a run whose lease ran out (spec 20 section 4.9)."""
    return (
        f"distributed run lease expired: worker {worker_id} accepted the task claim but stopped"
        " reporting to the owner coordinator"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseRecord:
    """Identity of a lease; it never changes."""

    attempt_key: str
    run: RunRef
    root: RunRef
    attempt_id: str
    worker_id: str
    claim_token: str
    queue: str = ""

    def is_same(self, other: LeaseRecord) -> bool:
        """Return whether both name the same grant."""
        return (self.run, self.root, self.attempt_id, self.worker_id, self.claim_token) == (
            other.run,
            other.root,
            other.attempt_id,
            other.worker_id,
            other.claim_token,
        )


@dataclass(frozen=True, slots=True)
class MarkUnreachable:
    """Show the run as out of contact; it is neither failed nor dispatched again."""

    lease: LeaseRecord
    last_contact_ms: int


@dataclass(frozen=True, slots=True)
class MarkReachable:
    """Take the mark away: the worker is back."""

    lease: LeaseRecord


@dataclass(frozen=True, slots=True)
class Expire:
    """Fail the run with `lease_expired_text` and drop the lease."""

    lease: LeaseRecord
    last_contact_ms: int


@dataclass(frozen=True, slots=True)
class Revive:
    """Take the failure by `Expire` back: the worker was heard again."""

    lease: LeaseRecord


@dataclass(frozen=True, slots=True)
class Forget:
    """Remove the stored lease; nothing else happens."""

    lease: LeaseRecord


LeaseAction: TypeAlias = "MarkUnreachable | MarkReachable | Expire | Revive | Forget"


@dataclass(slots=True)
class _Entry:
    lease: LeaseRecord
    contact_ms: int
    is_edge: bool
    is_unreachable: bool = False
    expired_ms: int | None = None


class LeaseTable:
    """Leases by attempt key. Every method is a plain calculation."""

    def __init__(
        self, *, stale_ms: int = LEASE_STALE_MS, unreachable_limit_ms: int = 24 * 3_600_000
    ) -> None:
        """`unreachable_limit_ms` 0 = an edge run is never given up."""
        self._stale_ms = stale_ms
        self._limit_ms = unreachable_limit_ms
        self._entries: dict[str, _Entry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[LeaseRecord]:
        return iter([entry.lease for entry in self._entries.values()])

    def get(self, attempt_key: str) -> LeaseRecord | None:
        """Return the lease of an attempt key, also a stale one."""
        entry = self._entries.get(attempt_key)
        return entry.lease if entry else None

    def grant(self, lease: LeaseRecord, now_ms: int, *, is_edge: bool) -> bool:
        """Add or renew a lease. False: one with another identity holds the key."""
        entry = self._entries.get(lease.attempt_key)
        if entry is None:
            self._entries[lease.attempt_key] = _Entry(lease, now_ms, is_edge)
            return True
        if not entry.lease.is_same(lease):
            return False
        entry.contact_ms = max(entry.contact_ms, now_ms)
        return True

    def owns(self, attempt_key: str, worker_id: str, run: RunRef, root: RunRef) -> bool:
        """Return whether this worker holds the lease for exactly this run."""
        entry = self._entries.get(attempt_key)
        return entry is not None and (
            entry.lease.worker_id,
            entry.lease.run,
            entry.lease.root,
        ) == (worker_id, run, root)

    def refresh(
        self, attempt_key: str, now_ms: int, *, is_edge: bool | None = None
    ) -> MarkReachable | Revive | None:
        """Note a sign of life; a late one revives a stale lease. Time never goes backwards."""
        entry = self._entries.get(attempt_key)
        if entry is None:
            return None
        entry.contact_ms = max(entry.contact_ms, now_ms)
        if is_edge is not None:
            entry.is_edge = is_edge
        was_expired, was_unreachable = entry.expired_ms is not None, entry.is_unreachable
        entry.expired_ms, entry.is_unreachable = None, False
        if was_expired:
            return Revive(entry.lease)
        return MarkReachable(entry.lease) if was_unreachable else None

    def set_unreachable(self, attempt_key: str) -> None:
        """Note that the stored run carries the mark already (after a restart)."""
        if entry := self._entries.get(attempt_key):
            entry.is_unreachable = True

    def drop(self, attempt_key: str) -> LeaseRecord | None:
        """Remove a lease and return it."""
        entry = self._entries.pop(attempt_key, None)
        return entry.lease if entry else None

    def contact_ms(self, attempt_key: str) -> int | None:
        """Return the time of the last sign of life."""
        entry = self._entries.get(attempt_key)
        return entry.contact_ms if entry else None

    def is_fresh(self, attempt_key: str, now_ms: int) -> bool:
        """Return whether the lease exists and is not stale."""
        entry = self._entries.get(attempt_key)
        return (
            entry is not None
            and entry.expired_ms is None
            and now_ms - entry.contact_ms < self._stale_ms
        )

    def sweep(
        self, now_ms: int, listed: Collection[str] = (), silent: Collection[str] = ()
    ) -> list[LeaseAction]:
        """Return what the silence of workers leads to.

        `listed`: attempt keys that fresh worker heartbeats name. `silent`: workers whose fresh
        heartbeat carries no stats at all; they are left alone. Toward a Dagu worker a stale
        lease fails the run; an edge worker goes on by itself, so its run becomes unreachable, and
        is given up only after the limit.
        """
        actions: list[LeaseAction] = []
        for key, entry in list(self._entries.items()):
            lease = entry.lease
            if entry.expired_ms is not None:
                if now_ms - entry.expired_ms >= (_KEEP_EDGE_MS if entry.is_edge else _KEEP_DAGU_MS):
                    del self._entries[key]
                    actions.append(Forget(lease))
                continue
            age_ms = now_ms - entry.contact_ms
            if age_ms < self._stale_ms or key in listed or lease.worker_id in silent:
                continue
            if entry.is_edge and (not self._limit_ms or age_ms < self._limit_ms):
                if not entry.is_unreachable:
                    entry.is_unreachable = True
                    actions.append(MarkUnreachable(lease, entry.contact_ms))
                continue
            entry.expired_ms = now_ms
            actions.append(Expire(lease, entry.contact_ms))
        return actions
