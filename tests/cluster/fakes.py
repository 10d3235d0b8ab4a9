"""A coordinator in memory for tests: real store, real handlers, no gRPC."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio
from google.protobuf.message import Message

from edge.cluster.coordinator import Coordinator
from edge.cluster.rpc import EDGE_PROTOCOL_KEY, Caller, Code, RpcError
from edge.cluster.wire import pb
from edge.config.paths import Paths
from edge.config.settings import CoordinatorSettings, Settings, StorageSettings, WorkerSettings
from edge.core.record import RunRecord
from edge.store import Store
from edge.store.writer import StoreWriter

HELLO = "worker_selector:\n  arch: arm\nsteps:\n  - id: say\n    run: echo hi\n"
EDGE = Caller(peer="ipv4:127.0.0.1:1", metadata={EDGE_PROTOCOL_KEY: "1"})
DAGU = Caller(peer="ipv4:127.0.0.1:2")


class FixedClock:
    """Wall time that follows trio's clock from a fixed start."""

    def __init__(self, start_ms: int = 1_795_399_234_000) -> None:
        self._start_ms = start_ms
        self._zero = trio.current_time()

    def now_ms(self) -> int:
        return self._start_ms + int((trio.current_time() - self._zero) * 1000)


def make_settings(home: Path, **changes: Any) -> Settings:
    """Return settings whose every path lies below `home`."""
    home.mkdir(parents=True, exist_ok=True)
    paths = Paths(
        config_file=None,
        dags_dir=home / "dags",
        base_config=home / "base.yaml",
        data_dir=home / "data",
        log_dir=home / "logs",
        suspend_flags_dir=home / "suspend",
        artifact_dir=home / "artifacts",
        work_dir=home / "work",
        workspaces_dir=home / "workspaces",
    )
    values: dict[str, Any] = {
        "paths": paths,
        "storage": StorageSettings(commit_window_ms=10),
        "coordinator": CoordinatorSettings(port=21055, advertise="127.0.0.2"),
        "worker": WorkerSettings(id="pi@77", labels={"arch": "arm"}, max_active_runs=2),
    }
    return Settings(**{**values, **changes})


@asynccontextmanager
async def open_coordinator(
    home: Path, settings: Settings | None = None
) -> AsyncIterator[tuple[Coordinator, Store]]:
    """Open a store and a coordinator on it, without a port and without its sweep."""
    settings = settings or make_settings(home)
    store = Store.open(settings.paths.data_dir / "edge.db")
    try:
        async with trio.open_nursery() as nursery:
            writer = StoreWriter(store, 0.01)
            await nursery.start(lambda task_status: writer.run(task_status=task_status))
            coordinator = Coordinator(settings, store, writer, FixedClock())
            await coordinator.open(settings.coordinator.port)
            yield coordinator, store
            coordinator.close()
            await writer.flush()
            nursery.cancel_scope.cancel()
    finally:
        store.close()


async def heartbeat(
    coordinator: Coordinator, worker_id: str = "pi@77", keys: tuple[str, ...] = (), **labels: str
) -> list[str]:
    """Send one Heartbeat; return the cancelled attempt keys."""
    request = pb.HeartbeatRequest(
        worker_id=worker_id,
        labels=labels or {"arch": "arm"},
        stats=pb.WorkerStats(
            total_pollers=2,
            running_tasks=[
                pb.RunningTask(attempt_key=key, dag_name="hello", dag_run_id="r1") for key in keys
            ],
        ),
    )
    answer = await coordinator.calls.heartbeat(request, EDGE)
    return [item.attempt_key for item in answer.cancelled_runs]


def start_task(run_id: str = "r1", **members: Any) -> pb.Task:
    """Return a START task as the REST server of Dagu sends it."""
    values: dict[str, Any] = {
        "root_dag_run_name": "hello",
        "root_dag_run_id": run_id,
        "dag_run_id": run_id,
        "operation": pb.OPERATION_START,
        "target": "hello",
        "worker_selector": {"arch": "arm"},
        "definition": HELLO,
    }
    return pb.Task(**{**values, **members})


async def dispatch(coordinator: Coordinator, task: pb.Task) -> None:
    """Send one Dispatch."""
    await coordinator.calls.dispatch(pb.DispatchRequest(task=task), EDGE)


async def claim(
    coordinator: Coordinator, caller: Caller = EDGE, worker_id: str = "pi@77"
) -> pb.Task:
    """Poll and acknowledge one task."""
    poll = pb.PollRequest(worker_id=worker_id, poller_id="p", labels={"arch": "arm"})
    task = (await coordinator.calls.poll(poll, caller)).task
    ack = await coordinator.calls.ack_task_claim(
        pb.AckTaskClaimRequest(
            worker_id=worker_id, claim_token=task.claim_token, attempt_key=task.attempt_key
        ),
        caller,
    )
    assert ack.accepted, ack.error
    return task


def status_json(task: pb.Task, status: int, **members: Any) -> str:
    """Return the json_data of a report about a task."""
    data = {
        "root": {"name": task.root_dag_run_name, "id": task.root_dag_run_id},
        "name": task.target,
        "dagRunId": task.dag_run_id,
        "attemptId": task.attempt_id,
        "attemptKey": task.attempt_key,
        "claimKey": task.attempt_key,
        "status": status,
        "workerId": "pi@77",
        "nodes": [{"step": {"name": "say"}, "stdout": "", "stderr": "", "status": 0}],
        "startedAt": "2026-11-23T02:00:34Z",
        "log": "/tmp/worker/scheduler.log",
        "pendingStepRetries": None,
    }
    return json.dumps({**data, **members})


async def report(
    coordinator: Coordinator, task: pb.Task, status: int, caller: Caller = EDGE, **members: Any
) -> str:
    """Send one ReportStatus; return the rejection, empty when accepted."""
    request = pb.ReportStatusRequest(
        worker_id="pi@77",
        status=pb.DAGRunStatusProto(json_data=status_json(task, status, **members)),
        owner_coordinator_id=task.owner_coordinator_id,
    )
    answer = await coordinator.calls.report_status(request, caller)
    assert answer.accepted is (answer.error == "")
    return str(answer.error)


async def run_heartbeat(
    coordinator: Coordinator, task: pb.Task, caller: Caller = EDGE
) -> list[str]:
    """Send one RunHeartbeat for a task; return the cancelled attempt keys."""
    request = pb.RunHeartbeatRequest(
        worker_id=task.worker_id,
        owner_coordinator_id=task.owner_coordinator_id,
        running_tasks=[
            pb.RunningTask(
                dag_run_id=task.dag_run_id,
                dag_name=task.target,
                root_dag_run_name=task.root_dag_run_name,
                root_dag_run_id=task.root_dag_run_id,
                attempt_key=task.attempt_key,
            )
        ],
    )
    answer = await coordinator.calls.run_heartbeat(request, caller)
    return [item.attempt_key for item in answer.cancelled_runs]


class ListReader:
    """Stands for the reading half of a stream."""

    def __init__(self, messages: list[Any]) -> None:
        self._messages = list(messages)

    async def read(self) -> Any:
        await trio.lowlevel.checkpoint()
        return self._messages.pop(0) if self._messages else None


class MemoryStream:
    """A client stream that hands its messages to a handler in the same program."""

    def __init__(self, link: MemoryLink, method: str) -> None:
        self._link = link
        self._method = method
        self._send, self._receive = trio.open_memory_channel[Any](64)
        self._answer: Any = None
        self._error: RpcError | None = None
        self._done = trio.Event()
        self._scope = trio.CancelScope()
        link.nursery.start_soon(self._serve)

    async def _serve(self) -> None:
        with self._scope:
            try:
                self._answer = await self._link.handler(self._method)(self, EDGE)
            except RpcError as exc:
                self._error = exc
        self._done.set()
        self._receive.close()

    async def read(self) -> Any:
        try:
            return await self._receive.receive()
        except trio.EndOfChannel:
            return None

    async def write(self, message: Message) -> None:
        self._link.note(self._method, message)
        try:
            await self._send.send(_copy(message))
        except trio.BrokenResourceError:
            await self._done.wait()
            raise self._error or RpcError(Code.ABORTED, "ended early") from None

    async def finish(self) -> Any:
        self._send.close()
        await self._done.wait()
        if self._error is not None:
            raise self._error
        if self._answer is None:
            raise RpcError(Code.UNAVAILABLE, "stream was cut")
        return self._answer

    def cancel(self) -> None:
        self._scope.cancel()


class MemoryLink:
    """A `PeerChannel` to handlers in the same program; can be cut."""

    def __init__(self, handlers: dict[str, Any], nursery: trio.Nursery) -> None:
        self._handlers = handlers
        self.nursery = nursery
        self.calls: list[tuple[str, Message, float | None]] = []
        self.is_edge_peer: bool | None = None
        self.is_cut = False
        self.streams: list[MemoryStream] = []

    def handler(self, method: str) -> Callable[..., Any]:
        """Return a handler, or refuse like a server that does not know the method."""
        if method not in self._handlers:
            raise RpcError(Code.UNIMPLEMENTED, f"unknown method {method}")
        found: Callable[..., Any] = self._handlers[method]
        return found

    def note(self, method: str, message: Message, timeout_s: float | None = None) -> None:
        """Keep what was sent."""
        self.calls.append((method, _copy(message), timeout_s))

    async def unary(self, method: str, request: Message, *, timeout_s: float | None = None) -> Any:
        self.note(method, request, timeout_s)
        if self.is_cut:
            await trio.sleep(0.01)
            raise RpcError(Code.UNAVAILABLE, "link is cut")
        with trio.move_on_after(float("inf") if timeout_s is None else timeout_s):
            answer = await self.handler(method)(_copy(request), EDGE)
            self.is_edge_peer = True
            return answer
        raise RpcError(Code.DEADLINE_EXCEEDED, "deadline exceeded")

    async def stream(self, method: str, *, timeout_s: float | None = None) -> MemoryStream:
        if self.is_cut:
            raise RpcError(Code.UNAVAILABLE, "link is cut")
        stream = MemoryStream(self, method)
        self.streams.append(stream)
        return stream

    def cut(self) -> None:
        """Break open streams and refuse calls."""
        self.is_cut = True
        for stream in self.streams:
            stream.cancel()

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


def _copy(message: Message) -> Any:
    return type(message).FromString(message.SerializeToString())


async def eventually(condition: Callable[[], bool], limit_s: float = 30.0) -> None:
    """Wait, in real time, for what other tasks and worker threads do; MockClock stands still."""
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        await trio.to_thread.run_sync(time.sleep, 0.002)


def stored(store: Store, run_id: str = "r1") -> RunRecord:
    """Return the stored record of a run of `hello`."""
    from edge.core.ids import RunRef

    record = store.load_record(RunRef("hello", run_id))
    assert record is not None
    return record
