"""A recorded Dagu worker against our coordinator: it gets the answers that Dagu's gave.

The client's messages are played in their order, with the tokens and ids of our own Poll answer in
the place of the recorded ones; each answer must equal the recorded one, and the logs and the
record at the end must be what the worker sent.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import trio
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message
from trio.testing import MockClock

from edge.cluster.coordinator import Coordinator
from edge.cluster.leases import lease_expired_text
from edge.cluster.rpc import RpcError
from edge.cluster.wire import METHODS, pb
from edge.core.ids import RunRef, attempt_key
from edge.core.status import NodeStatus, RunStatus
from edge.store import Store
from tests.cluster.fakes import DAGU, heartbeat, open_coordinator
from tests.cluster.recordings import as_dict, events

_FREE = {"Check", "Heartbeat", "Poll", "ClaimAgentSessionCleanup"}


class _Stream:
    """One StreamLogs call in progress."""

    def __init__(self, handler: Any, nursery: trio.Nursery) -> None:
        self._handler = handler
        self._messages: list[Any] = []
        self._is_closed = False
        self._more = trio.Event()
        self._taken = trio.Event()
        self._scope = trio.CancelScope()
        self.done = trio.Event()
        self.answer: Message | None = None
        nursery.start_soon(self._run)

    async def _run(self) -> None:
        with self._scope:
            self.answer = await self._handler(self, DAGU)
        self.done.set()

    async def read(self) -> Any:
        while not self._messages:
            self._taken.set()
            if self._is_closed:
                return None
            await self._more.wait()
            self._more = trio.Event()
        return self._messages.pop(0)

    async def send(self, message: Any) -> None:
        self._messages.append(message)
        self._taken = trio.Event()
        self._more.set()
        await self._taken.wait()

    def close(self) -> None:
        self._is_closed = True
        self._more.set()

    async def cut(self) -> None:
        self._scope.cancel()
        await self.done.wait()


class _Replay:
    """State of one replay: our ids for the recorded ones."""

    def __init__(self, name: str) -> None:
        self.events = events(name)
        self.swap: dict[str, str] = {}
        self.streams: dict[str, _Stream] = {}
        self.task = pb.Task()
        self.recorded_logs: dict[str, bytes] = {}

    def ours(self, message: dict[str, Any], kind: type[Message]) -> Any:
        """Return a recorded message with our ids."""
        text = json.dumps(message)
        for recorded, own in self.swap.items():
            text = text.replace(recorded, own)
        return ParseDict(json.loads(text), kind())

    def answer_of(self, call: str) -> dict[str, Any] | None:
        """Return the recorded answer of a call; None when the link broke before it."""
        for event in self.events:
            if event.get("call") == call and event["dir"] == "s2c" and event["kind"] == "msg":
                found: dict[str, Any] = event["msg"]
                return found
        return None

    async def poll(self, hub: Coordinator, recorded: dict[str, Any]) -> None:
        request = pb.PollRequest(worker_id="pi@77", poller_id="p", labels={"arch": "arm"})
        self.task = (await hub.calls.poll(request, DAGU)).task
        ours, theirs = as_dict(self.task), recorded["task"]
        assert set(ours) == set(theirs)
        for member in (
            "claim_token",
            "attempt_key",
            "attempt_id",
            "owner_coordinator_id",
        ):
            self.swap[theirs[member]] = ours[member]
        own = {"claim_token", "attempt_key", "attempt_id"}
        assert {k: v for k, v in ours.items() if k not in own and k[:5] != "owner"} == {
            k: v for k, v in theirs.items() if k not in own and k[:5] != "owner"
        }

    async def unary(self, hub: Coordinator, event: dict[str, Any]) -> None:
        method = METHODS[event["method"]]
        handler: Any = hub.calls.handlers()[method.name]
        answer = await handler(self.ours(event["msg"], method.request), DAGU)
        expected = self.answer_of(event["call"])
        if expected is not None:
            assert as_dict(answer) == as_dict(self.ours(expected, method.response)), event["t"]

    async def stream(self, hub: Coordinator, event: dict[str, Any], nursery: trio.Nursery) -> None:
        call = event["call"]
        if event["kind"] == "reset":
            await self.streams.pop(call).cut()
            return
        if event["kind"] == "half_close":
            stream = self.streams.pop(call)
            stream.close()
            await stream.done.wait()
            assert stream.answer is not None
            assert as_dict(stream.answer) == self.answer_of(call)
            return
        if call not in self.streams:
            self.streams[call] = _Stream(hub.calls.stream_logs, nursery)
        chunk = self.ours(event["msg"], pb.LogChunk)
        if not chunk.is_final:
            self._keep(event["msg"], chunk)
        await self.streams[call].send(chunk)

    def _keep(self, message: dict[str, Any], chunk: Any) -> None:
        suffix = {1: ".stdout.log", 2: ".stderr.log", 3: ".log"}[chunk.stream_type]
        name = chunk.step_name + suffix
        data = self.recorded_logs.get(name, b"")[: chunk.byte_offset]
        assert len(data) == chunk.byte_offset, message
        self.recorded_logs[name] = data + base64.b64decode(message["data"])


async def _play(
    replay: _Replay, hub: Coordinator, store: Store, part: list[dict[str, Any]]
) -> None:
    async with trio.open_nursery() as nursery:
        for event in part:
            method, kind = event.get("method"), event["kind"]
            if event.get("text") == "CLI stop":
                store.request_abort(RunRef(replay.task.target, replay.task.dag_run_id))
            if method == "Poll" and kind == "msg" and event["dir"] == "s2c":
                await replay.poll(hub, event["msg"])
            if method is None or method in _FREE or event["dir"] != "c2s":
                continue
            if method == "StreamLogs" and kind in ("msg", "half_close", "reset"):
                await replay.stream(hub, event, nursery)
            elif kind == "msg":
                await replay.unary(hub, event)
        for stream in replay.streams.values():
            await stream.cut()
        replay.streams.clear()


def _check_logs(replay: _Replay, home: Path, *, complete: bool = True) -> None:
    task = replay.task
    folder = home / "logs" / task.target / task.dag_run_id / task.attempt_id
    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert set(found) == set(replay.recorded_logs)
    if complete:
        assert found == replay.recorded_logs


@pytest.mark.parametrize(
    ("name", "status", "nodes"),
    [
        ("b-success-with-logs", RunStatus.SUCCEEDED, [4]),
        ("c-failure-with-retry", RunStatus.FAILED, [4, 2]),
        ("d1-cancel-rest", RunStatus.ABORTED, [3, 0]),
        ("d2-cancel-cli", RunStatus.ABORTED, [3, 0]),
    ],
)
async def test_a_recorded_run(
    tmp_path: Path, mock_clock: MockClock, name: str, status: RunStatus, nodes: list[int]
) -> None:
    replay = _Replay(name)
    async with open_coordinator(tmp_path) as (hub, store):
        await heartbeat(hub)
        await _play(replay, hub, store, replay.events)
        record = store.load_record(RunRef(replay.task.target, replay.task.dag_run_id))
        assert record is not None
        assert record.status is status
        assert [int(node.status) for node in record.nodes] == nodes
        assert record.attempt_key == attempt_key(record.ref, record.ref, record.attempt_id)
        assert hub._hub.leases.get(record.attempt_key) is None
    _check_logs(replay, tmp_path)


async def test_the_coordinator_is_killed_and_comes_back(
    tmp_path: Path, mock_clock: MockClock
) -> None:
    """Recording g: the worker goes on, opens its streams again, and the run ends normally."""
    replay = _Replay("g-coordinator-restart")
    notes = [i for i, event in enumerate(replay.events) if event["kind"] == "note"]
    before, after = replay.events[: notes[0]], replay.events[notes[1] :]
    async with open_coordinator(tmp_path) as (hub, store):
        await heartbeat(hub)
        await _play(replay, hub, store, before)
    mock_clock.jump(16)
    async with open_coordinator(tmp_path) as (hub, store):
        await hub.sweep()
        await _play(replay, hub, store, after)
        record = store.load_record(RunRef("slow", "r-g-1"))
        assert record is not None
        assert record.status is RunStatus.SUCCEEDED
        assert record.params_list == ["SECONDS_TO_RUN=40"]
    _check_logs(replay, tmp_path)


async def test_the_worker_is_killed(tmp_path: Path, mock_clock: MockClock) -> None:
    """Recording i: silence, then the failure of section 4.9."""
    replay = _Replay("i-worker-killed")
    async with open_coordinator(tmp_path) as (hub, store):
        await heartbeat(hub)
        await _play(replay, hub, store, replay.events)
        mock_clock.jump(54)
        await hub.sweep()
        record = store.load_record(RunRef("slow", "r-i-1"))
        assert record is not None
        assert (record.status, record.error) == (RunStatus.FAILED, lease_expired_text("pi@77"))
        assert [node.status for node in record.nodes] == [NodeStatus.FAILED] * 2


async def test_the_fence_holds_after_the_end(tmp_path: Path, mock_clock: MockClock) -> None:
    """A stream that begins after the terminal status must not touch the log (section 10)."""
    replay = _Replay("b-success-with-logs")
    async with open_coordinator(tmp_path) as (hub, store):
        await heartbeat(hub)
        await _play(replay, hub, store, replay.events)
        chunks = [
            event["msg"]
            for event in replay.events
            if event["kind"] == "msg" and event.get("type") == "LogChunk"
        ]
        first = replay.ours(chunks[0], pb.LogChunk)
        from tests.cluster.fakes import ListReader

        reader: Any = ListReader([first])
        with pytest.raises(RpcError, match="stale attempt: lease no longer active"):
            await hub.calls.stream_logs(reader, DAGU)
    _check_logs(replay, tmp_path)
