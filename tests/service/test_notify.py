"""sd_notify over path and abstract sockets, and the watchdog that proves more than a timer."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import pytest
import trio
import trio.testing

from edge.service.notify import Notifier, watchdog_period_s

Manager: TypeAlias = tuple[str, socket.socket]


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    """Yield (NOTIFY_SOCKET, socket) of a service manager."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    if request.param == "path":
        name = str(tmp_path / "notify")
        sock.bind(name)
    else:
        name = f"@edge-test-{os.getpid()}-{id(request)}"
        sock.bind("\0" + name[1:])
    sock.setblocking(False)
    yield name, sock
    sock.close()


class FakeWriter:
    """Stands for StoreWriter: `flush` answers, or hangs like a dead disk."""

    def __init__(self) -> None:
        self.hangs = False

    async def flush(self) -> None:
        if self.hangs:
            await trio.sleep_forever()
        await trio.lowlevel.checkpoint()


def received(sock: socket.socket) -> list[str]:
    found = []
    while True:
        try:
            found.append(sock.recv(4096).decode())
        except BlockingIOError:
            return found


def test_states_arrive(manager: Manager) -> None:
    name, sock = manager
    notifier = Notifier({"NOTIFY_SOCKET": name})
    assert notifier.is_enabled
    assert notifier.send("READY=1", "STATUS=serving")
    assert received(sock) == ["READY=1\nSTATUS=serving"]


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1"}])
def test_without_a_usable_socket_nothing_is_sent(environ: dict[str, str]) -> None:
    notifier = Notifier(environ)
    assert not notifier.is_enabled
    assert not notifier.send("READY=1")


def test_a_socket_that_went_away_is_no_error(tmp_path: Path) -> None:
    assert not Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).send("READY=1")


def test_watchdog_period_is_half_and_only_for_this_process() -> None:
    assert watchdog_period_s({"WATCHDOG_USEC": "30000000"}, 7) == 15.0
    assert watchdog_period_s({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, 7) == 15.0
    assert watchdog_period_s({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, 7) is None
    assert watchdog_period_s({}, 7) is None
    assert watchdog_period_s({"WATCHDOG_USEC": "x"}, 7) is None
    assert watchdog_period_s({"WATCHDOG_USEC": "0"}, 7) is None


async def test_watchdog_pings_only_while_the_writer_lives(
    manager: Manager, autojump_clock: trio.testing.MockClock
) -> None:
    name, sock = manager
    writer = FakeWriter()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Notifier({"NOTIFY_SOCKET": name}).keep_watchdog, 10.0, writer.flush)
        await trio.sleep(35)
        assert received(sock) == ["WATCHDOG=1"] * 4
        writer.hangs = True
        await trio.sleep(100)
        assert received(sock) == []
        writer.hangs = False
        await trio.sleep(30)
        assert "WATCHDOG=1" in received(sock)
        nursery.cancel_scope.cancel()
