"""Takes runs up again that people have answered (spec 12 section 14).

A run whose last question is answered waits in the store, whoever answered it: a command in another
process, too. So the service looks there, at a small index, once a second.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import trio

from edge.config.log import get_logger
from edge.config.runtime import runtime_dir
from edge.core.errors import EdgeError
from edge.core.status import RunStatus, TriggerType
from edge.engine.resuming import load_run, plan_retry
from edge.store import RunFilter

if TYPE_CHECKING:
    from edge.config.settings import Settings
    from edge.core.ids import RunRef
    from edge.engine.host import RunHost
    from edge.store import HostIdentity, Store

__all__ = ["Resumer"]

_POLL_S = 1.0


class Resumer:
    """Starts the next attempt of queued retries of this host."""

    def __init__(self, settings: Settings, store: Store, host: HostIdentity, runs: RunHost) -> None:
        self._settings = settings
        self._store = store
        self._host = host
        self._runs = runs
        self._scope = trio.CancelScope()
        #: attempts that cannot be taken up; they are reported once
        self._given_up: set[str] = set()

    async def run(self) -> None:
        """Look until stopped or cancelled."""
        with self._scope:
            while True:
                await trio.sleep(_POLL_S)
                try:
                    await self.look()
                except EdgeError as exc:
                    get_logger().error("Failed to read queued runs", err=exc)

    def stop(self) -> None:
        """Take nothing up any more."""
        self._scope.cancel()

    async def look(self) -> None:
        """Take up what waits now. Raises: StoreError."""
        wanted = RunFilter(statuses=(RunStatus.QUEUED,))
        for found in await trio.to_thread.run_sync(self._store.find_runs, wanted):
            is_ours = found.worker_id in ("", "local") and found.trigger_type is TriggerType.RETRY
            if is_ours and found.attempt_id not in self._given_up:
                try:
                    await self._resume(found.ref)
                except EdgeError as exc:
                    self._given_up.add(found.attempt_id)
                    ref = found.ref
                    get_logger().error(
                        "Failed to resume dag-run", dag=ref.name, run_id=ref.run_id, err=exc
                    )

    async def _resume(self, ref: RunRef) -> None:
        stored = await trio.to_thread.run_sync(
            load_run, self._store, self._settings, self._host, ref
        )
        if stored is None or stored.dag.is_distributed:
            return
        resumed = plan_retry(stored, ref, runtime=runtime_dir(os.environ))
        await self._runs.resume(stored.dag, stored.record, resumed)
