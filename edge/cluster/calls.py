"""The RPCs of a coordinator as trio functions over messages (spec 20 section 4)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import trio
from google.protobuf.message import Message

from edge.cluster.board import TaskBoard
from edge.cluster.bridge import Handler, Reader
from edge.cluster.dispatch import Dispatcher
from edge.cluster.hub import Hub
from edge.cluster.leases import LeaseRecord
from edge.cluster.liveness import Liveness, lease_row
from edge.cluster.logsink import LogSink, check_stream, stream_identity
from edge.cluster.reports import Reports
from edge.cluster.rpc import Caller, Code, RpcError
from edge.cluster.wire import METHODS, SERVICE, health_pb2, pb
from edge.core.errors import DuplicateRunError, NotFoundError, UserError
from edge.core.ids import RunRef, check_dag_name
from edge.core.jsontypes import JsonObject
from edge.core.status import RunStatus, TriggerType
from edge.store import Store
from edge.store import cluster as rows

__all__ = ["Calls"]

_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class Calls:
    """One method for each RPC; `handlers` is the table that a transport serves."""

    def __init__(
        self,
        hub: Hub,
        board: TaskBoard,
        dispatcher: Dispatcher,
        reports: Reports,
        liveness: Liveness,
    ) -> None:
        self._hub = hub
        self._board = board
        self._dispatcher = dispatcher
        self._reports = reports
        self._liveness = liveness
        self.is_serving = True

    def handlers(self) -> Mapping[str, Handler]:
        """Return a handler for every method of the contract."""
        built: dict[str, Handler] = {
            "Check": self.check,
            "Poll": self.poll,
            "Dispatch": self.dispatch,
            "GetWorkers": self.get_workers,
            "Heartbeat": self.heartbeat,
            "AckTaskClaim": self.ack_task_claim,
            "RunHeartbeat": self.run_heartbeat,
            "ReportStatus": self.report_status,
            "StreamLogs": self.stream_logs,
            "GetDAGRunStatus": self.get_dag_run_status,
            "RequestCancel": self.request_cancel,
            "GetDAG": self.get_dag,
            "ClaimAgentSessionCleanup": self.claim_agent_session_cleanup,
        }
        return {name: built.get(name) or _not_built(name) for name in METHODS}

    async def check(self, request: Any, _caller: Caller) -> Message:
        if request.service not in ("", SERVICE):
            raise RpcError(Code.NOT_FOUND, "unknown service")
        status = _SERVING if self.is_serving else _NOT_SERVING
        return health_pb2.HealthCheckResponse(status=status)

    async def poll(self, request: pb.PollRequest, caller: Caller) -> pb.PollResponse:
        if not request.poller_id:
            raise RpcError(Code.INVALID_ARGUMENT, "poller_id is required")
        task = await self._board.take(
            request.worker_id, request.poller_id, dict(request.labels), is_edge=caller.is_edge
        )
        if task is None:
            raise RpcError(Code.UNAVAILABLE, "coordinator is shutting down")
        return pb.PollResponse(task=task)

    async def dispatch(self, request: pb.DispatchRequest, caller: Caller) -> pb.DispatchResponse:
        if not request.HasField("task"):
            raise RpcError(Code.INVALID_ARGUMENT, "task is required")
        if request.admission_reservation_token:
            raise RpcError(
                Code.FAILED_PRECONDITION, "failed to enqueue task: dispatch admission not found"
            )
        try:
            # The wire does not say who asked; between edge ends a person: `start --dispatch`.
            by_hand = caller.is_edge and request.task.operation == pb.OPERATION_START
            trigger = TriggerType.MANUAL if by_hand else TriggerType.UNKNOWN
            await self._dispatcher.dispatch(request.task, trigger=trigger)
        except DuplicateRunError as exc:
            raise RpcError(Code.INTERNAL, f"failed to prepare attempt: {exc.message}") from exc
        return pb.DispatchResponse()

    async def get_workers(self, _request: Any, _caller: Caller) -> pb.GetWorkersResponse:
        return pb.GetWorkersResponse(workers=self._hub.workers.infos(self._hub.now_ms()))

    async def heartbeat(
        self, request: pb.HeartbeatRequest, _caller: Caller
    ) -> pb.HeartbeatResponse:
        _require(request.worker_id, "worker_id is required")
        hub = self._hub
        if hub.workers.heard(request, hub.now_ms(), hub.wall_ms()):
            hub.log.info(
                "Worker connected", worker_id=request.worker_id, labels=dict(request.labels)
            )
        keys = await self._liveness.cancelled(list(request.stats.running_tasks))
        return pb.HeartbeatResponse(cancelled_runs=[pb.CancelledRun(attempt_key=k) for k in keys])

    async def run_heartbeat(
        self, request: pb.RunHeartbeatRequest, caller: Caller
    ) -> pb.RunHeartbeatResponse:
        _require(request.worker_id, "worker_id is required")
        keys = await self._liveness.heartbeat(request.worker_id, request.running_tasks, caller)
        return pb.RunHeartbeatResponse(
            cancelled_runs=[pb.CancelledRun(attempt_key=k) for k in dict.fromkeys(keys)]
        )

    async def ack_task_claim(
        self, request: pb.AckTaskClaimRequest, caller: Caller
    ) -> pb.AckTaskClaimResponse:
        _require(request.claim_token, "claim_token is required")
        hub, wall_ms = self._hub, self._hub.wall_ms()

        def apply(store: Store) -> tuple[str, LeaseRecord | None]:
            return _acknowledge(store, request, wall_ms, is_edge=caller.is_edge)

        error, lease = await hub.writer.commit(apply)
        if error or lease is None:
            return pb.AckTaskClaimResponse(accepted=not error, error=error)
        self._board.settle(request.claim_token)
        hub.leases.grant(lease, hub.now_ms(), is_edge=caller.is_edge)
        return pb.AckTaskClaimResponse(accepted=True)

    async def report_status(
        self, request: pb.ReportStatusRequest, caller: Caller
    ) -> pb.ReportStatusResponse:
        error = await self._reports.report(request, caller)
        return pb.ReportStatusResponse(accepted=not error, error=error)

    async def stream_logs(self, reader: Reader, _caller: Caller) -> pb.StreamLogsResponse:
        sink: LogSink | None = None
        try:
            while (chunk := await reader.read()) is not None:
                if sink is None:
                    identity = stream_identity(chunk)
                    check_stream(identity, self._hub.leases)
                    sink = LogSink(self._hub.settings.paths.log_dir, identity)
                await trio.to_thread.run_sync(sink.add, chunk)
        finally:
            if sink is not None:
                sink.close()
        if sink is None:
            return pb.StreamLogsResponse()
        return pb.StreamLogsResponse(chunks_received=sink.chunks, bytes_written=sink.written_bytes)

    async def get_dag_run_status(
        self, request: pb.GetDAGRunStatusRequest, _caller: Caller
    ) -> pb.GetDAGRunStatusResponse:
        if not (request.dag_name and request.dag_run_id):
            raise RpcError(Code.INVALID_ARGUMENT, "dag_name and dag_run_id are required")
        ref = RunRef(request.dag_name, request.dag_run_id)
        # What was accepted a moment ago may still wait for the commit window.
        await self._hub.writer.flush()
        record = await self._hub.read(lambda store: store.load_record(ref))
        if record is None:
            return pb.GetDAGRunStatusResponse()
        return pb.GetDAGRunStatusResponse(
            found=True, status=pb.DAGRunStatusProto(json_data=_dump(record.to_json()))
        )

    async def request_cancel(
        self, request: pb.RequestCancelRequest, _caller: Caller
    ) -> pb.RequestCancelResponse:
        _require(request.dag_name, "dag_name is required")
        _require(request.dag_run_id, "dag_run_id is required")
        error = await self.cancel(RunRef(request.dag_name, request.dag_run_id))
        return pb.RequestCancelResponse(accepted=not error, error=error)

    async def cancel(self, ref: RunRef) -> str:
        """Set the abort flag; return why it cannot be. A finished run is no error."""
        wall_ms = self._hub.wall_ms()

        def apply(store: Store) -> str:
            try:
                store.request_abort(ref)
            except NotFoundError as exc:
                return f"failed to find DAG run: {exc.message}"
            record = store.load_record(ref)
            if record is not None and record.status is RunStatus.NOT_STARTED:
                record.status, record.finished_ms = RunStatus.ABORTED, wall_ms
                record.error = "context canceled"
                store.finish(record.attempt_row, record)
            return ""

        return await self._hub.writer.commit(apply)

    async def get_dag(self, request: pb.GetDAGRequest, _caller: Caller) -> pb.GetDAGResponse:
        folder = self._hub.settings.paths.dags_dir
        text = await trio.to_thread.run_sync(_read_dag, folder, request.name)
        if text is None:
            return pb.GetDAGResponse(error="DAG is not found")
        return pb.GetDAGResponse(spec=text)

    async def claim_agent_session_cleanup(
        self, _request: Any, _caller: Caller
    ) -> pb.ClaimAgentSessionCleanupResponse:
        return pb.ClaimAgentSessionCleanupResponse()


def _not_built(name: str) -> Callable[[Any, Caller], Awaitable[Message]]:
    async def refuse(_request: Any, _caller: Caller) -> Message:
        raise RpcError(
            Code.UNIMPLEMENTED, f"method {name} is not implemented in this version of edge yet"
        )

    return refuse


def _acknowledge(
    store: Store, request: pb.AckTaskClaimRequest, wall_ms: int, *, is_edge: bool
) -> tuple[str, LeaseRecord | None]:
    """Turn a claim into a lease; return why not, and the new lease (section 4.4)."""
    claim = rows.find_claim(store, request.claim_token)
    if claim is None:
        held = rows.find_lease(store, request.attempt_key) if request.attempt_key else None
        if (
            held is not None
            and request.worker_id
            and (held.worker_id, held.claim_token) == (request.worker_id, request.claim_token)
        ):
            return "", None
        return "claim not found or expired", None
    worker_id = request.worker_id or claim.worker_id
    if worker_id != claim.worker_id:
        return "claim belongs to a different worker", None
    if request.attempt_key and request.attempt_key != claim.task.attempt_key:
        return "claim belongs to a different attempt", None
    lease = LeaseRecord(
        attempt_key=claim.task.attempt_key,
        run=claim.task.run,
        root=claim.task.root,
        attempt_id=claim.task.attempt_id,
        worker_id=worker_id,
        claim_token=claim.token,
        queue=claim.task.queue,
    )
    row = lease_row(lease, wall_ms, is_edge=is_edge)
    if not rows.acknowledge(store, claim.token, row).granted:
        return "attempt claim conflicts with the active lease", None
    return "", lease


def _read_dag(folder: Path, name: str) -> str | None:
    try:
        check_dag_name(name)
        for suffix in (".yaml", ".yml"):
            path = folder / f"{name}{suffix}"
            if path.is_file():
                return path.read_text(encoding="utf-8")
    except (UserError, OSError, UnicodeDecodeError):
        return None
    return None


def _require(value: str, text: str) -> None:
    if not value:
        raise RpcError(Code.INVALID_ARGUMENT, text)


def _dump(data: JsonObject) -> str:
    import json

    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))
