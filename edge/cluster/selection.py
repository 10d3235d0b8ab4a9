"""Which worker may take which task, and whether a task can be placed at all. Pure.

Spec 20 sections 4.1 and 4.2.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from edge.cluster.rpc import Code, RpcError

__all__ = [
    "TASK_TTL_MS",
    "WORKER_USABLE_MS",
    "Placement",
    "Seat",
    "can_take",
    "check_placement",
    "health_of",
    "pick_task",
]

#: a pending task, or a claim that nobody acknowledged, lives this long
TASK_TTL_MS = 30_000
#: a worker counts for Dispatch while its last heartbeat is at most this old
WORKER_USABLE_MS = 30_000


class Placement(Protocol):
    """What a task asks of a worker."""

    @property
    def selector(self) -> Mapping[str, str]: ...
    @property
    def target_worker_id(self) -> str: ...
    @property
    def enqueued_ms(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Seat:
    """A worker as placement sees it."""

    worker_id: str
    labels: Mapping[str, str] = field(default_factory=dict)
    heartbeat_ms: int = 0


P = TypeVar("P", bound=Placement)


def can_take(
    selector: Mapping[str, str], target_worker_id: str, worker_id: str, labels: Mapping[str, str]
) -> bool:
    """Return whether a worker matches: exact, case-sensitive.

    An empty selector matches any worker; a selector value "" also matches a missing label.
    """
    if target_worker_id and target_worker_id != worker_id:
        return False
    return all(labels.get(key, "") == value for key, value in selector.items())


def pick_task(
    pending: Iterable[P], worker_id: str, labels: Mapping[str, str], now_ms: int
) -> P | None:
    """Return the oldest task, in the given order, that this worker may have."""
    for task in pending:
        if now_ms - task.enqueued_ms >= TASK_TTL_MS:
            continue
        if can_take(task.selector, task.target_worker_id, worker_id, labels):
            return task
    return None


def check_placement(
    workers: Iterable[Seat],
    selector: Mapping[str, str],
    target_worker_id: str,
    now_ms: int,
    legacy: Collection[str] = (),
) -> None:
    """Refuse a task that no known worker could take; busy workers count as available.

    `legacy` are workers that cannot acknowledge (spec 20 section 14).
    Raises: RpcError with the codes and texts of spec 20 section 4.2.
    """
    usable = [
        worker
        for worker in workers
        if now_ms - worker.heartbeat_ms <= WORKER_USABLE_MS and worker.worker_id not in legacy
    ]
    if not usable:
        raise RpcError(Code.UNAVAILABLE, "no available workers")
    if not any(can_take(selector, target_worker_id, w.worker_id, w.labels) for w in usable):
        raise RpcError(Code.FAILED_PRECONDITION, "no workers match the required selector")


def health_of(age_ms: int) -> str:
    """Return the health word of a worker whose last heartbeat is `age_ms` old."""
    if age_ms < 5_000:
        return "healthy"
    return "warning" if age_ms < 15_000 else "unhealthy"
