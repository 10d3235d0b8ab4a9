"""Serve the dashboard with hypercorn on trio (DESIGN section 8).

We bind and accept ourselves and give hypercorn the connections: a port in use is one clear line,
`started()` means bound, connections are bounded in number, and none outlives its client.
"""

from __future__ import annotations

import errno
import logging
import socket
from typing import TYPE_CHECKING

import trio
from hypercorn.config import Config
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState
from hypercorn.utils import wrap_app

from edge.core.errors import UserError
from edge.web.app import create_app
from edge.web.context import WebContext
from edge.web.security import check_auth_mode, check_bind_host
from edge.web.shell import SEND_LIMIT_S, shell

if TYPE_CHECKING:
    from hypercorn.typing import ASGIFramework

__all__ = ["bind", "clean_base_path", "serve", "serve_app"]

_IDLE_LIMIT_S = 120.0
_MAX_CONNECTIONS = 256
_BACKLOG = 100
_MAX_HEADER_BYTES = 32 * 1024


async def serve(
    ctx: WebContext,
    host: str,
    port: int,
    *,
    task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until cancelled; `started(port)` once the socket listens (port 0 picks a free one).

    On cancellation no new request is taken and running ones are cut off: pages are short.
    Raises: UserError for an address that is not loopback, an auth mode that does not exist yet, or
    a port in use.
    """
    check_bind_host(host)
    warning = check_auth_mode(ctx.settings.auth_mode)
    if warning and ctx.log is not None:
        ctx.log.warning(warning)
    app = shell(create_app(ctx), clean_base_path(ctx.settings.base_path))
    await serve_app(app, bind(host, port), task_status=task_status)


async def serve_app(
    app: ASGIFramework,
    listener: socket.socket,
    *,
    write_limit_s: float = SEND_LIMIT_S,
    idle_limit_s: float = _IDLE_LIMIT_S,
    task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve an ASGI application on a bound socket, which this closes at the end."""
    # hypercorn shields its writes without a deadline: a client that stops reading would hold its
    # task for ever. The kernel ends such a connection; accepted sockets inherit the option.
    listener.setsockopt(
        socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, max(1, int(write_limit_s * 1000))
    )
    listener.setblocking(False)
    port: int = listener.getsockname()[1]
    config = Config()
    config.accesslog = None
    config.errorlog = _quiet_log()
    config.keep_alive_timeout = idle_limit_s
    config.h11_max_incomplete_size = _MAX_HEADER_BYTES
    config.include_server_header = False
    wrapped = wrap_app(app, config.wsgi_max_body_size, "asgi")
    context = WorkerContext(None)
    live: set[trio.SocketStream] = set()

    async def handle(stream: trio.SocketStream) -> None:
        if len(live) >= _MAX_CONNECTIONS:
            await trio.aclose_forcefully(stream)
            return
        live.add(stream)
        try:
            await _Connection(wrapped, config, context, ConnectionState({}), stream)  # type: ignore[arg-type]
        finally:
            live.discard(stream)

    accepting = trio.SocketListener(trio.socket.from_stdlib_socket(listener))
    async with accepting, trio.open_nursery() as connections:
        try:
            task_status.started(port)
            await trio.serve_listeners(handle, [accepting], handler_nursery=connections)
        finally:
            # Wakes the writes that hypercorn shields from the cancellation.
            for stream in live:
                stream.socket.close()


class _Connection(TCPServer):
    """One connection. When the client is gone, so is its idle timer.

    Without this a connection that is closed before a whole request came (a port probe, a browser's
    spare connection) keeps its task and descriptor until the idle limit (hypercorn 0.18).
    """

    async def _read_data(self) -> None:
        await super()._read_data()
        await self.idle_task.stop()


def bind(host: str, port: int) -> socket.socket:
    """Return a bound TCP socket. Raises: UserError saying what to do."""
    name = "::1" if host in ("::1", "[::1]") else "127.0.0.1" if host == "localhost" else host
    sock = socket.socket(socket.AF_INET6 if ":" in name else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((name.strip("[]"), port))
        # Two sockets with SO_REUSEADDR may both bind; only one may listen.
        sock.listen(_BACKLOG)
    except (OSError, OverflowError) as exc:
        sock.close()
        reason = str(exc)
        if isinstance(exc, OSError):
            reason = (exc.strerror or str(exc)).lower()
        hint = None
        if isinstance(exc, OSError) and exc.errno == errno.EADDRINUSE:
            hint = "choose another port with --port, or stop the program that has it"
        elif isinstance(exc, OSError) and exc.errno == errno.EACCES:
            hint = "ports below 1024 need root; choose another port with --port"
        shown = f"[{name}]" if ":" in name else name
        raise UserError(f"listen tcp {shown}:{port}: bind: {reason}", hint=hint) from exc
    return sock


def clean_base_path(text: str) -> str:
    """Return the base path cleaned (`/` and empty are empty). Raises: UserError."""
    if any(char in "?#\\" or ord(char) < 32 or ord(char) == 127 for char in text):
        raise UserError(f"base_path {text!r}: must be a URL path without ?, # and backslash")
    parts = [part for part in text.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise UserError(f"base_path {text!r}: must not contain ..")
    return "".join("/" + part for part in parts)


def _quiet_log() -> logging.Logger:
    """Return a logger that prints nothing: page errors are logged by the application."""
    log = logging.getLogger("edge.web.hypercorn")
    log.propagate = False
    log.handlers = [logging.NullHandler()]
    return log
