"""A mail server on a free loopback port, which keeps what it is told."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import trio


@dataclass(slots=True)
class MailSink:
    """How the server behaves, and what it saw."""

    port: int = 0
    #: command word -> answer in place of the usual one
    refuses: dict[str, str] = field(default_factory=dict)
    #: answers to EHLO after its first line
    offers: tuple[str, ...] = ()
    tls: ssl.SSLContext | None = None
    #: TLS from the first byte
    is_implicit: bool = False
    is_silent: bool = False
    lines: list[str] = field(default_factory=list)
    data: bytes = b""


@asynccontextmanager
async def mail_sink(host: str = "127.0.0.1", **behaviour: object) -> AsyncIterator[MailSink]:
    """Serve until the block ends."""
    listeners = await trio.open_tcp_listeners(0, host=host)
    sink = MailSink(listeners[0].socket.getsockname()[1], **behaviour)  # type: ignore[arg-type]

    async def serve(stream: trio.SocketStream) -> None:
        try:
            await _session(sink, stream)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, serve, listeners)
        yield sink
        nursery.cancel_scope.cancel()


async def _session(sink: MailSink, line: trio.abc.Stream) -> None:
    if sink.is_silent:
        await trio.sleep_forever()
    if sink.is_implicit:
        assert sink.tls is not None
        line = trio.SSLStream(line, sink.tls, server_side=True)
    await line.send_all(b"220 sink\r\n")
    rest = b""
    pending: list[str] = []
    while True:
        while b"\r\n" not in rest:
            data = await line.receive_some(65_536)
            if not data:
                return
            rest += data
        text, _, rest = rest.partition(b"\r\n")
        said = text.decode()
        word, blank, more = said.partition(" ")
        if not pending:
            word = word.upper()
        sink.lines.append(word + blank + more)
        if pending:
            answer = pending.pop(0)
        elif word in sink.refuses:
            answer = sink.refuses[word]
        elif word == "EHLO":
            answer = "\r\n".join(f"250-{offer}" for offer in ("sink", *sink.offers)) + "\r\n250 OK"
        elif said.upper() == "AUTH LOGIN" or (word == "AUTH" and "LOGIN" in said.upper()):
            pending = ["334 UGFzc3dvcmQ6", "235 in"]
            answer = pending.pop(0) if " " in said[5:] else "334 VXNlcm5hbWU6"
        elif word == "AUTH":
            answer = "235 in"
        elif word == "DATA":
            await line.send_all(b"354 go\r\n")
            while b"\r\n.\r\n" not in rest:
                rest += await line.receive_some(65_536)
            sink.data, _, rest = rest.partition(b"\r\n.\r\n")
            answer = "250 taken"
        elif word == "STARTTLS":
            answer = "220 go"
        elif word == "QUIT":
            answer = "221 bye"
        else:
            answer = "250 ok"
        await line.send_all(answer.encode() + b"\r\n")
        if word == "STARTTLS" and sink.tls is not None:
            line = trio.SSLStream(line, sink.tls, server_side=True)
        if word == "QUIT":
            return
