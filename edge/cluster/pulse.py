"""A worker's signs of life: the Heartbeat and RunHeartbeat loops (spec 20 sections 3, 5, 18a)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from edge.cluster.backoff import Backoff
from edge.cluster.peers import Owner, Peers
from edge.cluster.rpc import RpcError
from edge.cluster.running import RunningRun, RunningRuns
from edge.cluster.wire import pb

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge.config.log import Logger

__all__ = ["Pulse"]

_PERIOD_S = 1.0
_TIMEOUT_S = 10.0
#: after this many failures in a row, or this long without success, connections are made anew
_DEAD_AFTER = 3
_DEAD_AFTER_S = 30.0
#: toward a Dagu owner a run without contact for longer is cancelled
_OWNER_LOST_S = 30.0


class Pulse:
    """Sends heartbeats and passes cancellations on."""

    def __init__(
        self,
        peers: Peers,
        runs: RunningRuns,
        *,
        worker_id: str,
        labels: Mapping[str, str],
        total_pollers: int,
        log: Logger,
    ) -> None:
        self._peers = peers
        self._runs = runs
        self._worker_id = worker_id
        self._labels = dict(labels)
        self._total = total_pollers
        self._log = log
        self._is_connected: bool | None = None
        #: set at each change from no contact to contact; pollers try again then
        self.reconnected = trio.Event()

    async def heartbeat_forever(self) -> None:
        """Tell some coordinator once a second that this worker lives."""
        backoff = Backoff(1.0, 1.5, 15.0, low=0.5, high=1.5)
        failures, last_success = 0, trio.current_time()
        while True:
            try:
                await self._heartbeat()
            except RpcError as exc:
                failures += 1
                self._note(False, exc.text)
                if failures % _DEAD_AFTER == 0 or (
                    trio.current_time() - last_success > _DEAD_AFTER_S
                ):
                    for address in self._peers.addresses:
                        await self._peers.drop(address)
                await trio.sleep(backoff.next_s())
                continue
            failures, last_success = 0, trio.current_time()
            backoff.reset()
            self._note(True, "")
            await trio.sleep(_PERIOD_S)

    async def run_heartbeat_forever(self) -> None:
        """Keep the leases of running tasks."""
        while True:
            await trio.sleep(_PERIOD_S)
            async with trio.open_nursery() as nursery:
                for owner, runs in self._runs.by_owner().items():
                    nursery.start_soon(self.run_heartbeat, owner, runs)

    async def run_heartbeat(self, owner: Owner, runs: list[RunningRun]) -> None:
        """Send one RunHeartbeat for some runs of one owner; cancels what the answer names."""
        request = pb.RunHeartbeatRequest(
            worker_id=self._worker_id,
            owner_coordinator_id=owner.id,
            running_tasks=[run.info for run in runs],
        )
        try:
            answer = await self._peers.owner(owner, "RunHeartbeat", request, timeout_s=_TIMEOUT_S)
        except RpcError as exc:
            self._log.debug("Run heartbeat failed", error=exc.text)
            # An edge coordinator shows the run as unreachable and waits; Dagu's gives it to
            # somebody else, so it must stop here.
            if self._peers.owner_is_edge(owner) is not True:
                self._cancel_lost(runs)
            return
        now = trio.current_time()
        for run in runs:
            run.contact = now
        keys = [item.attempt_key for item in answer.cancelled_runs]
        for key in self._runs.cancel(keys, "cancelled by the coordinator"):
            self._log.info("Run cancelled by the coordinator", attempt_key=key)
        for run in runs:
            # One that is not registered yet: the first heartbeat of a claimed task.
            if run.attempt_key in keys:
                run.cancel("cancelled by the coordinator")

    def _cancel_lost(self, runs: list[RunningRun]) -> None:
        now = trio.current_time()
        for run in runs:
            if now - run.contact > _OWNER_LOST_S and run.cancel("no contact with the coordinator"):
                self._log.warning(
                    "Run cancelled: no contact with its coordinator", attempt_key=run.attempt_key
                )

    async def _heartbeat(self) -> None:
        infos = self._runs.infos()
        request = pb.HeartbeatRequest(
            worker_id=self._worker_id,
            labels=self._labels,
            stats=pb.WorkerStats(
                total_pollers=self._total, busy_pollers=len(infos), running_tasks=infos
            ),
        )
        answer = await self._peers.any("Heartbeat", request, timeout_s=_TIMEOUT_S)
        keys = [item.attempt_key for item in answer.cancelled_runs]
        for key in self._runs.cancel(keys, "cancelled by the coordinator"):
            self._log.info("Run cancelled by the coordinator", attempt_key=key)

    def _note(self, is_connected: bool, error: str) -> None:
        """Log a change of state, one line per change."""
        if is_connected is self._is_connected:
            return
        self._is_connected = is_connected
        addresses = ",".join(self._peers.addresses)
        if is_connected:
            self._log.info("Connected to coordinator", coordinators=addresses)
            self.reconnected.set()
            self.reconnected = trio.Event()
        else:
            self._log.warning(
                "No contact with any coordinator", coordinators=addresses, error=error
            )
