"""Status reports of workers (spec 20 section 4.8).

Every report is fenced. The first report of an attempt, and every final one, is checked and
written in one durable transaction; the ones between go into the commit window, because the
attempt is known already and its lease is in memory.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from edge.cluster.fencing import (
    LEASE_INACTIVE,
    Latest,
    claim_key_of,
    lease_verdict,
    report_verdict,
)
from edge.cluster.hub import Hub, Tracked
from edge.cluster.leases import LeaseRecord
from edge.cluster.liveness import lease_row
from edge.cluster.logpaths import rewrite_paths
from edge.cluster.rpc import Caller, Code, RpcError
from edge.cluster.wire import pb
from edge.core.record import NodeRecord, RunRecord
from edge.core.status import RunStatus, TriggerType
from edge.store import Store, StoredRecord
from edge.store import cluster as rows

__all__ = ["Reports", "parse_status"]


def parse_status(text: str) -> RunRecord:
    """Return the record of a `json_data`. Raises: RpcError."""
    try:
        data: Any = json.loads(text)
        if not isinstance(data, dict):
            raise ValueError("expected an object")
        return RunRecord.from_json(data)
    except ValueError as exc:
        raise RpcError(
            Code.INVALID_ARGUMENT,
            f"failed to convert status: failed to unmarshal DAGRunStatus: {exc}",
        ) from exc


class Reports:
    """ReportStatus."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def report(self, request: pb.ReportStatusRequest, caller: Caller) -> str:
        """Write a status; return why it is rejected, empty when accepted. Raises: RpcError."""
        if not request.HasField("status"):
            raise RpcError(Code.INVALID_ARGUMENT, "status is required")
        record = parse_status(request.status.json_data)
        if not (request.worker_id and record.run_id and record.attempt_id):
            raise RpcError(
                Code.INVALID_ARGUMENT, "worker, DAG run, and attempt identity are required"
            )
        if not record.labels:
            record.labels = [part.strip() for part in request.labels.split(",") if part.strip()]
        if record.effective_root != record.ref:
            raise RpcError(
                Code.UNIMPLEMENTED,
                "reports of sub-DAG runs are not supported in this version of edge yet",
            )
        hub, key = self._hub, claim_key_of(record)
        lease = hub.leases.get(key)
        if error := lease_verdict(record, request.worker_id, lease):
            return error
        rewrite_paths(record, hub.settings.paths.log_dir)
        record.worker_id = record.worker_id or request.worker_id
        tracked = hub.tracked.get(key)
        if lease is not None and tracked is not None and record.status is RunStatus.RUNNING:
            if record.attempt_id != tracked.record.attempt_id:
                return LEASE_INACTIVE
            self._write_progress(key, record, tracked)
            return ""
        return await self._write_checked(
            key, request.worker_id, record, has_lease=lease is not None, is_edge=caller.is_edge
        )

    def _write_progress(self, key: str, record: RunRecord, tracked: Tracked) -> None:
        _keep_known(record, tracked.record)
        row, text = tracked.attempt_row, _run_level(record)
        keys = [name for name, _ in _keyed(record)]
        run_changed = text != tracked.written

        def apply(store: Store) -> None:
            if run_changed:
                store.write_run(row, record)
            store.write_nodes(row, record, keys)

        self._hub.writer.submit(apply)
        self._hub.tracked[key] = Tracked(row, record, text)

    async def _write_checked(
        self, key: str, worker_id: str, record: RunRecord, *, has_lease: bool, is_edge: bool
    ) -> str:
        hub = self._hub
        ends = record.status.is_final or record.status is RunStatus.WAITING
        wall_ms = hub.wall_ms()
        lease = LeaseRecord(
            attempt_key=key,
            run=record.ref,
            root=record.effective_root,
            attempt_id=record.attempt_id,
            worker_id=worker_id,
            claim_token="",
            queue=record.proc_group or record.name,
        )

        def apply(store: Store) -> tuple[str, int]:
            stored = store.load_record(record.ref)
            latest = None if stored is None else _latest(store, stored)
            error = report_verdict(record, has_lease=has_lease, latest=latest, is_edge=is_edge)
            if error or stored is None:
                return error, 0
            _keep_known(record, stored)
            if not store.replace(stored.attempt_row, record, expected=(stored.status,)):
                return LEASE_INACTIVE, 0
            if ends:
                rows.delete_lease(store, key)
                store.set_contact(stored.attempt_row, None)
            elif not has_lease:
                rows.put_lease(store, lease_row(lease, wall_ms, is_edge=is_edge))
            return "", stored.attempt_row

        error, row = await hub.writer.commit(apply)
        if error:
            hub.log.warning(
                "Status report rejected",
                dag=record.name,
                run_id=record.run_id,
                attempt_id=record.attempt_id,
                worker_id=record.worker_id,
                error=error,
            )
            return error
        if ends:
            hub.leases.drop(key)
            hub.tracked.pop(key, None)
            hub.log.info(
                "Run of worker ended",
                dag=record.name,
                run_id=record.run_id,
                worker_id=record.worker_id,
                status=record.status.word,
            )
        else:
            hub.leases.grant(lease, hub.now_ms(), is_edge=is_edge)
            hub.tracked[key] = Tracked(row, record, _run_level(record))
        return ""


def _latest(store: Store, record: StoredRecord) -> Latest:
    return Latest(
        attempt_id=record.attempt_id,
        attempt_key=record.attempt_key,
        status=record.status,
        error=record.error,
        worker_id=record.worker_id,
        is_abort_requested=store.abort_requested(record.attempt_row),
    )


def _keep_known(record: RunRecord, stored: RunRecord) -> None:
    """Keep what the coordinator knows better than the worker.

    Existing labels win; a worker's clock does not date the run; who asked for it is not known
    there.
    """
    record.labels = list(stored.labels) or record.labels
    record.created_ms = stored.created_ms or record.created_ms
    if record.trigger_type is TriggerType.UNKNOWN:
        record.trigger_type = stored.trigger_type
    record.trigger_actor = record.trigger_actor or stored.trigger_actor
    record.schedule_time = record.schedule_time or stored.schedule_time
    record.definition_id = record.definition_id or stored.definition_id


def _keyed(record: RunRecord) -> list[tuple[str, NodeRecord]]:
    steps = [(str(index), node) for index, node in enumerate(record.nodes)]
    return steps + list(record.handlers.items())


def _run_level(record: RunRecord) -> str:
    bare = dataclasses.replace(record, nodes=[], handlers={})
    return json.dumps(bare.to_json(), sort_keys=True)
