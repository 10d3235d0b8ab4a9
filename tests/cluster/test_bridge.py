"""The bridge: gRPC calls between trio tasks over loopback."""

from __future__ import annotations

import gc
import re
import threading
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

import edge.cluster
from edge.cluster import bridge
from edge.cluster.bridge import Bridge, Reader, open_bridge
from edge.cluster.rpc import Caller, Code, RpcError
from edge.cluster.wire import MAX_MESSAGE_BYTES, health_pb2, pb
from edge.core.errors import UserError

#: only a limit: what is waited for here takes milliseconds
_LIMIT_S = 30.0


async def _poll(request: pb.PollRequest, caller: Caller) -> pb.PollResponse:
    if not request.poller_id:
        raise RpcError(Code.INVALID_ARGUMENT, "poller_id is required")
    assert caller.is_edge
    return pb.PollResponse(task=pb.Task(worker_id=request.worker_id))


async def _logs(reader: Reader, caller: Caller) -> pb.StreamLogsResponse:
    chunks = size = 0
    while (chunk := await reader.read()) is not None:
        if chunk.step_name == "bad":
            raise RpcError(Code.FAILED_PRECONDITION, "stale attempt: lease no longer active")
        chunks += 1
        size += len(chunk.data)
    return pb.StreamLogsResponse(chunks_received=chunks, bytes_written=size)


async def _serve(nursery: trio.Nursery, bridge: Bridge, handlers: dict[str, Any]) -> str:
    port = await nursery.start(
        lambda task_status: bridge.serve(handlers, "127.0.0.1", 0, task_status=task_status)
    )
    return f"127.0.0.1:{port}"


async def test_unary_and_its_errors() -> None:
    async with open_bridge() as bridge, trio.open_nursery() as nursery:
        address = await _serve(nursery, bridge, {"Poll": _poll})
        channel = await bridge.channel(address)
        answer = await channel.unary("Poll", pb.PollRequest(worker_id="w", poller_id="p"))
        assert answer.task.worker_id == "w"
        assert channel.is_edge_peer
        with pytest.raises(RpcError) as refused:
            await channel.unary("Poll", pb.PollRequest(worker_id="w"))
        assert refused.value.code is Code.INVALID_ARGUMENT
        assert refused.value.text == "poller_id is required"
        with pytest.raises(RpcError) as unknown:
            await channel.unary("Check", health_pb2.HealthCheckRequest())
        assert unknown.value.code is Code.UNIMPLEMENTED
        await channel.aclose()
        nursery.cancel_scope.cancel()


async def test_stream_counts_and_early_refusal() -> None:
    async with open_bridge() as bridge, trio.open_nursery() as nursery:
        address = await _serve(nursery, bridge, {"StreamLogs": _logs})
        channel = await bridge.channel(address)
        stream = await channel.stream("StreamLogs")
        for _ in range(50):
            await stream.write(pb.LogChunk(data=b"x" * 32768))
        answer = await stream.finish()
        assert (answer.chunks_received, answer.bytes_written) == (50, 50 * 32768)

        refused = await channel.stream("StreamLogs")

        async def send() -> None:
            for _ in range(1000):
                await refused.write(pb.LogChunk(step_name="bad", data=b"x" * 32768))
            await refused.finish()

        with pytest.raises(RpcError) as error:
            await send()
        assert error.value.code is Code.FAILED_PRECONDITION
        assert error.value.text == "stale attempt: lease no longer active"
        await channel.aclose()
        nursery.cancel_scope.cancel()


async def test_cancelling_the_client_cancels_the_handler() -> None:
    begun, ended = trio.Event(), trio.Event()

    async def hold(_request: pb.PollRequest, _caller: Caller) -> pb.PollResponse:
        begun.set()
        try:
            await trio.sleep_forever()
        finally:
            ended.set()
        raise AssertionError

    async with open_bridge() as bridge, trio.open_nursery() as nursery:
        address = await _serve(nursery, bridge, {"Poll": hold})
        channel = await bridge.channel(address)
        async with trio.open_nursery() as calls:
            calls.start_soon(channel.unary, "Poll", pb.PollRequest())
            await begun.wait()
            calls.cancel_scope.cancel()
        with trio.fail_after(_LIMIT_S):
            await ended.wait()
        await channel.aclose()
        nursery.cancel_scope.cancel()


async def test_deadline_and_nobody_there() -> None:
    async def hold(_request: pb.PollRequest, _caller: Caller) -> pb.PollResponse:
        await trio.sleep_forever()
        raise AssertionError

    async with open_bridge() as bridge, trio.open_nursery() as nursery:
        address = await _serve(nursery, bridge, {"Poll": hold})
        channel = await bridge.channel(address)
        with pytest.raises(RpcError) as late:
            await channel.unary("Poll", pb.PollRequest(), timeout_s=0.05)
        assert late.value.code is Code.DEADLINE_EXCEEDED
        nursery.cancel_scope.cancel()
        await channel.aclose()
    async with open_bridge() as bridge:
        gone = await bridge.channel(address)
        with pytest.raises(RpcError) as nobody:
            await gone.unary("Poll", pb.PollRequest(), timeout_s=5)
        assert nobody.value.code is Code.UNAVAILABLE
        await gone.aclose()


async def test_stop_lets_running_calls_end() -> None:
    stopping, both_run = trio.Event(), trio.Event()
    running = 0

    async def until_stop(_request: pb.PollRequest, _caller: Caller) -> pb.PollResponse:
        nonlocal running
        running += 1
        if running == 2:
            both_run.set()
        await stopping.wait()
        raise RpcError(Code.UNAVAILABLE, "coordinator is stopping")

    async with open_bridge() as bridge:
        # the calls end before their channel is closed, which would cancel them
        async with trio.open_nursery() as clients, trio.open_nursery() as nursery:
            port = await nursery.start(
                lambda task_status: bridge.serve(
                    {"Poll": until_stop},
                    "127.0.0.1",
                    0,
                    on_stop=stopping.set,
                    task_status=task_status,
                )
            )
            channel = await bridge.channel(f"127.0.0.1:{port}")
            texts: list[str] = []

            async def call() -> None:
                try:
                    await channel.unary("Poll", pb.PollRequest())
                except RpcError as exc:
                    texts.append(exc.text)

            clients.start_soon(call)
            clients.start_soon(call)
            with trio.fail_after(_LIMIT_S):
                await both_run.wait()
            nursery.cancel_scope.cancel()
        await channel.aclose()
    assert texts == ["coordinator is stopping"] * 2


async def test_a_taken_port_is_named() -> None:
    async with open_bridge() as bridge, trio.open_nursery() as nursery:
        address = await _serve(nursery, bridge, {"Poll": _poll})
        port = int(address.rpartition(":")[2])
        with pytest.raises(UserError, match=f"listen tcp 127.0.0.1:{port}: bind: address already"):
            await bridge.serve({"Poll": _poll}, "127.0.0.1", port)
        nursery.cancel_scope.cancel()


async def test_faults_of_a_handler_are_told_and_hidden() -> None:
    heard: list[tuple[str, Exception]] = []

    async def broken(_request: pb.PollRequest, _caller: Caller) -> pb.PollResponse:
        raise ValueError("secret detail")

    async with open_bridge() as bridge, trio.open_nursery() as nursery:
        port = await nursery.start(
            lambda task_status: bridge.serve(
                {"Poll": broken},
                "127.0.0.1",
                0,
                on_error=lambda name, exc: heard.append((name, exc)),
                task_status=task_status,
            )
        )
        channel = await bridge.channel(f"127.0.0.1:{port}")
        with pytest.raises(RpcError) as error:
            await channel.unary("Poll", pb.PollRequest())
        assert (error.value.code, error.value.text) == (Code.INTERNAL, "Poll failed")
        assert heard[0][0] == "Poll"
        await channel.aclose()
        nursery.cancel_scope.cancel()


async def test_size_limit() -> None:
    async with open_bridge() as bridge, trio.open_nursery() as nursery:
        address = await _serve(nursery, bridge, {"StreamLogs": _logs})
        channel = await bridge.channel(address)
        stream = await channel.stream("StreamLogs")

        async def send() -> None:
            await stream.write(pb.LogChunk(data=b"x" * (MAX_MESSAGE_BYTES + 1)))
            await stream.finish()

        with pytest.raises(RpcError) as error:
            await send()
        assert error.value.code is Code.RESOURCE_EXHAUSTED
        await channel.aclose()
        nursery.cancel_scope.cancel()


def test_only_the_bridge_knows_grpc_and_asyncio() -> None:
    package = Path(edge.cluster.__file__).parent
    pattern = re.compile(r"^\s*(?:import|from)\s+(grpc|asyncio|trio_asyncio)\b", re.MULTILINE)
    users = {path.name for path in package.glob("*.py") if pattern.search(path.read_text())}
    assert users == {"bridge.py"}


async def test_a_late_answer_to_a_closed_loop_does_no_harm_to_the_next() -> None:
    """gRPC has one completion queue per process: the next loop takes the answer out of it."""
    async with open_bridge() as first:
        channel = await first.channel("127.0.0.1:1")
        inner: Any = channel._channel
        async with trio.open_nursery() as nursery:
            # To give this up does not end it; only closing the channel does.
            nursery.start_soon(bridge._aio, inner.wait_for_state_change, inner.get_state())
            await trio.testing.wait_all_tasks_blocked(0.01)
            nursery.cancel_scope.cancel()
    former = inner._loop
    assert former.is_closed()
    hand_over, late = former.call_soon_threadsafe, trio.Event()

    def note(*args: Any) -> None:
        late.set()
        hand_over(*args)

    former.call_soon_threadsafe = note
    async with open_bridge() as second, trio.open_nursery() as nursery:
        address = await _serve(nursery, second, {"Poll": _poll})
        following = await second.channel(address)
        inner._channel.close()
        with trio.fail_after(_LIMIT_S):
            await late.wait()
            answer = await following.unary("Poll", pb.PollRequest(worker_id="w", poller_id="p"))
        assert answer.task.worker_id == "w"
        await following.aclose()
        nursery.cancel_scope.cancel()


async def test_grpc_ends_with_its_loop() -> None:
    """Whoever opens and closes many loops leaves neither threads nor files behind."""
    gc.collect()  # what earlier tests have left in cycles
    before = _pollers()
    for _ in range(3):
        async with open_bridge() as bridge, trio.open_nursery() as nursery:
            address = await _serve(nursery, bridge, {"Poll": _poll})
            channel = await bridge.channel(address)
            await channel.unary("Poll", pb.PollRequest(worker_id="w", poller_id="p"))
            await channel.aclose()
            del channel
            nursery.cancel_scope.cancel()
        gc.collect()
    assert _pollers() <= before


async def test_a_server_cancelled_while_it_starts_is_stopped() -> None:
    gc.collect()
    before = _pollers()
    async with open_bridge() as bridge:
        for turns in range(0, 40, 4):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(bridge.serve, {"Poll": _poll}, "127.0.0.1", 0)
                for _ in range(turns):
                    await trio.lowlevel.checkpoint()
                nursery.cancel_scope.cancel()
    gc.collect()
    assert _pollers() <= before


def _pollers() -> set[int | None]:
    return {thread.ident for thread in threading.enumerate() if "_poll_wrapper" in thread.name}
