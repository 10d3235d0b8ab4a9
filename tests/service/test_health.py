"""`GET /health` of the standalone services."""

from __future__ import annotations

import contextlib

import pytest
import trio

from edge.core.errors import UserError
from edge.service.errors import single_error
from edge.service.health import is_loopback, serve_health


async def ask(port: int, request: bytes) -> bytes:
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    async with stream:
        await stream.send_all(request)
        answer = b""
        while data := await stream.receive_some(4096):
            answer += data
        return answer


async def test_health_answers_and_other_paths_do_not_exist() -> None:
    async with trio.open_nursery() as nursery:
        port = await nursery.start(serve_health, "127.0.0.1", 0)
        answer = await ask(port, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"Content-Type: application/json\r\n" in answer
        assert answer.endswith(b'\r\n\r\n{"status":"healthy"}')
        assert (await ask(port, b"GET / HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 404 ")
        assert (await ask(port, b"POST /health HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 404 ")
        head = await ask(port, b"HEAD /health HTTP/1.1\r\n\r\n")
        assert head.endswith(b"\r\n\r\n")
        assert b"200 OK" in head
        nursery.cancel_scope.cancel()


async def test_garbage_and_silence_do_not_hurt() -> None:
    async with trio.open_nursery() as nursery:
        port = await nursery.start(serve_health, "127.0.0.1", 0)
        assert b"404" in await ask(port, b"\x00" * 100 + b"\r\n\r\n")
        # An endless head is cut off; what was not read resets the connection.
        with contextlib.suppress(trio.BrokenResourceError):
            await ask(port, b"x" * 20_000)
        silent = await trio.open_tcp_stream("127.0.0.1", port)
        await silent.aclose()
        assert b"200 OK" in await ask(port, b"GET /health HTTP/1.0\r\n\r\n")
        nursery.cancel_scope.cancel()


async def test_port_in_use_is_one_clear_error() -> None:
    with trio.socket.socket() as taken:
        await taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(BaseExceptionGroup) as caught:
            async with trio.open_nursery() as nursery:
                await nursery.start(serve_health, "127.0.0.1", port)
    error = single_error(caught.value)
    assert isinstance(error, UserError)
    assert str(error) == (
        f"failed to start health check server: listen tcp :{port}: bind: address already in use"
    )


def test_single_error_finds_ours_in_nested_groups() -> None:
    ours = UserError("port in use")
    group = BaseExceptionGroup("a", [ExceptionGroup("b", [ValueError("x"), ours])])
    assert single_error(group) is ours
    only = KeyError("x")
    assert single_error(BaseExceptionGroup("a", [ExceptionGroup("b", [only])])) is only
    assert single_error(ExceptionGroup("a", [KeyError(), ValueError()])) is None


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("localhost", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("10.1.2.3", False),
    ],
)
def test_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected
