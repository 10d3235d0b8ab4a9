"""`GET /health` of the standalone services (spec 30 section 3.13). Liveness only."""

from __future__ import annotations

import errno

import trio

from edge.core.errors import UserError

__all__ = ["is_loopback", "serve_health"]

_LIMIT_S = 5.0
_MAX_HEAD_BYTES = 8192
_MAX_CONNECTIONS = 16
_OK = b'{"status":"healthy"}'


async def serve_health(
    host: str, port: int, *, task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED
) -> None:
    """Serve until cancelled; port 0 is for tests and picks a free one.

    At most 16 connections are answered at once; more are closed unanswered.
    Raises: UserError when the port is in use.
    """
    try:
        listeners = await trio.open_tcp_listeners(port, host=host)
    except OSError as exc:
        reason = "address already in use" if exc.errno == errno.EADDRINUSE else str(exc)
        where = f":{port}"
        raise UserError(
            f"failed to start health check server: listen tcp {where}: bind: {reason}"
        ) from exc
    slots = trio.CapacityLimiter(_MAX_CONNECTIONS)

    async def handle(stream: trio.SocketStream) -> None:
        try:
            slots.acquire_nowait()
        except trio.WouldBlock:
            await stream.aclose()
            return
        try:
            with trio.move_on_after(_LIMIT_S):
                await _answer(stream)
        except trio.BrokenResourceError:
            pass
        finally:
            slots.release()
            await trio.aclose_forcefully(stream)

    bound = listeners[0].socket.getsockname()[1]
    async with trio.open_nursery() as nursery:
        await nursery.start(trio.serve_listeners, handle, listeners)
        task_status.started(bound)


async def _answer(stream: trio.SocketStream) -> None:
    head = b""
    while b"\r\n\r\n" not in head and len(head) < _MAX_HEAD_BYTES:
        data = await stream.receive_some(1024)
        if not data:
            return
        head += data
    words = head.split(b"\r\n", 1)[0].split()
    is_health = len(words) == 3 and words[1].split(b"?")[0] == b"/health"
    if is_health and words[0] in (b"GET", b"HEAD"):
        status, body = b"200 OK", _OK
    else:
        status, body = b"404 Not Found", b'{"error":"not found"}'
    answer = (
        b"HTTP/1.1 " + status + b"\r\nContent-Type: application/json\r\nConnection: close"
        b"\r\nContent-Length: " + str(len(body)).encode() + b"\r\n\r\n"
    )
    await stream.send_all(answer if words[:1] == [b"HEAD"] else answer + body)


def is_loopback(host: str) -> bool:
    """Tell whether a service host is a loopback name."""
    return host in ("localhost", "::1", "[::1]", "") or host.startswith("127.")
