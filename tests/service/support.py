"""A home directory and a service on it, inside the test's own process."""

from __future__ import annotations

import http.client
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import trio

from edge.config.home import prepare_home
from edge.config.settings import Settings, load_settings
from edge.service.server import run_services
from edge.service.signals import StopRequest
from tests.ports import free_port


def home_settings(tmp_path: Path, **flags: str) -> Settings:
    """Return settings of a fresh home with free ports."""
    given = {
        "port": "0",
        "coordinator.port": str(free_port()),
        "scheduler.port": str(free_port()),
        "coordinator.health_port": str(free_port()),
        **{key.replace("__", "."): value for key, value in flags.items()},
    }
    settings = load_settings(environ={"DAGU_HOME": str(tmp_path / "home")}, flags={})
    settings = replace(
        settings,
        port=int(given["port"]),
        coordinator=replace(
            settings.coordinator,
            port=int(given["coordinator.port"]),
            health_port=int(given["coordinator.health_port"]),
        ),
        scheduler=replace(settings.scheduler, port=int(given["scheduler.port"])),
    )
    prepare_home(settings)
    return settings


@dataclass
class Service:
    """A running service."""

    settings: Settings
    url: str
    stop: StopRequest
    code: int | None = None

    @property
    def port(self) -> int:
        return int(self.url.rstrip("/").rsplit(":", 1)[1])

    async def get(self, path: str, port: int | None = None) -> tuple[int, str]:
        def ask() -> tuple[int, str]:
            connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=10)
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

        return await trio.to_thread.run_sync(ask)


@asynccontextmanager
async def service(
    tmp_path: Path,
    roles: set[str],
    settings: Settings | None = None,
    environ: dict[str, str] | None = None,
) -> AsyncIterator[Service]:
    """Run the roles inside the block; afterwards they have drained and `code` is set."""
    found = settings or home_settings(tmp_path)
    stop = StopRequest()
    made = Service(found, "", stop)

    async def run(*, task_status: trio.TaskStatus[str]) -> None:
        made.code = await run_services(
            found,
            frozenset(roles),
            None,
            stop=stop,
            environ={"XDG_RUNTIME_DIR": str(tmp_path / "run"), **(environ or {})},
            task_status=task_status,
        )

    async with trio.open_nursery() as nursery:
        made.url = await nursery.start(run)
        yield made
        stop.note("test")


def taken_port() -> socket.socket:
    """Return a listening socket."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    sock.listen()
    return sock
