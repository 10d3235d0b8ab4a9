"""The worker: takes runs from coordinators and reports back (spec 20 section 5).

It dials only, and needs no dags directory, no history and no inbound connection.
"""

from __future__ import annotations

import signal
import socket
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import trio

from edge.cluster.addresses import default_worker_id, usable_addresses
from edge.cluster.bridge import open_bridge
from edge.cluster.groups import single_error
from edge.cluster.peers import PeerChannel, Peers
from edge.cluster.pollers import Pollers
from edge.cluster.pulse import Pulse
from edge.cluster.running import RunningRuns
from edge.cluster.taskrun import TaskRunner
from edge.config.log import get_logger
from edge.core.errors import UserError

if TYPE_CHECKING:
    from edge.config.settings import Settings
    from edge.core.clock import WallClock
    from edge.engine.processes import Spawner
    from edge.store import HostIdentity

__all__ = ["Worker"]

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
#: after the drain: how long stopped runs may take to end and to deliver their end
_DELIVER_S = 200.0


class Worker:
    """One worker process. `run` owns every task."""

    def __init__(
        self,
        settings: Settings,
        spawner: Spawner,
        clock: WallClock,
        host: HostIdentity,
        *,
        connect: Callable[[str], Awaitable[PeerChannel]] | None = None,
        handle_signals: bool = True,
    ) -> None:
        """`connect` replaces gRPC, for tests. Raises: UserError when the settings forbid it."""
        if not settings.peer.insecure:
            raise UserError(
                "TLS between coordinator and workers (peer.insecure: false) is not available in"
                " this version yet",
                hint="use a private network or an SSH forward",
            )
        self._log = get_logger()
        self.addresses, warnings = usable_addresses(settings.worker.coordinators)
        for warning in warnings:
            self._log.warning(warning)
        if not self.addresses:
            raise UserError("worker.coordinators is required")
        self._settings = settings
        self._spawner = spawner
        self._clock = clock
        self._host = host
        self._connect = connect
        self._handle_signals = handle_signals
        self._stop = trio.Event()
        self.worker_id = settings.worker.id or default_worker_id(socket.gethostname(), host.pid)
        self.runs = RunningRuns()

    def stop(self) -> None:
        """Begin the drain: no new task; `run` returns when the running ones have ended."""
        self._stop.set()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Work until stopped by a signal or `stop`; a lost coordinator is waited for.

        When stopped: polls end; running tasks get the drain time of the service to end by
        themselves and are stopped then; their leases are kept and their ends delivered. When
        cancelled: everything ends at once.
        """
        with single_error():
            if self._connect is not None:
                await self._serve(self._connect, task_status)
                return
            async with open_bridge() as bridge:
                await self._serve(bridge.channel, task_status)

    async def _serve(
        self,
        connect: Callable[[str], Awaitable[PeerChannel]],
        task_status: trio.TaskStatus[None],
    ) -> None:
        config = self._settings.worker
        peers = Peers(self.addresses, connect)
        pulse = Pulse(
            peers,
            self.runs,
            worker_id=self.worker_id,
            labels=config.labels,
            total_pollers=config.max_active_runs,
            log=self._log,
        )
        tasks = TaskRunner(
            self._settings,
            peers,
            self._spawner,
            self._clock,
            self._host,
            worker_id=self.worker_id,
        )
        pollers = Pollers(
            peers,
            self.runs,
            pulse,
            tasks.execute,
            worker_id=self.worker_id,
            labels=config.labels,
            slots=config.max_active_runs,
            clock=self._clock,
            log=self._log,
        )
        try:
            async with trio.open_nursery() as nursery:
                if self._handle_signals:
                    await nursery.start(self._watch_signals)
                nursery.start_soon(pulse.heartbeat_forever)
                nursery.start_soon(pulse.run_heartbeat_forever)
                self._log.info(
                    "Worker started",
                    worker_id=self.worker_id,
                    labels=[f"{key}={value}" for key, value in config.labels.items()],
                    coordinators=",".join(self.addresses),
                )
                task_status.started()
                async with trio.open_nursery() as running:
                    async with trio.open_nursery() as polling:
                        for address in self.addresses:
                            polling.start_soon(pollers.poll_forever, address, running)
                        await self._stop.wait()
                        polling.cancel_scope.cancel()
                    await self._drain(running)
                nursery.cancel_scope.cancel()
        finally:
            with trio.move_on_after(5, shield=True):
                await peers.aclose()
        self._log.info("Worker stopped", worker_id=self.worker_id)

    async def _drain(self, running: trio.Nursery) -> None:
        """Wait for running tasks, stop what is left after the drain time, bound the rest."""
        if not len(self.runs):
            return
        drain_s = self._settings.service.drain_s
        self._log.info("Draining", runs=len(self.runs), drain_s=drain_s)
        with trio.move_on_after(drain_s):
            await self.runs.wait_empty()
        for run in self.runs:
            run.cancel("worker stopped")
        running.cancel_scope.deadline = trio.current_time() + _DELIVER_S

    async def _watch_signals(self, *, task_status: trio.TaskStatus[None]) -> None:
        with trio.open_signal_receiver(*_STOP_SIGNALS) as signals:
            task_status.started()
            async for number in signals:
                self._log.info("Stopping", signal=signal.Signals(number).name)
                self._stop.set()
