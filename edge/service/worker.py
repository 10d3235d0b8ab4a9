"""The worker's process: identity, health endpoint, and the worker itself."""

from __future__ import annotations

import os

import trio

from edge.cluster.worker import Worker
from edge.config.settings import Settings
from edge.core.clock import SystemClock
from edge.core.errors import UserError
from edge.engine.processes import Spawner
from edge.engine.watcher import Watcher
from edge.service.errors import single_error
from edge.service.health import serve_health
from edge.service.notify import Notifier
from edge.store.host import this_host

__all__ = ["run_worker"]


async def run_worker(settings: Settings, watcher: Watcher | None) -> int:
    """Run the worker until a signal; return the exit code.

    Raises: UserError when the settings or the health port forbid it.
    """
    notifier = Notifier(os.environ)
    worker = Worker(settings, Spawner(watcher), SystemClock(), this_host())
    try:
        async with trio.open_nursery() as nursery:
            port = settings.worker.health_port
            if port:
                try:
                    await nursery.start(serve_health, "127.0.0.1", port)
                except UserError as exc:
                    text = exc.message.replace("health check", "worker health check")
                    raise UserError(
                        f"worker failed: {text}",
                        hint="give --worker.health-port another port, or 0",
                    ) from exc
            async with trio.open_nursery() as inner:
                await inner.start(worker.run)
                notifier.send("READY=1")
            nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        error = single_error(group)
        if error is None:
            raise
        raise error from None
    return 0
