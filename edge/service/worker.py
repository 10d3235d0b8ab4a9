"""The worker as a service: signals, readiness, watchdog, health port around `cluster.Worker`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import trio

from edge.cluster.worker import Worker
from edge.core.clock import SystemClock
from edge.core.errors import UserError
from edge.engine.processes import Spawner
from edge.service.errors import single_error
from edge.service.health import serve_health
from edge.service.notify import Notifier, watchdog_period_s
from edge.service.signals import StopRequest, listen
from edge.store.host import this_host

if TYPE_CHECKING:
    from edge.config.settings import Settings
    from edge.engine.watcher import Watcher

__all__ = ["run_worker"]


async def run_worker(
    settings: Settings,
    watcher: Watcher | None,
    *,
    stop: StopRequest | None = None,
    environ: Mapping[str, str] = os.environ,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> int:
    """Run a worker until a signal; return 0 when it drained, 1 when a second signal ended it.

    Ready means started, not connected: a worker without its network is a healthy worker.
    Raises: UserError when the settings or a port forbid it.
    """
    try:
        return await _run(settings, watcher, stop or StopRequest(), environ, task_status)
    except BaseExceptionGroup as group:
        error = single_error(group)
        if error is None:
            raise
        raise error from None


async def _run(
    settings: Settings,
    watcher: Watcher | None,
    stop: StopRequest,
    environ: Mapping[str, str],
    task_status: trio.TaskStatus[None],
) -> int:
    notifier, host = Notifier(environ), this_host()
    worker = Worker(settings, Spawner(watcher), SystemClock(), host, handle_signals=False)
    scope = trio.CancelScope()
    async with trio.open_nursery() as nursery:
        await nursery.start(listen, stop)
        if settings.worker.health_port:
            try:
                await nursery.start(serve_health, "127.0.0.1", settings.worker.health_port)
            except UserError as exc:
                text = exc.message.replace("health check", "worker health check")
                hint = "give each worker of this host its own --worker.health-port, or 0"
                raise UserError(f"worker failed: {text}", hint=hint) from exc
        nursery.start_soon(_watch, stop, worker, scope, notifier)
        period_s = watchdog_period_s(environ, host.pid)
        with scope:
            async with trio.open_nursery() as inner:
                await inner.start(worker.run)
                notifier.send("READY=1", f"STATUS=worker {worker.worker_id}")
                if period_s is not None:
                    nursery.start_soon(notifier.keep_watchdog, period_s)
                task_status.started()
        nursery.cancel_scope.cancel()
    return 1 if scope.cancelled_caught else 0


async def _watch(
    stop: StopRequest, worker: Worker, scope: trio.CancelScope, notifier: Notifier
) -> None:
    await stop.first.wait()
    notifier.send("STOPPING=1", "STATUS=draining")
    worker.stop()
    await stop.second.wait()
    scope.cancel()
