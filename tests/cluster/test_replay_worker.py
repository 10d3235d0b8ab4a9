"""Our worker against a scripted coordinator that answers from a recording, over gRPC.

What our worker sends must be what the recorded Dagu worker sent: the same calls, the same fields
set, the same order of one run's chain. Free is what the README of the recordings lists; the step
sleeps 0.3 s in the place of 3 s.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import trio
from google.protobuf.message import Message

from edge.cluster.bridge import Bridge, ClientStream, open_bridge
from edge.cluster.rpc import Caller
from edge.cluster.wire import health_pb2, pb
from edge.cluster.worker import Worker
from edge.config.settings import WorkerSettings
from edge.core.clock import SystemClock
from edge.engine.processes import Spawner
from edge.store.host import this_host
from tests.cluster.fakes import make_settings
from tests.cluster.recordings import as_dict, events, messages

_NAME = "b-success-with-logs"


class _Script:
    """The coordinator's side of the recording, by method and order within it."""

    def __init__(self) -> None:
        self.port = 0
        self.ended = trio.Event()
        self._polls = [m for m in messages(_NAME, "Poll", "s2c") if m.HasField("task")]
        self._acks = messages(_NAME, "AckTaskClaim", "s2c")

    def handlers(self) -> dict[str, Any]:
        return {
            "Check": self.check,
            "Poll": self.poll,
            "Heartbeat": self.heartbeat,
            "AckTaskClaim": self.ack,
            "RunHeartbeat": self.run_heartbeat,
            "ReportStatus": self.report,
            "StreamLogs": self.logs,
        }

    async def check(self, _request: Any, _caller: Caller) -> Message:
        return health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING)

    async def poll(self, _request: Any, _caller: Caller) -> Any:
        if not self._polls:
            await trio.sleep_forever()
        answer = copy.deepcopy(self._polls.pop(0))
        answer.task.owner_coordinator_host = "127.0.0.1"
        answer.task.owner_coordinator_port = self.port
        answer.task.definition = answer.task.definition.replace("sleep 3", "sleep 0.3")
        return answer

    async def heartbeat(self, _request: Any, _caller: Caller) -> Message:
        return pb.HeartbeatResponse()

    async def ack(self, request: Any, _caller: Caller) -> Any:
        if not request.attempt_key:
            return pb.AckTaskClaimResponse(error="claim not found or expired")
        return self._acks.pop(0)

    async def run_heartbeat(self, _request: Any, _caller: Caller) -> Message:
        return pb.RunHeartbeatResponse()

    async def report(self, request: Any, _caller: Caller) -> Message:
        if json.loads(request.status.json_data)["status"] == 4:
            self.ended.set()
        return pb.ReportStatusResponse(accepted=True)

    async def logs(self, reader: Any, _caller: Caller) -> Message:
        chunks = size = 0
        while (chunk := await reader.read()) is not None:
            chunks, size = chunks + 1, size + len(chunk.data)
        return pb.StreamLogsResponse(chunks_received=chunks, bytes_written=size)


class _Sent:
    """A channel that notes what goes through it."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        #: (method, message, timeout on the wire); a stream's end is (method, None, None)
        self.calls: list[tuple[str, Any, float | None]] = []

    async def connect(self, address: str) -> Any:
        channel = await self._bridge.channel(address)
        sent = self

        class Noted:
            @property
            def is_edge_peer(self) -> bool | None:
                return channel.is_edge_peer

            async def unary(
                self, method: str, request: Message, *, timeout_s: float | None = None
            ) -> Any:
                sent.calls.append((method, request, timeout_s))
                return await channel.unary(method, request, timeout_s=timeout_s)

            async def stream(self, method: str, *, timeout_s: float | None = None) -> Any:
                return _NotedStream(sent, method, await channel.stream(method))

            async def aclose(self) -> None:
                await channel.aclose()

        return Noted()

    def of(self, method: str) -> list[Any]:
        return [message for name, message, _ in self.calls if name == method]


class _NotedStream:
    def __init__(self, sent: _Sent, method: str, stream: ClientStream) -> None:
        self._sent, self._method, self._stream = sent, method, stream

    async def write(self, message: Any) -> None:
        self._sent.calls.append((self._method, copy.deepcopy(message), None))
        await self._stream.write(message)

    async def finish(self) -> Any:
        return await self._stream.finish()

    def cancel(self) -> None:
        self._stream.cancel()


@pytest.fixture
async def sent(tmp_path: Path) -> _Sent:
    """Run the worker against the script until its run has ended."""
    script = _Script()
    async with open_bridge() as bridge, trio.open_nursery() as nursery:
        found = _Sent(bridge)
        script.port = await nursery.start(
            lambda task_status: bridge.serve(
                script.handlers(), "127.0.0.1", 0, task_status=task_status
            )
        )
        settings = make_settings(
            tmp_path,
            worker=WorkerSettings(
                id="pi@77",
                labels={"arch": "arm"},
                max_active_runs=2,
                coordinators=(f"127.0.0.1:{script.port}",),
            ),
        )
        worker = Worker(
            settings,
            Spawner(None),
            SystemClock(),
            this_host(),
            connect=found.connect,
            handle_signals=False,
        )
        await nursery.start(lambda task_status: worker.run(task_status=task_status))
        with trio.fail_after(30):
            await script.ended.wait()
            await worker.runs.wait_empty()
        nursery.cancel_scope.cancel()
    return found


def _recorded(method: str) -> list[dict[str, Any]]:
    return [as_dict(message) for message in messages(_NAME, method, "c2s")]


def _status(report: Any) -> dict[str, Any]:
    data = report["status"]["json_data"] if isinstance(report, dict) else report.status.json_data
    decoded: dict[str, Any] = json.loads(data)
    return decoded


async def test_the_calls_of_one_run(sent: _Sent) -> None:
    methods = {method for method, _, _ in sent.calls}
    recorded = {event["method"] for event in events(_NAME) if event.get("dir") == "c2s"}
    # ClaimAgentSessionCleanup is Dagu's own business; Dispatch came from the server.
    assert methods == recorded - {"ClaimAgentSessionCleanup", "Dispatch"}

    # The first is the probe of section 14; then the claim exactly as recorded.
    assert [as_dict(message) for message in sent.of("AckTaskClaim")[1:]] == _recorded(
        "AckTaskClaim"
    )
    heartbeats = [_no_time(as_dict(message)) for message in sent.of("RunHeartbeat")]
    assert heartbeats[0] == _no_time(_recorded("RunHeartbeat")[0])

    free = ("Check", "Heartbeat", "Poll")
    order = [method for method, _, _ in sent.calls if method not in free]
    claimed = len(order) - order[::-1].index("AckTaskClaim") - 1
    assert order[claimed : claimed + 4] == [
        "AckTaskClaim",
        "RunHeartbeat",
        "ReportStatus",
        "ReportStatus",
    ]
    polls = [as_dict(message) for message in sent.of("Poll")]
    assert len({poll.pop("poller_id") for poll in polls}) == len(polls) >= 2
    assert polls[0] == {"worker_id": "pi@77", "labels": {"arch": "arm"}}


async def test_heartbeats(sent: _Sent) -> None:
    found = [_no_time(as_dict(message)) for message in sent.of("Heartbeat")]
    recorded = [_no_time(message) for message in _recorded("Heartbeat")]
    assert all(message in recorded for message in found)


async def test_status_reports(sent: _Sent) -> None:
    found, recorded = sent.of("ReportStatus"), _recorded("ReportStatus")
    for message in found:
        assert {**as_dict(message), "status": None} == {**recorded[0], "status": None}
    ours, theirs = [_status(item) for item in found], [_status(item) for item in recorded]
    assert [(s["status"], s["nodes"][0]["status"]) for s in ours] == [
        (s["status"], s["nodes"][0]["status"]) for s in theirs
    ]
    for own, other in zip(ours, theirs, strict=True):
        assert set(own) == set(other)
        assert set(own["nodes"][0]) == set(other["nodes"][0])
        own["nodes"][0]["step"]["script"] = own["nodes"][0]["step"]["script"].replace("0.3", "3")
        assert own["nodes"][0]["step"] == other["nodes"][0]["step"]
        for member in (
            "root",
            "name",
            "dagRunId",
            "attemptId",
            "attemptKey",
            "claimKey",
            "workerId",
            "procGroup",
            "pendingStepRetries",
        ):
            assert own[member] == other[member], member
        for member in ("stdout", "stderr", "startedAt", "finishedAt"):
            assert bool(own["nodes"][0][member]) is bool(other["nodes"][0][member]), member
    # What edge has and Dagu has not: a definition is called by its name (spec 12 section 1).
    assert ours[0]["definitionId"] == "hello"


async def test_log_streams(sent: _Sent) -> None:
    found = _streams([as_dict(message) for message in sent.of("StreamLogs")])
    recorded = _streams(_recorded("StreamLogs"))
    assert set(found) == set(recorded)
    for name, chunks in found.items():
        assert [int(chunk["sequence"]) for chunk in chunks] == list(range(1, len(chunks) + 1))
        offset = 0
        for chunk in chunks:
            assert int(chunk["byte_offset"]) == offset
            offset += len(_data(chunk))
        for chunk, other in ((chunks[0], recorded[name][0]), (chunks[-1], recorded[name][-1])):
            assert set(chunk) == set(other)
            volatile = ("data", "sequence", "byte_offset")
            assert _without(chunk, *volatile) == _without(other, *volatile)
        if name[0] != "scheduler":
            assert b"".join(map(_data, chunks)) == b"".join(map(_data, recorded[name]))
    finals = [
        (chunk.step_name if method == "StreamLogs" else "report")
        for method, chunk, _ in sent.calls
        if (method == "StreamLogs" and chunk.is_final)
        or (method == "ReportStatus" and _status(chunk)["status"] == 4)
    ]
    assert finals == ["say", "say", "scheduler", "report"]


async def test_deadlines(sent: _Sent) -> None:
    """The classes of spec 20 section 3, as `grpc-timeout` tells them in the recording."""
    longest: dict[str, float | None] = {}
    for method, _, timeout_s in sent.calls:
        if method != "StreamLogs":
            known = longest.get(method, 0.0)
            both = (known, timeout_s)
            longest[method] = None if None in both else max(both)  # type: ignore[type-var]
    assert longest.pop("Poll") is None
    # The deadline of the call that it precedes.
    assert (longest.pop("Check") or 0) <= 10
    rounded = {method: round(value or 0) for method, value in longest.items()}
    assert rounded == {
        "Heartbeat": 10,
        "AckTaskClaim": 30,
        "RunHeartbeat": 10,
        "ReportStatus": 180,
    }
    active = next(value for method, _, value in sent.calls if method == "ReportStatus")
    assert active == pytest.approx(5, abs=0.1)


def _streams(chunks: list[dict[str, Any]]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for chunk in chunks:
        found.setdefault((chunk["step_name"], chunk["stream_type"]), []).append(chunk)
    return found


def _data(chunk: dict[str, Any]) -> bytes:
    import base64

    return base64.b64decode(chunk.get("data", ""))


def _without(data: dict[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key not in names}


def _no_time(message: dict[str, Any]) -> dict[str, Any]:
    """Return a heartbeat without start times."""
    text = json.dumps(message)
    decoded: dict[str, Any] = json.loads(text)
    tasks = decoded.get("running_tasks", decoded.get("stats", {}).get("running_tasks", []))
    for task in tasks:
        assert int(task.pop("started_at")) > 1_500_000_000
    return decoded
