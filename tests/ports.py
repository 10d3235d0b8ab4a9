"""Ports for servers of tests that run side by side."""

from __future__ import annotations

import socket

__all__ = ["free_port"]

_held: list[socket.socket] = []


def free_port() -> int:
    """Return a port of the loopback interface on which only the caller will listen.

    One that was let go could be given to anybody before the caller's server binds it. So it stays
    bound until this process ends, without listening: clients are refused, the system gives it to
    nobody, and a server that sets SO_REUSEADDR, as all do, can bind it.
    """
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", 0))
    _held.append(sock)
    return int(sock.getsockname()[1])
