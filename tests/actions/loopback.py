"""A server on a free loopback port that answers with the bytes a test gives it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import h11
import trio

Reply = bytes | Callable[["Seen"], bytes] | Callable[["Seen", trio.SocketStream], Awaitable[None]]


@dataclass(slots=True)
class Seen:
    """One request."""

    method: str
    target: str
    headers: dict[str, str]
    #: names as they came
    raw_headers: list[tuple[str, str]]
    body: bytes = b""


@dataclass(slots=True)
class Loopback:
    """What the server answers by target, and what it was asked."""

    port: int
    replies: dict[str, object]
    seen: list[Seen] = field(default_factory=list)

    def url(self, target: str = "/") -> str:
        return f"http://127.0.0.1:{self.port}{target}"


def reply(body: bytes | str = b"", *, status: str = "200 OK", headers: str = "") -> bytes:
    """Return an answer whose head is as given, apart from its length."""
    data = body if isinstance(body, bytes) else body.encode()
    head = f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(data)}\r\n\r\n"
    return head.encode() + data


@asynccontextmanager
async def loopback(replies: dict[str, object]) -> AsyncIterator[Loopback]:
    """Serve until the block ends. A reply is bytes, or a function of the request."""
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    server = Loopback(listeners[0].socket.getsockname()[1], replies)

    async def serve(stream: trio.SocketStream) -> None:
        await _serve(server, stream)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, serve, listeners)
        yield server
        nursery.cancel_scope.cancel()


async def _serve(server: Loopback, stream: trio.SocketStream) -> None:
    async with stream:
        try:
            seen = await read_request(stream)
        except (h11.ProtocolError, trio.BrokenResourceError):
            return
        if seen is None:
            return
        server.seen.append(seen)
        answer = server.replies.get(seen.target.partition("?")[0], reply(status="404 Not Found"))
        if callable(answer):
            answer = answer(seen) if not _is_async(answer) else await answer(seen, stream)
        if isinstance(answer, bytes):
            try:
                await stream.send_all(answer)
            except trio.BrokenResourceError:
                pass


def _is_async(function: object) -> bool:
    import inspect

    return inspect.iscoroutinefunction(function)


async def read_request(stream: trio.abc.Stream) -> Seen | None:
    """Return the next request of a connection; None at its end."""
    connection = h11.Connection(h11.SERVER)
    seen: Seen | None = None
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            data = await stream.receive_some(65_536)
            connection.receive_data(data)
            if not data and seen is None:
                return None
        elif isinstance(event, h11.Request):
            raw = [(n.decode(), v.decode()) for n, v in event.headers.raw_items()]
            named = {name.lower(): value for name, value in raw}
            seen = Seen(event.method.decode(), event.target.decode(), named, raw)
        elif isinstance(event, h11.Data):
            assert seen is not None
            seen.body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            return seen
        else:
            return None
