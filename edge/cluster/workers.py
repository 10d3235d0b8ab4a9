"""The workers a coordinator has heard from, in memory (spec 20 sections 4.5, 4.9, 14).

Ages use the coordinator's receive time on a monotonic scale; the wall time beside it is for
display only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from edge.cluster.selection import WORKER_USABLE_MS, Seat, health_of
from edge.cluster.wire import pb

__all__ = ["WorkerTable", "WorkerView"]

#: a worker that takes tasks and never acknowledges gets none for this long
_LEGACY_MS = 600_000
_HEALTH = {
    "healthy": pb.WORKER_HEALTH_STATUS_HEALTHY,
    "warning": pb.WORKER_HEALTH_STATUS_WARNING,
    "unhealthy": pb.WORKER_HEALTH_STATUS_UNHEALTHY,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerView:
    """One worker as pages and REST show it."""

    worker_id: str
    labels: Mapping[str, str]
    #: `healthy`, `warning` or `unhealthy`
    health: str
    #: Unix milliseconds
    last_heartbeat_ms: int
    total_pollers: int
    busy_pollers: int
    #: attempt keys
    running: tuple[str, ...] = ()


@dataclass(slots=True)
class _Worker:
    labels: Mapping[str, str]
    stats: pb.WorkerStats
    has_stats: bool
    seen_ms: int
    seen_wall_ms: int
    info: Seat = field(init=False)


class WorkerTable:
    """Workers by id. Every method is a plain calculation."""

    def __init__(self) -> None:
        self._workers: dict[str, _Worker] = {}
        self._legacy_until: dict[str, int] = {}

    def heard(self, request: pb.HeartbeatRequest, now_ms: int, wall_ms: int) -> bool:
        """Store a heartbeat; return whether the worker was not known."""
        is_new = request.worker_id not in self._workers
        worker = _Worker(
            dict(request.labels), request.stats, request.HasField("stats"), now_ms, wall_ms
        )
        worker.info = Seat(request.worker_id, worker.labels, now_ms)
        self._workers[request.worker_id] = worker
        return is_new

    def seats(self) -> list[Seat]:
        """Return every known worker for placement."""
        return [worker.info for worker in self._workers.values()]

    def forget_old(self, now_ms: int) -> list[str]:
        """Drop workers that were silent for too long and return their ids."""
        gone = [name for name, w in self._workers.items() if now_ms - w.seen_ms > WORKER_USABLE_MS]
        for name in gone:
            del self._workers[name]
        self._legacy_until = {k: v for k, v in self._legacy_until.items() if v > now_ms}
        return gone

    def is_fresh(self, worker_id: str, now_ms: int) -> bool:
        """Return whether the worker's last heartbeat is recent enough for work."""
        worker = self._workers.get(worker_id)
        return worker is not None and now_ms - worker.seen_ms <= WORKER_USABLE_MS

    def listed(self, now_ms: int) -> set[str]:
        """Return the attempt keys that fresh heartbeats name."""
        return {
            task.attempt_key
            for worker in self._workers.values()
            if now_ms - worker.seen_ms < WORKER_USABLE_MS
            for task in worker.stats.running_tasks
        }

    def silent(self, now_ms: int) -> set[str]:
        """Return the workers whose fresh heartbeat carries no stats at all."""
        return {
            name
            for name, worker in self._workers.items()
            if not worker.has_stats and now_ms - worker.seen_ms < WORKER_USABLE_MS
        }

    def mark_legacy(self, worker_id: str, now_ms: int) -> None:
        """Give this worker no task for a while: it does not acknowledge."""
        self._legacy_until[worker_id] = now_ms + _LEGACY_MS

    def is_legacy(self, worker_id: str, now_ms: int) -> bool:
        """Return whether the worker is barred."""
        return self._legacy_until.get(worker_id, 0) > now_ms

    def legacy(self, now_ms: int) -> set[str]:
        """Return the barred workers."""
        return {name for name, until in self._legacy_until.items() if until > now_ms}

    def views(self, now_ms: int) -> list[WorkerView]:
        """Return every worker for display, by id."""
        return [
            WorkerView(
                worker_id=name,
                labels=worker.labels,
                health=health_of(now_ms - worker.seen_ms),
                last_heartbeat_ms=worker.seen_wall_ms,
                total_pollers=worker.stats.total_pollers,
                busy_pollers=worker.stats.busy_pollers,
                running=tuple(task.attempt_key for task in worker.stats.running_tasks),
            )
            for name, worker in sorted(self._workers.items())
        ]

    def infos(self, now_ms: int) -> list[pb.WorkerInfo]:
        """Return every worker as GetWorkers answers it."""
        return [
            pb.WorkerInfo(
                worker_id=name,
                labels=worker.labels,
                total_pollers=worker.stats.total_pollers,
                busy_pollers=worker.stats.busy_pollers,
                running_tasks=worker.stats.running_tasks,
                last_heartbeat_at=worker.seen_wall_ms // 1000,
                health_status=_HEALTH[health_of(now_ms - worker.seen_ms)],
            )
            for name, worker in sorted(self._workers.items())
        ]
