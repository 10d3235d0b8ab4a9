"""Start and stop runs for pages and scheduler: here, or on a worker (spec 20 section 13)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import trio

from edge.config.log import Logger, get_logger
from edge.core.clock import SystemClock, format_rfc3339
from edge.core.errors import NotFoundError, PeerError, UserError
from edge.core.ids import RunRef, check_run_id, run_id_from
from edge.core.status import TriggerType
from edge.engine.control_client import request_stop
from edge.scheduler.catalog import CatalogEntry
from edge.scheduler.zone import schedule_zone
from edge.service.placement import goes_to_worker
from edge.store import HostIdentity, RunSummary, Store
from edge.store.view import as_seen
from edge.store.writer import StoreWriter
from edge.workflow.model import DAG
from edge.workflow.params import ParamOverrides, ResolvedParams, parse_override_text

if TYPE_CHECKING:
    from edge.config.settings import Settings
    from edge.engine.host import RunHost

__all__ = ["Dispatcher", "ServiceControl"]

_SERVICE_STOPS = "the service is stopping and takes no new run"


class Dispatcher(Protocol):
    """What we need of the coordinator."""

    async def dispatch(
        self,
        dag: DAG,
        params: ResolvedParams,
        *,
        run_id: str,
        trigger_type: TriggerType,
        schedule_time: str = "",
    ) -> RunRef: ...

    async def request_cancel(self, ref: RunRef) -> object: ...


class ServiceControl:
    """Implements `edge.web.context.RunControl`, and the scheduler's `Launch` and `StopRun`."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        writer: StoreWriter,
        runs: RunHost,
        *,
        host: HostIdentity,
        runtime: Path,
        coordinator: Dispatcher | None = None,
        log: Logger | None = None,
    ) -> None:
        self._settings = settings
        self._store = store
        self._writer = writer
        self._runs = runs
        self._host = host
        self._runtime = runtime
        self._coordinator = coordinator
        self._log = log or get_logger()
        self._limiter = trio.CapacityLimiter(2)
        #: set when the service drains
        self.is_stopping = False

    async def start(self, dag: DAG, params_text: str, run_id: str | None) -> RunRef:
        """Start a run for a person. Raises: EdgeError, in one line."""
        overrides = parse_override_text(params_text) if params_text.strip() else ParamOverrides()
        if run_id is not None:
            check_run_id(run_id)
        return await self._launch(dag, overrides, run_id, TriggerType.MANUAL, "")

    async def launch(
        self, dag: DAG, *, run_id: str, schedule_time_ms: int, entry: CatalogEntry
    ) -> RunRef | None:
        """Start a due run. Raises: EdgeError."""
        when = format_rfc3339(schedule_time_ms, schedule_zone(self._settings.tz, os.environ))
        return await self._launch(dag, ParamOverrides(), run_id, TriggerType.SCHEDULER, when)

    async def _launch(
        self,
        dag: DAG,
        overrides: ParamOverrides,
        run_id: str | None,
        trigger_type: TriggerType,
        schedule_time: str,
    ) -> RunRef:
        if self.is_stopping:
            raise UserError(_SERVICE_STOPS)
        params = await self._runs.settle_params(dag, overrides)
        if not goes_to_worker(
            dag,
            coordinator_enabled=self._settings.coordinator.enabled,
            default_mode=self._settings.default_execution_mode,
        ):
            return await self._runs.start(
                dag, params, run_id=run_id, trigger_type=trigger_type, schedule_time=schedule_time
            )
        if self._coordinator is None:
            raise PeerError("no coordinators available")
        if run_id is None:
            run_id = run_id_from(SystemClock().now_ms(), os.urandom(10))
        ref = await self._coordinator.dispatch(
            dag, params, run_id=run_id, trigger_type=trigger_type, schedule_time=schedule_time
        )
        self._log.info("Run sent to the workers", dag=ref.name, run_id=ref.run_id)
        return ref

    async def stop(self, ref: RunRef) -> None:
        """Ask a run to stop, wherever it is. The request is recorded before anybody is asked.

        Raises: NotFoundError, UserError when it has ended, PeerError.
        """
        summary = await trio.to_thread.run_sync(self._seen, ref, limiter=self._limiter)
        if summary is None:
            raise NotFoundError(
                f"failed to find the record for dag-run ID {ref.run_id}:"
                f" dag-run ID not found: {ref.run_id}"
            )
        if summary.status.is_final:
            raise UserError(f"DAG run {ref} is not running: it is {summary.status.word}")
        self._log.info("Stop requested", dag=ref.name, run_id=ref.run_id)
        is_ours = ref in self._runs.active
        is_local = is_ours or (summary.worker_id in ("", "local") and summary.pid > 0)
        if self._coordinator is not None and not is_local:
            await self._coordinator.request_cancel(ref)
            return
        await self._writer.commit(lambda store: store.request_abort(ref))
        if is_ours:
            self._runs.stop(ref)
        elif is_local:
            await trio.to_thread.run_sync(
                request_stop, summary.pid, ref, self._runtime, limiter=self._limiter
            )

    def _seen(self, ref: RunRef) -> RunSummary | None:
        summary = self._store.summary_of(ref)
        return None if summary is None else as_seen(summary, self._host)
