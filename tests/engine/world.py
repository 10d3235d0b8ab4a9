"""A host of runs with a real store, running."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from edge.config.settings import Settings, load_settings
from edge.core.clock import SystemClock
from edge.core.ids import RunRef
from edge.engine.attempt import AttemptResult
from edge.engine.host import RunHost
from edge.engine.processes import Spawner
from edge.store import Store
from edge.store.host import this_host
from edge.store.writer import StoreWriter
from edge.workflow.params import parse_overrides, resolve_params
from tests.engine.helpers import make_dag

__all__ = ["LIMIT_S", "World", "make_world", "until"]

#: only a limit: shorter than the sleeps of steps that are stopped, else without meaning
LIMIT_S = 30.0


class World:
    """A host with its store, running."""

    def __init__(self, settings: Settings, store: Store, host: RunHost) -> None:
        self.settings = settings
        self.store = store
        self.host = host

    async def start(self, text: str, run_id: str | None = None) -> RunRef:
        dag = make_dag(text)
        params = resolve_params(dag, parse_overrides([]))
        return await self.host.start(dag, params, run_id=run_id)

    async def wait(self, ref: RunRef) -> AttemptResult:
        with trio.fail_after(LIMIT_S):
            return await self.host.wait(ref)

    async def busy(self, ref: RunRef) -> None:
        await until(lambda: all(node.pgid for node in self.host.active[ref].record.nodes))


async def until(condition: Callable[[], bool]) -> None:
    with trio.fail_after(LIMIT_S):
        while not condition():  # noqa: ASYNC110  another process changes it
            await trio.sleep(0.01)


@asynccontextmanager
async def make_world(folder: Path, **storage: int) -> AsyncIterator[World]:
    settings = load_settings(environ={}, home=str(folder))
    storage.setdefault("free_space_floor_mb", 0)
    settings = dataclasses.replace(
        settings, storage=dataclasses.replace(settings.storage, **storage)
    )
    settings.paths.data_dir.mkdir(parents=True, exist_ok=True)
    store = Store.open(settings.paths.store_file)
    writer = StoreWriter(store, 0.02)
    spawner = Spawner(None)
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(writer.run)
            host = RunHost(settings, store, writer, spawner, SystemClock(), this_host())
            async with trio.open_nursery() as inner:
                await inner.start(host.run)
                yield World(settings, store, host)
                inner.cancel_scope.cancel()
            nursery.cancel_scope.cancel()
    finally:
        spawner.close()
        store.close()
