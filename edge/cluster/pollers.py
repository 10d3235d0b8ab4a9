"""How a worker gets its tasks: probe, poll, claim (spec 20 sections 5.1, 5.2, 14)."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias

import trio

from edge.cluster.backoff import Backoff
from edge.cluster.peers import Owner, Peers
from edge.cluster.pulse import Pulse
from edge.cluster.rpc import Code, RpcError, is_retryable
from edge.cluster.running import RunningRun, RunningRuns
from edge.cluster.wire import pb
from edge.core.errors import PeerError

if TYPE_CHECKING:
    from edge.config.log import Logger
    from edge.core.clock import WallClock

__all__ = ["Pollers", "owner_of"]

Execute: TypeAlias = "Callable[[pb.Task, RunningRun], Awaitable[None]]"

_ACK_S = 30.0
_ACK_RETRY_S = 0.1
_PROBE_S = 10.0


def owner_of(task: pb.Task) -> Owner:
    """Return the owner of a task; an empty one from an old coordinator. Raises: PeerError."""
    owner = Owner(
        task.owner_coordinator_id, task.owner_coordinator_host, task.owner_coordinator_port
    )
    if (owner.id or owner.host or owner.port) and not (owner.host and owner.port):
        raise PeerError(
            "task has incomplete owner coordinator metadata:"
            f" host={str(bool(owner.host)).lower()} port={str(bool(owner.port)).lower()}"
        )
    return owner


class Pollers:
    """One open Poll per coordinator while any slot is free; a claimed task holds a slot."""

    def __init__(
        self,
        peers: Peers,
        runs: RunningRuns,
        pulse: Pulse,
        execute: Execute,
        *,
        worker_id: str,
        labels: Mapping[str, str],
        slots: int,
        clock: WallClock,
        log: Logger,
    ) -> None:
        self._peers = peers
        self._runs = runs
        self._pulse = pulse
        self._execute = execute
        self._worker_id = worker_id
        self._labels = dict(labels)
        self._slots = trio.Semaphore(slots)
        self._clock = clock
        self._log = log
        self._count = 0

    async def poll_forever(self, address: str, tasks: trio.Nursery) -> None:
        """Poll one coordinator; tasks run in `tasks`. Never ends for lack of a coordinator."""
        backoff = Backoff(1.0, 2.0, 60.0)
        is_known = False
        while True:
            await self._slots.acquire()
            task: pb.Task | None = None
            try:
                if not is_known:
                    is_known = await self._probe(address)
                if is_known:
                    task = await self._poll(address)
                    backoff.reset()
            except RpcError as exc:
                self._log.debug("Poll failed", address=address, error=exc.text)
                is_known = False
            finally:
                if task is None:
                    self._slots.release()
            if task is not None:
                tasks.start_soon(self._handle, task)
            elif not is_known:
                # A heartbeat that gets through ends the wait: the coordinator is back.
                with trio.move_on_after(backoff.next_s()):
                    await self._pulse.reconnected.wait()

    async def _poll(self, address: str) -> pb.Task | None:
        request = pb.PollRequest(
            worker_id=self._worker_id, poller_id=str(uuid.uuid4()), labels=self._labels
        )
        answer = await self._peers.at(address, "Poll", request)
        return answer.task if answer.HasField("task") else None

    async def _probe(self, address: str) -> bool:
        """Return whether the coordinator speaks the current protocol. Raises: RpcError."""
        request = pb.AckTaskClaimRequest(worker_id=self._worker_id, claim_token=str(uuid.uuid4()))
        try:
            await self._peers.at(address, "AckTaskClaim", request, timeout_s=_PROBE_S)
        except RpcError as exc:
            if exc.code is not Code.UNIMPLEMENTED:
                raise
            self._log.warning(
                f"coordinator {address} does not support shared-nothing workers (protocol 1.30)"
            )
            return False
        return True

    async def _handle(self, task: pb.Task) -> None:
        """Claim a task, run it, free its slot."""
        try:
            self._count += 1
            run = self._registered(task)
            if run is not None and await self._claim(task, run):
                self._runs.add(run)
                try:
                    await self._execute(task, run)
                finally:
                    self._runs.remove(run)
        finally:
            self._slots.release()

    def _registered(self, task: pb.Task) -> RunningRun | None:
        try:
            owner = owner_of(task)
        except PeerError as exc:
            self._log.error(exc.message, dag=task.target, run_id=task.dag_run_id)
            return None
        key = task.attempt_key or f"{task.dag_run_id}:poller-{self._count}"
        info = pb.RunningTask(
            dag_run_id=task.dag_run_id,
            dag_name=task.target,
            started_at=self._clock.now_ms() // 1000,
            root_dag_run_name=task.root_dag_run_name,
            root_dag_run_id=task.root_dag_run_id,
            parent_dag_run_name=task.parent_dag_run_name,
            parent_dag_run_id=task.parent_dag_run_id,
            attempt_key=key,
        )
        return RunningRun(key, owner, info, trio.current_time())

    async def _claim(self, task: pb.Task, run: RunningRun) -> bool:
        """Acknowledge the claim and send the first run heartbeat; False: drop the task."""
        if task.claim_token:
            error = await self._acknowledge(task, run.owner)
            if error:
                self._log.error(
                    "Failed to acknowledge claimed task",
                    dag=task.target,
                    run_id=task.dag_run_id,
                    error=error,
                )
                return False
        if task.attempt_key and run.owner.host:
            await self._pulse.run_heartbeat(run.owner, [run])
            if run.cancel_reason:
                self._log.info("Claimed task was cancelled", run_id=task.dag_run_id)
                return False
        return True

    async def _acknowledge(self, task: pb.Task, owner: Owner) -> str:
        """Return why the claim cannot be acknowledged; empty when it was."""
        if not owner.host:
            return "claimed task is missing owner coordinator metadata"
        request = pb.AckTaskClaimRequest(
            worker_id=self._worker_id, claim_token=task.claim_token, attempt_key=task.attempt_key
        )
        deadline = trio.current_time() + _ACK_S
        while True:
            try:
                answer = await self._peers.owner(
                    owner,
                    "AckTaskClaim",
                    request,
                    timeout_s=max(0.001, deadline - trio.current_time()),
                )
            except RpcError as exc:
                if not is_retryable(exc) or trio.current_time() + _ACK_RETRY_S >= deadline:
                    return exc.text
                await trio.sleep(_ACK_RETRY_S)
                continue
            return "" if answer.accepted else f"task claim rejected: {answer.error}"
