"""The coordinator of this host as a service in another process sees it.

`edge server` and `edge scheduler` beside an `edge coordinator`: the fallback of spec 20 section 13,
127.0.0.1:<coordinator.port>. Each call opens its own connection: calls are rare, and a process that
never makes one never loads gRPC. One call at a time: gRPC has one completion queue per process, and
two event loops that read it get in each other's way.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import trio

from edge.core.errors import PeerError
from edge.core.ids import RunRef
from edge.core.status import TriggerType

if TYPE_CHECKING:
    from edge.cluster.client import DispatchClient
    from edge.config.settings import Settings
    from edge.workflow.model import DAG
    from edge.workflow.params import ResolvedParams

__all__ = ["RemoteCoordinator"]

_LIMIT_S = 30.0


class RemoteCoordinator:
    """Dispatches and cancels through gRPC on loopback."""

    def __init__(self, settings: Settings) -> None:
        # A page or a tick does not wait for retries: the person or the next tick tries again.
        self._settings = replace(settings, peer=replace(settings.peer, max_retries=0))
        self._lock = trio.Lock()

    async def dispatch(
        self,
        dag: DAG,
        params: ResolvedParams,
        *,
        run_id: str,
        trigger_type: TriggerType,
        schedule_time: str = "",
    ) -> RunRef:
        """Hand a run to the coordinator. Raises: PeerError.

        The wire carries no trigger type: the record will not tell who asked.
        """
        from edge.cluster.dispatch import task_for

        async with self._client() as client:
            await client.dispatch(task_for(dag, params, run_id=run_id, schedule_time=schedule_time))
        return RunRef(dag.name, run_id)

    async def request_cancel(self, ref: RunRef) -> None:
        """Ask the coordinator to cancel a run. Raises: PeerError."""
        async with self._client() as client:
            if error := await client.cancel(ref):
                raise PeerError(error)

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[DispatchClient]:
        from edge.cluster.bridge import open_bridge
        from edge.cluster.client import DispatchClient
        from edge.cluster.groups import single_error

        try:
            with trio.fail_after(_LIMIT_S), single_error():
                async with self._lock, open_bridge() as bridge:
                    client = DispatchClient(self._settings, bridge.channel)
                    try:
                        yield client
                    finally:
                        await client.aclose()
        except trio.TooSlowError:
            raise PeerError("the coordinator of this host does not answer") from None
