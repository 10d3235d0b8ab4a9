"""The coordinator: serves workers and dispatchers over gRPC, and this process without it.

Spec 20 sections 4, 5.5, 10. It holds no rules: they are in `leases`, `selection`, `fencing` and
`logpaths`; it holds no state beyond what `hub` and `board` keep.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING

import trio

from edge.cluster.board import TaskBoard
from edge.cluster.bridge import open_bridge
from edge.cluster.calls import Calls
from edge.cluster.dispatch import Dispatcher, task_for
from edge.cluster.groups import single_error
from edge.cluster.hub import Hub
from edge.cluster.liveness import Liveness
from edge.cluster.reports import Reports
from edge.cluster.rpc import RpcError
from edge.cluster.workers import WorkerView
from edge.config.log import get_logger
from edge.core.errors import PeerError, UserError
from edge.core.ids import RunRef
from edge.core.status import TriggerType

if TYPE_CHECKING:
    from edge.config.settings import Settings
    from edge.core.clock import WallClock
    from edge.store import Store
    from edge.store.writer import StoreWriter
    from edge.workflow.model import DAG
    from edge.workflow.params import ResolvedParams

__all__ = ["Coordinator", "check_settings"]

#: how often silence and age are looked at; a look costs nothing while nothing is out
_SWEEP_S = 5.0
_DRAIN_S = 2.0


def check_settings(settings: Settings) -> None:
    """Refuse what this version cannot serve. Raises: UserError."""
    coordinator, peer = settings.coordinator, settings.peer
    if not 1 <= coordinator.port <= 65535:
        raise UserError(f"invalid coordinator.port: {coordinator.port}")
    if not peer.insecure and not (peer.cert_file and peer.key_file):
        raise UserError("peer.cert_file and peer.key_file are required when peer.insecure is false")
    if peer.cert_file and peer.key_file:
        raise UserError(
            "TLS between coordinator and workers (peer.cert_file, peer.key_file) is not available"
            " in this version yet",
            hint="remove the keys and use a private network or an SSH forward",
        )


class Coordinator:
    """One coordinator in this process.

    `run` owns every task; the other methods work once it has started.
    """

    def __init__(
        self, settings: Settings, store: Store, writer: StoreWriter, clock: WallClock
    ) -> None:
        self._settings = settings
        self._log = get_logger()
        self._hub = Hub(settings=settings, store=store, writer=writer, clock=clock, log=self._log)
        self._board = TaskBoard(self._hub)
        self._liveness = Liveness(self._hub)
        self._reports = Reports(self._hub)
        self._dispatcher = Dispatcher(self._hub, self._board)
        self.calls = Calls(self._hub, self._board, self._dispatcher, self._reports, self._liveness)

    @property
    def port(self) -> int:
        """Return the bound port."""
        return self._hub.owner_port

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Bind, take up what is in the store, serve until cancelled, then drain for 2 s.

        Raises: UserError when the settings or the port forbid it.
        """
        check_settings(self._settings)
        self._warn_of_exposure()
        config = self._settings.coordinator
        with single_error():
            async with open_bridge() as bridge, trio.open_nursery() as nursery:
                await self.open(config.port)
                port = await nursery.start(
                    lambda task_status: bridge.serve(
                        self.calls.handlers(),
                        config.host,
                        config.port,
                        on_stop=self.close,
                        on_error=self._log_fault,
                        drain_s=_DRAIN_S,
                        task_status=task_status,
                    )
                )
                self._name(port)
                nursery.start_soon(self.sweep_forever)
                self._log.info("Coordinator started", address=f"{config.host}:{port}")
                task_status.started()

    async def open(self, port: int) -> None:
        """Load pending tasks and leases; part of `run`, for transports other than gRPC too."""
        self._name(port)
        await self._board.load()
        await self._liveness.load()

    def close(self) -> None:
        """Answer NOT_SERVING and let open polls end."""
        self.calls.is_serving = False
        self._board.close()

    async def dispatch(
        self,
        dag: DAG,
        params: ResolvedParams,
        *,
        run_id: str,
        trigger_type: TriggerType = TriggerType.MANUAL,
        labels: tuple[str, ...] = (),
        trigger_actor: str = "",
        schedule_time: str = "",
        selector: Mapping[str, str] | None = None,
    ) -> RunRef:
        """Hand a root run to a worker; returns once it is durably queued for one.

        `selector` overrides the DAG's own, resolved, pairs.
        Raises: PeerError with the texts of spec 20 section 4.2; DuplicateRunError.
        """
        task = task_for(
            dag,
            params,
            run_id=run_id,
            labels=labels,
            trigger_actor=trigger_actor,
            schedule_time=schedule_time,
            selector=selector,
        )
        try:
            return await self._dispatcher.dispatch(task, must_be_new=True, trigger=trigger_type)
        except RpcError as exc:
            raise PeerError(exc.text) from exc

    async def request_cancel(self, ref: RunRef) -> None:
        """Ask the worker of a run to stop it; durable, idempotent. Raises: PeerError."""
        if error := await self.calls.cancel(ref):
            raise PeerError(error)

    def workers(self) -> list[WorkerView]:
        """Return the workers heard from lately, by id."""
        return self._hub.workers.views(self._hub.now_ms())

    async def sweep_forever(self) -> None:
        """Act on silence and age until cancelled."""
        while True:
            await trio.sleep(_SWEEP_S)
            await self.sweep()

    async def sweep(self) -> None:
        """Expire old tasks, return lost claims, look at leases and workers once."""
        hub = self._hub
        if not self._board.is_idle:
            for row in await self._board.expire_pending():
                error = "no worker claimed the task within 30s"
                if await self._dispatcher.fail(row.run, row.attempt_id, error):
                    self._log.warning(
                        "No worker claimed the task", dag=row.run.name, run_id=row.run.run_id
                    )
            for worker_id in await self._board.requeue_claims():
                if hub.workers.is_fresh(worker_id, hub.now_ms()):
                    # Alive and polling, but it never acknowledges: protocol of 1.30 (section 14).
                    hub.workers.mark_legacy(worker_id, hub.now_ms())
                    self._log.warning(
                        "Worker does not acknowledge tasks, treated as legacy", worker_id=worker_id
                    )
        await self._liveness.sweep()
        for worker_id in hub.workers.forget_old(hub.now_ms()):
            self._log.warning("Worker is gone", worker_id=worker_id)

    def _name(self, port: int) -> None:
        config, host = self._settings.coordinator, socket.gethostname()
        self._hub.coordinator_id = f"{host or 'unknown'}@{port}"
        self._hub.owner_port = port
        # Loopback only: nobody elsewhere could use the host name, and it need not resolve here.
        fallback = config.host if _is_loopback(config.host) else host or config.host
        self._hub.owner_host = config.advertise or fallback

    def _warn_of_exposure(self) -> None:
        config = self._settings.coordinator
        if not _is_loopback(config.host):
            self._log.warning(
                "The coordinator accepts plaintext connections from other hosts: whoever reaches"
                " the port can run code on every worker and read statuses",
                address=f"{config.host}:{config.port}",
            )

    def _log_fault(self, method: str, error: Exception) -> None:
        self._log.error("Call failed", method=method, error=f"{type(error).__name__}: {error}")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
