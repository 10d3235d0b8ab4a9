"""Real sockets: the connection must close, be reused, and leave nothing behind."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trio

from edge.core.errors import UserError
from edge.web.context import WebContext
from edge.web.serve import bind, clean_base_path, serve, serve_app
from tests.web import fakes


@pytest.fixture
def ctx(tmp_path: Path) -> Iterator[WebContext]:
    value = fakes.context(tmp_path)
    yield value
    value.store.close()


async def read_response(stream: trio.SocketStream) -> bytes:
    """Read one response by its Content-Length."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = await stream.receive_some()
        assert part, data
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [x[15:] for x in head.lower().split(b"\r\n") if x.startswith(b"content-length:")]
    length = int(lengths[0])
    while len(body) < length:
        body += await stream.receive_some()
    return head + b"\r\n\r\n" + body


def request(path: str, *extra: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", "Host: localhost", *extra, "", ""]
    return "\r\n".join(lines).encode()


def tasks() -> int:
    root = trio.lowlevel.current_root_task()
    assert root is not None
    count, todo = 0, [root]
    while todo:
        task = todo.pop()
        count += 1
        todo += [child for nursery in task.child_nurseries for child in nursery.child_tasks]
    return count


async def until(condition: Callable[[], bool], limit_s: float = 30) -> None:
    """Wait for something that no event tells of."""
    with trio.fail_after(limit_s):
        while not condition():  # noqa: ASYNC110
            await trio.sleep(0.01)


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


async def test_connection_close_gives_eof(ctx: WebContext, nursery: trio.Nursery) -> None:
    port = await nursery.start(serve, ctx, "127.0.0.1", 0)
    with trio.fail_after(30):
        for path in ("/dags", "/api/v1/health", "/nope", "/static/live.js"):
            stream = await trio.open_tcp_stream("127.0.0.1", port)
            await stream.send_all(request(path, "Connection: close"))
            data = b"".join([part async for part in stream])
            assert data.startswith(b"HTTP/1.1 ")
            await stream.aclose()


async def test_keep_alive_reuses_and_nothing_leaks(ctx: WebContext, nursery: trio.Nursery) -> None:
    port = await nursery.start(serve, ctx, "127.0.0.1", 0)
    idle = tasks()
    with trio.fail_after(30):
        warm = await trio.open_tcp_stream("127.0.0.1", port)
        await warm.send_all(request("/dags"))
        await read_response(warm)
        await warm.aclose()
        await until(lambda: tasks() == idle)
        fds = descriptors()
        for _ in range(3):
            stream = await trio.open_tcp_stream("127.0.0.1", port)
            for _ in range(5):
                await stream.send_all(request("/dags"))
                assert b"200" in (await read_response(stream)).split(b"\r\n")[0]
            await stream.aclose()
        for _ in range(3):  # gone in the middle of a request and of a response
            stream = await trio.open_tcp_stream("127.0.0.1", port)
            await stream.send_all(b"GET /dags HTTP/1.1\r\nHost: loc")
            await stream.aclose()
            stream = await trio.open_tcp_stream("127.0.0.1", port)
            await stream.send_all(request("/dags"))
            await stream.aclose()
        for _ in range(3):  # a port probe
            await (await trio.open_tcp_stream("127.0.0.1", port)).aclose()
        await until(lambda: tasks() <= idle and descriptors() <= fds)


async def test_idle_connection_is_closed(nursery: trio.Nursery) -> None:
    async def app(scope, receive, send) -> None:  # type: ignore[no-untyped-def]
        if scope["type"] != "http":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x"})

    async def run(*, task_status: trio.TaskStatus[int]) -> None:
        await serve_app(app, bind("127.0.0.1", 0), idle_limit_s=0.1, task_status=task_status)

    port = await nursery.start(run)
    with trio.fail_after(30):
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        assert await stream.receive_some() == b""


async def test_a_client_that_stops_reading_is_let_go(
    ctx: WebContext, tmp_path: Path, nursery: trio.Nursery
) -> None:
    from edge.web.app import create_app
    from edge.web.shell import shell

    big = tmp_path / "logs" / "big.log"
    with big.open("wb") as file:
        file.truncate(64 * 1024 * 1024)
    fakes.keep(ctx, fakes.record(log=str(big)))

    async def run(*, task_status: trio.TaskStatus[int]) -> None:
        app = shell(create_app(ctx))
        await serve_app(app, bind("127.0.0.1", 0), write_limit_s=0.3, task_status=task_status)

    port = await nursery.start(run)
    before = tasks()
    sock = trio.socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    await sock.connect(("127.0.0.1", port))
    await sock.send(request("/dag-runs/pump/r1/log/download"))
    await until(lambda: tasks() > before)
    await until(lambda: tasks() <= before)
    sock.close()


async def test_a_stalled_client_does_not_hold_up_the_end(ctx: WebContext, tmp_path: Path) -> None:
    big = tmp_path / "logs" / "big.log"
    with big.open("wb") as file:
        file.truncate(64 * 1024 * 1024)
    fakes.keep(ctx, fakes.record(log=str(big)))
    with trio.fail_after(30):
        async with trio.open_nursery() as own:
            port = await own.start(serve, ctx, "127.0.0.1", 0)
            before = tasks()
            sock = trio.socket.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            await sock.connect(("127.0.0.1", port))
            await sock.send(request("/dag-runs/pump/r1/log/download"))
            await until(lambda: tasks() > before)
            await trio.sleep(0.2)  # the write has filled the buffers
            own.cancel_scope.cancel()
    sock.close()


async def test_port_in_use_says_what_to_do(ctx: WebContext) -> None:
    with bind("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError) as info:
            await serve(ctx, "127.0.0.1", port)
    expected = f"listen tcp 127.0.0.1:{port}: bind: address already in use; "
    assert str(info.value).startswith(expected)
    assert "--port" in str(info.value)


async def test_only_loopback_and_no_auth_mode(tmp_path: Path) -> None:
    ctx = fakes.context(tmp_path, auth_mode="builtin")
    with pytest.raises(UserError, match=r"host 0\.0\.0\.0: the server has no access control"):
        await serve(ctx, "0.0.0.0", 0)
    with pytest.raises(UserError, match=r"auth\.mode builtin"):
        await serve(ctx, "127.0.0.1", 0)
    ctx.store.close()


async def test_unset_auth_mode_warns_once(tmp_path: Path, nursery: trio.Nursery) -> None:
    ctx = fakes.context(tmp_path, auth_mode=None)
    await nursery.start(serve, ctx, "127.0.0.1", 0)
    assert [line[0] for line in ctx.log.lines] == ["warning"]  # type: ignore[union-attr]
    ctx.store.close()


async def test_base_path_and_trailing_slash(tmp_path: Path, nursery: trio.Nursery) -> None:
    ctx = fakes.context(tmp_path, base_path="/edge/")
    fakes.keep(ctx, fakes.record())
    port = await nursery.start(serve, ctx, "127.0.0.1", 0)
    with trio.fail_after(30):
        stream = await trio.open_tcp_stream("127.0.0.1", port)

        async def get(path: str) -> bytes:
            await stream.send_all(request(path))
            return await read_response(stream)

        for path in ("/edge/dag-runs", "/edge/dag-runs/"):
            text = await get(path)
            assert b"HTTP/1.1 200" in text
            assert b'href="/edge/dag-runs/pump/r1"' in text
        for path in ("/edge", "/edge/"):
            text = await get(path)
            assert b" 302 " in text.split(b"\r\n")[0]
            assert b"location: /edge/dags\r\n" in text.lower()
        for path in ("/dags", "/edgedags", "/"):
            assert b" 404 " in (await get(path)).split(b"\r\n")[0]
        await stream.aclose()
    ctx.store.close()


def test_base_path_is_cleaned() -> None:
    assert clean_base_path("") == clean_base_path("/") == ""
    assert clean_base_path("a//b/") == "/a/b"
    for bad in ("/a?b", "/a#b", "/a\\b", "/a\nb", "/../a"):
        with pytest.raises(UserError, match="base_path"):
            clean_base_path(bad)
