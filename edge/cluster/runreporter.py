"""How a run on a worker tells its coordinator: the Reporter of `edge.engine` over gRPC.

Spec 20 sections 7, 8, 10. The engine is never held up: changes are noted and sent by a task of
their own, which sends the newest state there is; only the end waits, for the logs first and then
for the terminal status.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from edge.cluster.backoff import Backoff
from edge.cluster.logstreams import LogPump
from edge.cluster.peers import Owner, Peers
from edge.cluster.rpc import Code, RpcError, is_retryable
from edge.cluster.wire import MAX_MESSAGE_BYTES, pb
from edge.core.record import HANDLER_KEYS, NodeRecord, RunRecord
from edge.core.status import NodeStatus

if TYPE_CHECKING:
    from edge.config.log import Logger

__all__ = ["CoordinatorReporter", "TaskIdentity", "encode_status"]

_ACTIVE_S = 5.0
_TERMINAL_S = 180.0
#: one more status this long after the start
_EARLY_S = 0.1
_DROPPED = "outputs were dropped: the status was too large for one message"
_STREAMS = {
    "stdout": pb.LOG_STREAM_TYPE_STDOUT,
    "stderr": pb.LOG_STREAM_TYPE_STDERR,
    "scheduler": pb.LOG_STREAM_TYPE_SCHEDULER,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskIdentity:
    """Whose run it is; taken from the task."""

    worker_id: str
    owner: Owner
    dag_name: str
    run_id: str
    root_name: str
    root_run_id: str
    attempt_id: str
    attempt_key: str
    source_file: str = ""
    labels: str = ""

    def chunk(self, step: str, stream: str) -> pb.LogChunk:
        """Return an empty log chunk of this run."""
        return pb.LogChunk(
            worker_id=self.worker_id,
            dag_run_id=self.run_id,
            dag_name=self.dag_name,
            step_name=step,
            stream_type=_STREAMS[stream],
            root_dag_run_name=self.root_name,
            root_dag_run_id=self.root_run_id,
            attempt_id=self.attempt_id,
            owner_coordinator_id=self.owner.id,
            attempt_key=self.attempt_key,
        )

    def report(self, status: str) -> pb.ReportStatusRequest:
        """Return a status report of this run."""
        return pb.ReportStatusRequest(
            worker_id=self.worker_id,
            status=pb.DAGRunStatusProto(json_data=status),
            owner_coordinator_id=self.owner.id,
            source_file=self.source_file,
            labels=self.labels,
        )


def encode_status(record: RunRecord, limit_bytes: int = MAX_MESSAGE_BYTES - 65_536) -> str:
    """Return the JSON of a record, made to fit into one message.

    When too large, chat messages go first, then output values, and a note says so.
    """
    text = _dumps(record)
    for drop in (_drop_chats, _drop_outputs):
        if len(text.encode()) <= limit_bytes:
            return text
        copy = RunRecord.from_json(json.loads(text))
        for node in [*copy.nodes, *copy.handlers.values()]:
            drop(node)
        if _DROPPED not in copy.error:
            copy.error = f"{copy.error}; {_DROPPED}" if copy.error else _DROPPED
        text = _dumps(copy)
    return text


def _drop_chats(node: NodeRecord) -> None:
    node.extra.pop("chatMessages", None)


def _drop_outputs(node: NodeRecord) -> None:
    node.publish(None, None)


class CoordinatorReporter:
    """Implements `edge.engine.reporter.Reporter`. `run` owns its tasks."""

    def __init__(
        self,
        peers: Peers,
        identity: TaskIdentity,
        *,
        log: Logger,
        on_lost: Callable[[str], None],
    ) -> None:
        """`on_lost` is called once when the coordinator says that this attempt lost the run."""
        self._peers = peers
        self._identity = identity
        self._log = log
        self._on_lost = on_lost
        self._pumps: dict[tuple[str, str], LogPump] = {}
        self._nursery: trio.Nursery | None = None
        self._record: RunRecord | None = None
        self._is_dirty = False
        self._is_early = False
        self._sent = ""
        self._wake = trio.Event()
        #: one report at a time: an active one must not overtake the end
        self._lock = trio.Lock()
        self._is_ended = False
        self.is_lost = False

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Send statuses and logs until cancelled."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            task_status.started()
            while True:
                await self._wake.wait()
                self._wake = trio.Event()
                if self._is_dirty and not self._is_ended:
                    await self._report_progress()

    # -- edge.engine.reporter.Reporter

    async def opened(self, record: RunRecord) -> None:
        """Report Running, twice, before anything starts."""
        assert self._nursery is not None
        self._record = record
        for _ in range(2):
            if not self.is_lost:
                await self._push(encode_status(record))
        self._nursery.start_soon(self._report_early)

    def changed(self, record: RunRecord, keys: Sequence[str]) -> None:
        """Note a change. The end of the last node is told by the terminal report only."""
        self._record = record
        if _is_over(record):
            return
        self._is_dirty = True
        self._wake.set()

    def log_grew(self, key: str, stream: str, path: Path, size: int) -> None:
        """Note that a log file has `size` bytes."""
        if size:
            self._pump(key, stream).grew(path, size)

    async def log_closed(self, key: str, stream: str, path: Path, size: int) -> None:
        """Note that a log file is complete; it is delivered in the background.

        The scheduler's log ends after those of the steps: see `finished`.
        """
        if not size:
            return
        pump = self._pump(key, stream)
        if stream == "scheduler":
            pump.grew(path, size)
        else:
            pump.close(path, size)

    async def finished(self, record: RunRecord) -> bool:
        """Deliver the logs, then the terminal status; False when this attempt lost the run."""
        self._is_ended = True
        self._record = record
        for (_, stream), pump in sorted(self._pumps.items(), key=_scheduler_last):
            if stream == "scheduler" or not pump.is_closing:
                pump.close_as_is()
            await pump.done.wait()
        async with self._lock:
            return await self._deliver(encode_status(record))

    # -- sending

    async def _report_progress(self) -> None:
        """Send what the record says now, unless it is over: `finished` sends the logs first."""
        record = self._record
        if record is None or record.status.is_final or _is_over(record):
            return
        # What changed may not be on the wire, as the process group of a step.
        status, early = encode_status(record), self._is_early
        self._is_dirty = self._is_early = False
        if early or status != self._sent:
            async with self._lock:
                await self._push(status)

    def _pump(self, key: str, stream: str) -> LogPump:
        pump = self._pumps.get((key, stream))
        if pump is None:
            assert self._nursery is not None
            step = "scheduler" if stream == "scheduler" else self._step_name(key)
            pump = LogPump(
                self._peers,
                self._identity.owner,
                lambda: self._identity.chunk(step, stream),
                log=self._log,
                restarts_sequence=stream != "scheduler",
            )
            self._pumps[key, stream] = pump
            self._nursery.start_soon(pump.run)
        return pump

    def _step_name(self, key: str) -> str:
        record = self._record
        node: NodeRecord | None = None
        if record is not None:
            node = record.nodes[int(key)] if key.isdigit() else record.handlers.get(key)
        return node.name if node is not None and node.name else key

    async def _report_early(self) -> None:
        await trio.sleep(_EARLY_S)
        record = self._record
        if record is not None and any(
            node.status is NodeStatus.RUNNING for _, node in record.all_nodes()
        ):
            self._is_dirty = self._is_early = True
            self._wake.set()

    async def _push(self, status: str) -> None:
        """Send an active status once: best effort."""
        self._sent = status
        try:
            answer = await self._call(status, _ACTIVE_S)
        except RpcError as exc:
            self._log.warning("Status not delivered", error=exc.text)
            return
        if not answer.accepted:
            self._lose(answer.error)

    async def _deliver(self, status: str) -> bool:
        """Send the terminal status until it is answered, for at most three minutes."""
        backoff = Backoff(0.1, 2.0, 2.0, low=0.5, high=1.5)
        deadline = trio.current_time() + _TERMINAL_S
        while not self.is_lost:
            try:
                answer = await self._call(status, max(0.001, deadline - trio.current_time()))
            except RpcError as exc:
                delay = backoff.next_s()
                if not is_retryable(exc) or trio.current_time() + delay >= deadline:
                    self._log.error("Final status not delivered", error=exc.text)
                    return True
                await trio.sleep(delay)
                continue
            if answer.accepted:
                return True
            self._lose(answer.error)
        return False

    async def _call(self, status: str, timeout_s: float) -> pb.ReportStatusResponse:
        request = self._identity.report(status)
        if request.ByteSize() > MAX_MESSAGE_BYTES:
            raise RpcError(Code.RESOURCE_EXHAUSTED, "the status is too large for one message")
        answer: pb.ReportStatusResponse = await self._peers.owner(
            self._identity.owner, "ReportStatus", request, timeout_s=timeout_s
        )
        return answer

    def _lose(self, error: str) -> None:
        if not self.is_lost:
            self.is_lost = True
            self._on_lost(error)


def _scheduler_last(item: tuple[tuple[str, str], LogPump]) -> bool:
    return item[0][1] == "scheduler"


def _is_over(record: RunRecord) -> bool:
    """Return whether every step has ended and no handler runs."""
    steps_done = all(node.status.is_done for node in record.nodes)
    return steps_done and not any(
        node.status is NodeStatus.RUNNING for node in record.handlers.values()
    )


def _dumps(record: RunRecord) -> str:
    data = record.to_json()
    # A worker's reports carry this member in every step (recordings in tests/data/grpc).
    nodes = data.get("nodes")
    for item in [*(nodes if isinstance(nodes, list) else ()), *map(data.get, HANDLER_KEYS)]:
        step = item.get("step") if isinstance(item, dict) else None
        if isinstance(item, dict) and isinstance(step, dict) and "executorConfig" not in step:
            item["step"] = {**step, "executorConfig": {}}
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))
