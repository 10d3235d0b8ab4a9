"""Dialling and its errors in the words of the reference, for every action with a network."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator

import trio

__all__ = ["DialError", "blocking_socket", "causes", "dial", "dial_reason", "join_host"]


class DialError(Exception):
    """No connection; the text is `dial tcp <address>: <reason>`."""


def join_host(host: str, port: int) -> str:
    """Return host and port as one text."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def dial(host: str, port: int, *, timeout_s: float) -> trio.SocketStream:
    """Connect; the caller closes the stream. Raises: DialError."""
    try:
        with trio.fail_after(timeout_s):
            return await trio.open_tcp_stream(host, port)
    except trio.TooSlowError:
        raise DialError(f"dial tcp {join_host(host, port)}: i/o timeout") from None
    except (OSError, UnicodeError, ValueError) as exc:
        raise DialError(dial_reason(exc, host, port)) from exc


def blocking_socket(stream: trio.SocketStream) -> socket.socket:
    """Return a second handle of a connection, for a thread; both are to be closed."""
    line = socket.socket(fileno=os.dup(stream.socket.fileno()))
    line.setblocking(True)
    return line


def dial_reason(exc: BaseException, host: str, port: int) -> str:
    """Return why there is no connection, from the errors behind an error."""
    address = join_host(host, port)
    for cause in causes(exc):
        if isinstance(cause, socket.gaierror):
            reason = (cause.strerror or "no such host").lower()
            return f"dial tcp: lookup {host}: {reason}"
    for cause in causes(exc):
        if isinstance(cause, OSError) and cause.errno and not isinstance(cause, ssl.SSLError):
            return f"dial tcp {address}: connect: {os.strerror(cause.errno).lower()}"
    return f"dial tcp {address}: {exc}"


def causes(exc: BaseException) -> Iterator[BaseException]:
    """Yield an error and everything behind it, each once."""
    pending: list[BaseException] = [exc]
    seen: set[int] = set()
    while pending:
        at = pending.pop(0)
        if id(at) in seen:
            continue
        seen.add(id(at))
        yield at
        if isinstance(at, BaseExceptionGroup):
            pending.extend(at.exceptions)
        pending.extend(item for item in (at.__cause__, at.__context__) if item is not None)
