"""Delivering a local log file: spec 20 section 10, client side."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from edge.cluster import logstreams
from edge.cluster.logsink import LogSink, stream_identity
from edge.cluster.logstreams import LogPump
from edge.cluster.peers import Owner, Peers
from edge.cluster.rpc import Code, RpcError
from edge.cluster.runreporter import TaskIdentity
from edge.cluster.wire import health_pb2, pb
from edge.config.log import get_logger
from edge.core.ids import RunRef, attempt_key
from tests.cluster.fakes import MemoryLink

RUN = RunRef("hello", "r1")
OWNER = Owner("hub@1", "127.0.0.1", 1)
IDENTITY = TaskIdentity(
    worker_id="w",
    owner=OWNER,
    dag_name="hello",
    run_id="r1",
    root_name="hello",
    root_run_id="r1",
    attempt_id="a1",
    attempt_key=attempt_key(RUN, RUN, "a1"),
)


class _Server:
    """StreamLogs into files, and a switch for refusals."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.refusal: RpcError | None = None

    async def check(self, _request: Any, _caller: Any) -> Any:
        return health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING)

    async def logs(self, reader: Any, _caller: Any) -> Any:
        sink: LogSink | None = None
        try:
            while (chunk := await reader.read()) is not None:
                if self.refusal is not None:
                    raise self.refusal
                sink = sink or LogSink(self.folder, stream_identity(chunk))
                sink.add(chunk)
        finally:
            if sink is not None:
                sink.close()
        assert sink is not None
        return pb.StreamLogsResponse(chunks_received=sink.chunks, bytes_written=sink.written_bytes)

    def received(self, name: str = "say.stdout.log") -> bytes:
        path = self.folder / "hello" / "r1" / "a1" / name
        return path.read_bytes() if path.exists() else b""


@asynccontextmanager
async def _open(folder: Path, *, stream: str = "stdout") -> AsyncIterator[tuple[Any, Any, Any]]:
    server = _Server(folder / "server")
    async with trio.open_nursery() as nursery:
        link = MemoryLink({"Check": server.check, "StreamLogs": server.logs}, nursery)

        async def connect(_address: str) -> MemoryLink:
            return link

        step = "scheduler" if stream == "scheduler" else "say"
        pump = LogPump(
            Peers((), connect),
            OWNER,
            lambda: IDENTITY.chunk(step, stream),
            log=get_logger(),
            restarts_sequence=stream != "scheduler",
        )
        nursery.start_soon(pump.run)
        with trio.fail_after(30):
            yield server, link, pump
        nursery.cancel_scope.cancel()


def _chunks(link: MemoryLink) -> list[Any]:
    return [message for method, message, _ in link.calls if method == "StreamLogs"]


def _file(folder: Path, data: bytes) -> Path:
    path = folder / "say.out"
    path.write_bytes(data)
    return path


async def test_a_large_file_arrives_whole(tmp_path: Path) -> None:
    data = bytes(range(256)) * 4096 + b"end"
    path = _file(tmp_path, data)
    async with _open(tmp_path) as (server, link, pump):
        for size in (10, 40_000, 500_000):
            pump.grew(path, size)
            await trio.sleep(0.01)
        pump.close(path, len(data))
        await pump.done.wait()
        assert server.received() == data
        chunks = _chunks(link)
        assert [chunk.sequence for chunk in chunks] == list(range(1, len(chunks) + 1))
        assert [chunk.HasField("byte_offset") for chunk in chunks] == [True] * len(chunks)
        assert max(len(chunk.data) for chunk in chunks) == 32768
        assert (chunks[-1].is_final, chunks[-1].data, chunks[-1].byte_offset) == (
            True,
            b"",
            len(data),
        )


async def test_small_output_waits_for_the_flush(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logstreams, "_FLUSH_S", 0.2)
    path = _file(tmp_path, b"line\n")
    async with _open(tmp_path) as (server, link, pump):
        began = trio.current_time()
        pump.grew(path, 5)
        while server.received() != b"line\n":
            assert not _chunks(link) or trio.current_time() - began >= 0.2
            await trio.sleep(0.01)
        assert trio.current_time() - began >= 0.2
        assert not pump.done.is_set()


async def test_an_empty_stream_is_never_opened(tmp_path: Path) -> None:
    async with _open(tmp_path) as (_, link, pump):
        pump.close(_file(tmp_path, b""), 0)
        await pump.done.wait()
        assert link.calls == []


@pytest.mark.parametrize("stream", ["stdout", "scheduler"])
async def test_a_cut_link_is_resumed(tmp_path: Path, stream: str) -> None:
    data = b"".join(b"line %d\n" % i for i in range(20_000))
    path = _file(tmp_path, data)
    async with _open(tmp_path, stream=stream) as (server, link, pump):
        pump.grew(path, 100_000)
        while len(_chunks(link)) < 3:  # noqa: ASYNC110
            await trio.sleep(0.001)
        link.cut()
        pump.close(path, len(data))
        await trio.sleep(0.2)
        link.is_cut = False
        await pump.done.wait()
        name = "scheduler.log" if stream == "scheduler" else "say.stdout.log"
        assert server.received(name) == data
        chunks = _chunks(link)
        restarts = [i for i, c in enumerate(chunks) if i and c.byte_offset == 0]
        assert restarts
        after = chunks[restarts[-1]]
        # Nothing was acknowledged: a step begins again with 1, the scheduler goes on counting.
        assert after.sequence == (
            1 if stream == "stdout" else chunks[restarts[-1] - 1].sequence + 1
        )


async def test_acknowledged_bytes_are_not_sent_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logstreams, "_ACK_BYTES", 65_536)
    data = b"x" * 300_000
    path = _file(tmp_path, data)
    async with _open(tmp_path) as (server, link, pump):
        pump.grew(path, 200_000)
        while server.received()[:196_608] != data[:196_608]:  # noqa: ASYNC110
            await trio.sleep(0.001)
        link.cut()
        link.calls.clear()
        link.is_cut = False
        pump.close(path, len(data))
        await pump.done.wait()
        assert server.received() == data
        assert min(chunk.byte_offset for chunk in _chunks(link)) >= 131_072


@pytest.mark.parametrize(
    "refusal",
    [
        RpcError(Code.FAILED_PRECONDITION, "log streaming not configured"),
        RpcError(Code.FAILED_PRECONDITION, "stale attempt: superseded by newer attempt"),
    ],
)
async def test_a_refused_stream_ends(tmp_path: Path, refusal: RpcError) -> None:
    path = _file(tmp_path, b"x" * 100_000)
    async with _open(tmp_path) as (server, link, pump):
        server.refusal = refusal
        pump.close(path, 100_000)
        await pump.done.wait()
        assert server.received() == b""
        assert len(link.streams) == 1


async def test_a_file_that_is_shorter_than_announced(tmp_path: Path) -> None:
    path = _file(tmp_path, b"short")
    async with _open(tmp_path) as (server, _, pump):
        pump.close(path, 50)
        await pump.done.wait()
        assert server.received() == b"short"


async def test_a_file_that_is_gone(tmp_path: Path) -> None:
    async with _open(tmp_path) as (server, _, pump):
        pump.close(tmp_path / "nothing", 50)
        await pump.done.wait()
        assert server.received() == b""
