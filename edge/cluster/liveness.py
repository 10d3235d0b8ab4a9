"""Signs of life of running attempts, and what silence leads to (spec 20 sections 4.6, 4.7, 4.9).

The lease table decides; this carries its decisions into the store.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from edge.cluster.hub import Hub
from edge.cluster.leases import (
    Expire,
    Forget,
    LeaseAction,
    LeaseRecord,
    MarkReachable,
    MarkUnreachable,
    Revive,
    lease_expired_text,
)
from edge.cluster.rpc import Caller
from edge.cluster.wire import pb
from edge.core.clock import format_rfc3339
from edge.core.ids import RunRef
from edge.core.jsontypes import JsonObject, JsonValue
from edge.core.record import NodeRecord, RunRecord
from edge.core.status import NodeStatus, RunStatus
from edge.store import Store
from edge.store import cluster as rows
from edge.store.recovery import fail_record

__all__ = ["Liveness", "lease_of", "lease_row"]


def lease_row(lease: LeaseRecord, wall_ms: int, *, is_edge: bool) -> rows.LeaseRow:
    """Return the lease as the store keeps it."""
    return rows.LeaseRow(
        attempt_key=lease.attempt_key,
        run=lease.run,
        root=lease.root,
        attempt_id=lease.attempt_id,
        worker_id=lease.worker_id,
        claim_token=lease.claim_token,
        claimed_ms=wall_ms,
        last_ms=wall_ms,
        queue=lease.queue,
        is_edge=is_edge,
    )


def lease_of(row: rows.LeaseRow) -> LeaseRecord:
    """Return a stored lease as the table holds it."""
    return LeaseRecord(
        attempt_key=row.attempt_key,
        run=row.run,
        root=row.root,
        attempt_id=row.attempt_id,
        worker_id=row.worker_id,
        claim_token=row.claim_token,
        queue=row.queue,
    )


class Liveness:
    """Run heartbeats, cancellation by heartbeat, and the lease sweep."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def load(self) -> None:
        """Take up the leases of an earlier process; each counts as fresh."""
        hub = self._hub
        leases = await hub.read(rows.list_leases)
        now_ms = hub.now_ms()
        for row in leases:
            hub.leases.grant(lease_of(row), now_ms, is_edge=row.is_edge)
            summary = await hub.read(lambda store, ref=row.run: store.summary_of(ref))  # type: ignore[misc]
            if summary is not None and summary.last_contact_ms is not None:
                hub.leases.set_unreachable(row.attempt_key)

    async def sweep(self) -> None:
        """Act on silence: unreachable, expired, forgotten."""
        hub, now_ms = self._hub, self._hub.now_ms()
        if not len(hub.leases):
            return
        listed, silent = hub.workers.listed(now_ms), hub.workers.silent(now_ms)
        await self.apply(hub.leases.sweep(now_ms, listed, silent))

    async def heartbeat(
        self, worker_id: str, tasks: Iterable[pb.RunningTask], caller: Caller
    ) -> list[str]:
        """Refresh the leases of running tasks; return the attempt keys to cancel."""
        hub, now_ms = self._hub, self._hub.now_ms()
        cancelled: list[str] = []
        owned: list[pb.RunningTask] = []
        changes: list[LeaseAction] = []
        for task in tasks:
            if not task.attempt_key:
                continue
            run = RunRef(task.dag_name, task.dag_run_id)
            root = run
            if task.root_dag_run_id:
                root = RunRef(task.root_dag_run_name, task.root_dag_run_id)
            if not hub.leases.owns(task.attempt_key, worker_id, run, root):
                cancelled.append(task.attempt_key)
                continue
            change = hub.leases.refresh(task.attempt_key, now_ms, is_edge=caller.is_edge)
            if change is not None:
                changes.append(change)
            owned.append(task)
        await self.apply(changes)
        return cancelled + await self.cancelled(owned)

    async def cancelled(self, tasks: Sequence[pb.RunningTask]) -> list[str]:
        """Return the attempt keys of running tasks that must stop (section 4.7)."""
        if not tasks:
            return []
        wanted = [(t.attempt_key, RunRef(t.dag_name, t.dag_run_id)) for t in tasks]

        def look(store: Store) -> list[str]:
            return [key for key, ref in wanted if key and _must_stop(store, key, ref)]

        return await self._hub.read(look)

    async def apply(self, actions: Sequence[LeaseAction]) -> None:
        """Carry out what the lease table decided."""
        hub = self._hub
        for action in actions:
            lease = action.lease
            match action:
                case MarkUnreachable():
                    if await self._mark(lease, action.last_contact_ms):
                        hub.log.warning("Run is unreachable", **_fields(lease))
                    else:
                        await self._forget(lease)
                case MarkReachable():
                    await self._mark(lease, None)
                    hub.log.info("Run is reachable again", **_fields(lease))
                case Expire():
                    if await self._expire(lease):
                        hub.log.warning("Lease expired, run failed", **_fields(lease))
                    else:
                        await self._forget(lease)
                case Revive():
                    await self._revive(lease)
                    hub.log.info("Run is alive after all", **_fields(lease))
                case Forget():
                    await self._forget(lease)

    async def _forget(self, lease: LeaseRecord) -> None:
        """Remove the lease of a run that has ended, is gone, or has a newer attempt."""
        hub, key = self._hub, lease.attempt_key
        hub.leases.drop(key)
        hub.tracked.pop(key, None)
        await hub.writer.commit(lambda store: rows.delete_lease(store, key))

    async def _mark(self, lease: LeaseRecord, contact_ms: int | None) -> bool:
        """Write or take away the condition `Reachable=Unknown` with the last contact.

        Returns False when the attempt is not the latest one of an active run.
        """
        hub = self._hub
        wall_ms = hub.wall_ms()
        seen_ms = None if contact_ms is None else wall_ms - (hub.now_ms() - contact_ms)

        def apply(store: Store) -> bool:
            record = store.load_record(lease.run)
            if record is None or record.attempt_id != lease.attempt_id or record.status.is_final:
                return False
            _set_reachable(record, lease.worker_id, seen_ms)
            store.write_run(record.attempt_row, record)
            store.set_contact(record.attempt_row, seen_ms)
            return True

        hub.tracked.pop(lease.attempt_key, None)
        return await hub.writer.commit(apply)

    async def _expire(self, lease: LeaseRecord) -> bool:
        """Fail the run; False when the attempt is not the latest one of an active run."""
        hub, error = self._hub, lease_expired_text(lease.worker_id)
        wall_ms = hub.wall_ms()

        def apply(store: Store) -> bool:
            record = store.load_record(lease.run)
            if record is None or record.attempt_id != lease.attempt_id:
                return False
            if record.status not in (RunStatus.RUNNING, RunStatus.QUEUED, RunStatus.NOT_STARTED):
                return False
            failed = fail_record(record, error, wall_ms)
            failed.worker_id = failed.worker_id or lease.worker_id
            failed.extra = _without_reachable(failed.extra)
            return store.finish(record.attempt_row, failed)

        hub.tracked.pop(lease.attempt_key, None)
        return await hub.writer.commit(apply)

    async def _revive(self, lease: LeaseRecord) -> None:
        """Take the failure of a lease that ran out back (section 4.6)."""
        hub, error = self._hub, lease_expired_text(lease.worker_id)

        def apply(store: Store) -> None:
            record = store.load_record(lease.run)
            if (
                record is None
                or record.attempt_id != lease.attempt_id
                or record.status is not RunStatus.FAILED
                or record.error != error
            ):
                return
            record.status, record.error, record.finished_ms = RunStatus.RUNNING, "", None
            for node in [*record.nodes, *record.handlers.values()]:
                _revive_node(node, error)
            store.replace(record.attempt_row, record, expected=(RunStatus.FAILED,))
            store.set_contact(record.attempt_row, None)

        await hub.writer.commit(apply)
        hub.tracked.pop(lease.attempt_key, None)


def _must_stop(store: Store, key: str, ref: RunRef) -> bool:
    summary = store.summary_of(ref)
    row = store.attempt_row(ref)
    if summary is None or row is None:
        return True
    if summary.attempt_id != key.rpartition(":")[2]:
        return True
    if summary.status.is_final and not summary.status.is_success:
        return True
    return store.abort_requested(row)


def _set_reachable(record: RunRecord, worker_id: str, seen_ms: int | None) -> None:
    record.extra = _without_reachable(record.extra)
    if seen_ms is None:
        return
    condition: JsonObject = {
        "type": "Reachable",
        "status": "Unknown",
        "reason": "LeaseOverdue",
        "message": f"no contact with worker {worker_id}",
        "checkedAt": format_rfc3339(seen_ms),
    }
    kept = record.extra.get("conditions")
    others: list[JsonValue] = kept if isinstance(kept, list) else []
    record.extra["conditions"] = [*others, condition]


def _without_reachable(extra: JsonObject) -> JsonObject:
    kept = extra.get("conditions")
    if not isinstance(kept, list):
        return dict(extra)
    others = [
        item for item in kept if not (isinstance(item, dict) and item.get("type") == "Reachable")
    ]
    rest = {key: value for key, value in extra.items() if key != "conditions"}
    return {**rest, "conditions": others} if others else rest


def _revive_node(node: NodeRecord, error: str) -> None:
    if node.status is not NodeStatus.FAILED or node.error != error:
        return
    running = node.started_ms is not None
    node.status = NodeStatus.RUNNING if running else NodeStatus.NOT_STARTED
    node.error, node.finished_ms = "", None


def _fields(lease: LeaseRecord) -> dict[str, Any]:
    return {
        "dag": lease.run.name,
        "run_id": lease.run.run_id,
        "attempt_id": lease.attempt_id,
        "worker_id": lease.worker_id,
    }
