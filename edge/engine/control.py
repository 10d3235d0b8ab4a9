"""The control socket of a process: status and stop of all its runs (spec 12 section 3).

HTTP over a Unix socket in the runtime directory, one request a connection:
`GET /status?name=&runId=` answers the record, `POST /stop?name=&runId=` answers `OK`.
"""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import trio

from edge.core.ids import RunRef
from edge.core.status import RunStatus
from edge.engine.host import RunHost

__all__ = ["serve_control"]

_REQUEST_MAX_BYTES = 8192
_REQUEST_LIMIT_S = 3.0
_BACKLOG = 16


async def serve_control(
    path: Path,
    host: RunHost,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Answer requests until cancelled; the socket's file is gone afterwards.

    Raises: OSError when the socket cannot be made.
    """
    listener = _listen(path)
    try:
        async with listener, trio.open_nursery() as nursery:
            await nursery.start(
                trio.serve_listeners, lambda stream: _serve(stream, host), [listener]
            )
            task_status.started()
    finally:
        _remove(path)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


def _listen(path: Path) -> trio.SocketListener:
    # A file of that name can only be left by a dead process of our own pid.
    _remove(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        mask = os.umask(0o177)
        try:
            sock.bind(str(path))
        finally:
            os.umask(mask)
        sock.listen(_BACKLOG)
        return trio.SocketListener(trio.socket.from_stdlib_socket(sock))
    except BaseException:
        sock.close()
        raise


async def _serve(stream: trio.abc.HalfCloseableStream, host: RunHost) -> None:
    async with stream:
        with trio.move_on_after(_REQUEST_LIMIT_S):
            try:
                head = await _read_head(stream)
                status, body, kind = _answer(head, host)
                text = (
                    f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n"
                    f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
                )
                await stream.send_all(text.encode() + body)
            except trio.BrokenResourceError:
                pass


async def _read_head(stream: trio.abc.ReceiveStream) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data and len(data) < _REQUEST_MAX_BYTES:
        more = await stream.receive_some(_REQUEST_MAX_BYTES)
        if not more:
            break
        data += more
    return data


def _answer(head: bytes, host: RunHost) -> tuple[str, bytes, str]:
    """Return status line, body and content type for a request's head."""
    words = head.split(b"\r\n", 1)[0].decode("utf-8", "replace").split(" ")
    if len(words) != 3:
        return "400 Bad Request", b"bad request\n", "text/plain"
    url = urlsplit(words[1])
    query = parse_qs(url.query)
    ref = RunRef(query.get("name", [""])[0], query.get("runId", [""])[0])
    runner = host.active.get(ref)
    match words[0], url.path:
        case "GET", "/status" if runner is not None:
            record = runner.record.to_json()
            record["status"] = int(RunStatus.RUNNING)
            return "200 OK", json.dumps(record).encode(), "application/json"
        case "POST", "/stop" if runner is not None:
            host.stop(ref)
            return "200 OK", b"OK", "text/plain"
        case ("GET", "/status") | ("POST", "/stop"):
            return "404 Not Found", b"no such run in this process\n", "text/plain"
        case _:
            return "404 Not Found", b"not found\n", "text/plain"
