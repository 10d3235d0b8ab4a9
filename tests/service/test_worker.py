"""The worker as a service: ready without a network, health port, signals."""

from __future__ import annotations

import contextlib
import socket
from dataclasses import replace
from pathlib import Path

import pytest
import trio

from edge.core.errors import UserError
from edge.service.signals import StopRequest
from edge.service.worker import run_worker
from tests.ports import free_port
from tests.service.support import home_settings, taken_port


async def test_a_worker_is_ready_without_its_coordinator_and_drains(tmp_path: Path) -> None:
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(tmp_path / "notify"))
    manager.setblocking(False)
    settings = home_settings(tmp_path)
    health = free_port()
    settings = replace(
        settings,
        worker=replace(
            settings.worker, coordinators=(f"127.0.0.1:{free_port()}",), health_port=health
        ),
    )
    stop, codes = StopRequest(), []
    environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "60000000"}

    async def run(*, task_status: trio.TaskStatus[None]) -> None:
        codes.append(
            await run_worker(settings, None, stop=stop, environ=environ, task_status=task_status)
        )

    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            await nursery.start(run)
            assert manager.recv(1000).startswith(b"READY=1\nSTATUS=worker ")
            stream = await trio.open_tcp_stream("127.0.0.1", health)
            async with stream:
                await stream.send_all(b"GET /health HTTP/1.1\r\n\r\n")
                assert (await stream.receive_some(100)).startswith(b"HTTP/1.1 200 ")
            stop.note("SIGTERM")
    assert codes == [0]
    said = []
    with contextlib.suppress(BlockingIOError):
        while True:
            said.append(manager.recv(1000).split(b"\n")[0])
    assert said == [b"WATCHDOG=1", b"STOPPING=1"]
    manager.close()


async def test_a_health_port_in_use_says_what_to_do(tmp_path: Path) -> None:
    settings = home_settings(tmp_path)
    with taken_port() as taken:
        port = taken.getsockname()[1]
        settings = replace(
            settings,
            worker=replace(settings.worker, coordinators=("127.0.0.1:1",), health_port=port),
        )
        with pytest.raises(UserError) as caught:
            await run_worker(settings, None, environ={})
    assert str(caught.value) == (
        f"worker failed: failed to start worker health check server: listen tcp :{port}: bind:"
        " address already in use; give each worker of this host its own --worker.health-port, or 0"
    )


async def test_settings_that_forbid_it_are_a_single_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"worker\.coordinators is required"):
        await run_worker(home_settings(tmp_path), None, environ={})
