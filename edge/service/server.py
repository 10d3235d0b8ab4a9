"""Which roles run in this process, under one nursery, from start to drain (DESIGN sections 3, 10).

Order of life: store, writer, recovery, runs, control socket, coordinator, web, scheduler; ready
when all are. Order of death: no new run, running ones drain, web and coordinator, writer, store.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import trio

from edge import __version__
from edge.config.log import Logger, get_logger
from edge.config.runtime import runtime_dir
from edge.core.clock import SystemClock
from edge.engine.control import serve_control
from edge.engine.host import RunHost
from edge.engine.processes import Spawner
from edge.scheduler.catalog import Catalog
from edge.scheduler.evaluator import LAUNCH_LIMIT_S
from edge.service.control import Dispatcher, ServiceControl
from edge.service.errors import single_error
from edge.service.health import is_loopback, serve_health
from edge.service.leftovers import kill_leftovers
from edge.service.notify import Notifier, watchdog_period_s
from edge.service.resumer import Resumer
from edge.service.signals import StopRequest, listen
from edge.service.testclock import schedule_clock
from edge.store import HostIdentity, Store
from edge.store.host import this_host
from edge.store.recovery import STALE_LOCAL_ERROR
from edge.store.writer import StoreWriter

if TYPE_CHECKING:
    from edge.cluster.coordinator import Coordinator
    from edge.config.settings import Settings
    from edge.engine.watcher import Watcher

__all__ = ["ALL_ROLES", "SERVICE_STOPPED", "run_services"]

ALL_ROLES = frozenset({"web", "scheduler", "coordinator"})
SERVICE_STOPPED = "service stopped"
#: after a second signal: time for killed groups to be reaped and recorded
_KILL_LIMIT_S = 3.0


async def run_services(
    settings: Settings,
    roles: frozenset[str],
    watcher: Watcher | None,
    *,
    stop: StopRequest | None = None,
    environ: Mapping[str, str] = os.environ,
    task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED,
) -> int:
    """Run the roles until a signal; return the exit code: 0 drained, 1 ended by a second signal.

    `started(url)` is called when every role is ready; `stop` lets a test stop it without a signal.
    Raises: UserError, StoreError and other EdgeErrors of a role that cannot start or fails, single
    and not in a group.
    """
    process = _ServiceProcess(settings, roles, watcher, stop or StopRequest(), environ)
    try:
        return await process.run(task_status)
    except BaseExceptionGroup as group:
        error = single_error(group)
        if error is None:
            raise
        raise error from None


@dataclass(slots=True)
class _Parts:
    """What the roles share."""

    store: Store
    writer: StoreWriter
    runs: RunHost
    control: ServiceControl
    coordinator: Coordinator | None


class _ServiceProcess:
    """One service process from start to end."""

    def __init__(
        self,
        settings: Settings,
        roles: frozenset[str],
        watcher: Watcher | None,
        stop: StopRequest,
        environ: Mapping[str, str],
    ) -> None:
        assert roles
        assert roles <= ALL_ROLES, roles
        self._settings = settings
        self._roles = roles
        if not settings.coordinator.enabled and roles != {"coordinator"}:
            self._roles = roles - {"coordinator"}
        self._watcher = watcher
        self._stop = stop
        self._environ = environ
        self._clock = SystemClock()
        self._log: Logger = get_logger()
        self._notifier = Notifier(environ)
        self._host: HostIdentity = this_host()
        self._runtime = runtime_dir(environ)
        self._began = time.monotonic()
        self._url = ""
        self._scheduler_ended = trio.Event()
        if "scheduler" not in self._roles:
            self._scheduler_ended.set()

    async def run(self, task_status: trio.TaskStatus[str]) -> int:
        storage = self._settings.storage
        store = await trio.to_thread.run_sync(
            lambda: Store.open(self._settings.paths.store_file, page_size=storage.page_size)
        )
        try:
            async with trio.open_nursery() as nursery:
                await nursery.start(listen, self._stop)
                writer = StoreWriter(store, storage.commit_window_ms / 1000)
                await nursery.start(writer.run)
                await self._recover(store, writer)
                code = await self._run_roles(store, writer, task_status)
                # The writer writes what was submitted, then ends.
                nursery.cancel_scope.cancel()
        finally:
            store.close()
        self._log.info("Stopped", reason=self._stop.reason or "request")
        return code

    async def _recover(self, store: Store, writer: StoreWriter) -> None:
        """End what dead engines left behind and record their runs as failed."""
        groups = await trio.to_thread.run_sync(store.process_groups_of_dead_runs, self._host)
        for group in await trio.to_thread.run_sync(kill_leftovers, groups):
            self._log.warning(
                "Left-over step ended", dag=group.ref.name, run_id=group.ref.run_id, pid=group.pgid
            )
        now_ms = self._clock.now_ms()
        for ref in await writer.commit(lambda inner: inner.recover(self._host, now_ms)):
            self._log.warning(
                "Run marked failed", dag=ref.name, run_id=ref.run_id, reason=STALE_LOCAL_ERROR
            )
        for report in store.take_reports():
            self._log.error("Unreadable row set aside", err=report)

    # -- roles

    async def _run_roles(
        self, store: Store, writer: StoreWriter, task_status: trio.TaskStatus[str]
    ) -> int:
        runs = RunHost(
            self._settings,
            store,
            writer,
            Spawner(self._watcher),
            self._clock,
            self._host,
            artifact_base=str(self._settings.paths.data_dir),
        )
        async with trio.open_nursery() as nursery:
            await nursery.start(runs.run)
            socket = self._runtime / f"edge-{self._host.pid}.sock"
            await nursery.start(serve_control, socket, runs)
            coordinator = await self._start_coordinator(nursery, store, writer)
            control = ServiceControl(
                self._settings,
                store,
                writer,
                runs,
                host=self._host,
                runtime=self._runtime,
                coordinator=self._dispatcher(coordinator),
                log=self._log,
            )
            parts = _Parts(store, writer, runs, control, coordinator)
            code = await self._serve(parts, task_status)
            nursery.cancel_scope.cancel()
        return code

    async def _serve(self, parts: _Parts, task_status: trio.TaskStatus[str]) -> int:
        """Run scheduler and web until a signal, then drain the runs while the pages stay up."""
        catalog = Catalog(self._settings, log=self._log)
        starters = trio.CancelScope()
        resumer = Resumer(self._settings, parts.store, self._host, parts.runs)
        async with trio.open_nursery() as nursery:
            if self._roles & {"web", "scheduler"}:
                await nursery.start(catalog.watch)
            if "web" in self._roles:
                await self._start_web(nursery, parts, catalog)
            await self._start_health(nursery)
            # Last: a process that cannot have its ports must not have started a run.
            if "scheduler" in self._roles:
                await nursery.start(self._run_scheduler, starters, parts, catalog)
                nursery.start_soon(resumer.run)
            period_s = watchdog_period_s(self._environ, self._host.pid)
            if period_s is not None:
                nursery.start_soon(self._notifier.keep_watchdog, period_s, parts.writer.flush)
            parts.store.discard_copies()
            self._tell_ready()
            task_status.started(self._url)
            await self._stop.first.wait()
            self._notifier.send("STOPPING=1", "STATUS=draining")
            self._log.info("Stopping", reason=self._stop.reason, runs=len(parts.runs.active))
            starters.cancel()
            resumer.stop()
            # A due run that is being started still gets started, and drains like the others.
            with trio.move_on_after(LAUNCH_LIMIT_S):
                await self._scheduler_ended.wait()
            parts.control.is_stopping = True
            code = await self._drain(parts.runs)
            nursery.cancel_scope.cancel()
        return code

    async def _drain(self, runs: RunHost) -> int:
        """Let running runs end, at most `drain_s`; a second signal ends them at once."""
        is_forced = False

        async def watch_second(scope: trio.CancelScope) -> None:
            nonlocal is_forced
            await self._stop.second.wait()
            is_forced = True
            scope.cancel()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch_second, nursery.cancel_scope)
            await runs.drain(self._settings.service.drain_s, SERVICE_STOPPED)
            nursery.cancel_scope.cancel()
        if not is_forced:
            return 0
        self._log.warning("Second signal: ending all steps", runs=len(runs.active))
        with trio.move_on_after(_KILL_LIMIT_S):
            for runner in list(runs.active.values()):
                runner.request_stop(signal.SIGTERM, allow_override=False, reason=SERVICE_STOPPED)
                runner.request_kill()
            await runs.drain(0, SERVICE_STOPPED)
        return 1

    async def _start_coordinator(
        self, nursery: trio.Nursery, store: Store, writer: StoreWriter
    ) -> Coordinator | None:
        if "coordinator" not in self._roles:
            return None
        from edge.cluster.coordinator import Coordinator

        coordinator = Coordinator(self._settings, store, writer, self._clock)
        await nursery.start(coordinator.run)
        return coordinator

    def _dispatcher(self, coordinator: Coordinator | None) -> Dispatcher | None:
        """Return who places runs on workers: our coordinator, else the one of this host."""
        if coordinator is not None or not self._settings.coordinator.enabled:
            return coordinator
        from edge.service.remote import RemoteCoordinator

        return RemoteCoordinator(self._settings)

    async def _run_scheduler(
        self,
        scope: trio.CancelScope,
        parts: _Parts,
        catalog: Catalog,
        *,
        task_status: trio.TaskStatus[None],
    ) -> None:
        from edge.scheduler.service import Scheduler

        clock, rate = schedule_clock(self._environ)
        scheduler = Scheduler(
            self._settings,
            parts.store,
            parts.writer,
            catalog,
            parts.control.launch,
            stop=parts.control.stop,
            host=self._host,
            clock=clock,
            rate=rate,
            log=self._log,
        )
        try:
            with scope:
                await scheduler.run(task_status=task_status)
        finally:
            self._scheduler_ended.set()

    async def _start_web(self, nursery: trio.Nursery, parts: _Parts, catalog: Catalog) -> None:
        from edge.web.context import WebContext, no_workers
        from edge.web.serve import clean_base_path, serve

        settings = self._settings
        context = WebContext(
            settings=settings,
            store=parts.store,
            catalog=catalog,
            control=parts.control,
            version=__version__,
            started_ms=self._clock.now_ms(),
            workers=no_workers if parts.coordinator is None else parts.coordinator.workers,
            clock=self._clock,
            log=self._log,
        )
        port = await nursery.start(serve, context, settings.host, settings.port)
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        self._url = f"http://{host}:{port}{clean_base_path(settings.base_path)}/"

    async def _start_health(self, nursery: trio.Nursery) -> None:
        """Open the health port of a standalone scheduler or coordinator."""
        port = 0
        if self._roles == {"scheduler"}:
            port = self._settings.scheduler.port
        elif self._roles == {"coordinator"}:
            port = self._settings.coordinator.health_port
        if port:
            host = self._settings.host
            await nursery.start(serve_health, "127.0.0.1" if is_loopback(host) else host, port)

    def _tell_ready(self) -> None:
        took_ms = round((time.monotonic() - self._began) * 1000)
        fields = {"url": self._url} if self._url else {}
        roles = ",".join(sorted(self._roles))
        self._log.info("Ready", **fields, roles=roles, pid=self._host.pid, took=f"{took_ms}ms")
        self._notifier.send("READY=1", f"STATUS=serving {self._url or roles}")
