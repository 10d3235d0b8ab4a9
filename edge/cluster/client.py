"""`edge start --dispatch`: hand a run to the workers of the running server and follow it.

Spec 20 sections 3, 9, 13. The process that calls this holds no run and writes no store.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import trio

from edge.cluster.backoff import Backoff
from edge.cluster.bridge import open_bridge
from edge.cluster.dispatch import task_for
from edge.cluster.groups import single_error
from edge.cluster.peers import PeerChannel, Peers
from edge.cluster.rpc import Code, RpcError
from edge.cluster.wire import pb
from edge.core.errors import PeerError
from edge.core.ids import RunRef
from edge.core.record import RunRecord
from edge.core.status import RunStatus

if TYPE_CHECKING:
    from edge.config.settings import Settings
    from edge.workflow.model import DAG
    from edge.workflow.params import ResolvedParams

__all__ = ["DispatchClient", "dispatch_and_follow", "failure_text"]

_POLL_S = 1.0
_MAX_ERRORS = 10
_DISPATCH_S = 300.0
_CANCEL_S = 5.0
#: there is no deadline on the wire in Dagu; a dead path must count as an error here
_ASK_S = 10.0


def failure_text(record: RunRecord) -> str:
    """Return the error of a run that did not succeed; empty when it did."""
    if record.status.is_success:
        return ""
    if record.error:
        return f"DAG run failed with status {record.status.word}: {record.error}"
    return f"DAG run failed with status: {record.status.word}"


async def dispatch_and_follow(
    settings: Settings,
    dag: DAG,
    params: ResolvedParams,
    *,
    run_id: str,
    labels: tuple[str, ...] = (),
    trigger_actor: str = "",
    on_status: Callable[[RunRecord], None] = lambda _record: None,
) -> RunRecord:
    """Dispatch a run to the server of this host and return its final record.

    `on_status` sees each new status. When cancelled the run is cancelled too, within 5 s.
    Raises: PeerError with the texts of spec 20 section 13.
    """
    with single_error():
        async with open_bridge() as bridge:
            client = DispatchClient(settings, bridge.channel)
            try:
                task = task_for(
                    dag, params, run_id=run_id, labels=labels, trigger_actor=trigger_actor
                )
                await client.dispatch(task)
                return await client.follow(RunRef(dag.name, run_id), on_status)
            finally:
                await client.aclose()


class DispatchClient:
    """A dispatcher outside of the server's process."""

    def __init__(
        self, settings: Settings, connect: Callable[[str], Awaitable[PeerChannel]]
    ) -> None:
        # The registry of running coordinators is not there yet: section 13's fallback.
        self.address = f"127.0.0.1:{settings.coordinator.port}"
        self._peer = settings.peer
        self._peers = Peers((self.address,), connect)

    async def aclose(self) -> None:
        """Close the connection."""
        await self._peers.aclose()

    async def dispatch(self, task: pb.Task) -> None:
        """Send the task; tried again `peer.max_retries` times. Raises: PeerError."""
        backoff = Backoff(self._peer.retry_interval_s, 2.0, 30.0)
        for left in range(self._peer.max_retries, -1, -1):
            try:
                await self._peers.any(
                    "Dispatch", pb.DispatchRequest(task=task), timeout_s=_DISPATCH_S
                )
                return
            except RpcError as exc:
                # A selector that nobody has, or a refused text, is not cured by asking again.
                final = exc.code in (
                    Code.FAILED_PRECONDITION,
                    Code.INVALID_ARGUMENT,
                    Code.INTERNAL,
                    Code.UNIMPLEMENTED,
                )
                if final or not left:
                    raise PeerError(self._explain(exc)) from exc
            await trio.sleep(backoff.next_s())

    async def follow(
        self, ref: RunRef, on_status: Callable[[RunRecord], None] = lambda _record: None
    ) -> RunRecord:
        """Ask for the status once a second until the run has ended. Raises: PeerError.

        When cancelled, asks the coordinator to cancel the run.
        """
        errors = 0
        try:
            while True:
                record = None
                try:
                    record = await self.status(ref)
                except RpcError as exc:
                    fault = exc.text
                else:
                    fault = "the coordinator does not know the run"
                if record is None:
                    errors += 1
                    if errors >= _MAX_ERRORS:
                        raise PeerError(
                            f"lost connection to coordinator after {_MAX_ERRORS} attempts: {fault}"
                        )
                else:
                    errors = 0
                    on_status(record)
                    if record.status.is_final:
                        return record
                    if record.status is RunStatus.WAITING:
                        raise PeerError(f"DAG run {ref} waits for a person: see its page")
                await trio.sleep(_POLL_S)
        except trio.Cancelled:
            with trio.move_on_after(_CANCEL_S, shield=True):
                await self.cancel(ref)
            raise

    async def status(self, ref: RunRef) -> RunRecord | None:
        """Return the record of a run; None when it is not known. Raises: RpcError."""
        request = pb.GetDAGRunStatusRequest(dag_name=ref.name, dag_run_id=ref.run_id)
        answer = await self._peers.any("GetDAGRunStatus", request, timeout_s=_ASK_S)
        if not answer.found:
            return None
        try:
            return RunRecord.from_json(json.loads(answer.status.json_data))
        except (ValueError, TypeError) as exc:
            raise RpcError(Code.INTERNAL, f"unreadable status: {exc}") from exc

    async def cancel(self, ref: RunRef) -> str:
        """Ask for the run's cancellation; return why it failed, empty when it was taken."""
        request = pb.RequestCancelRequest(dag_name=ref.name, dag_run_id=ref.run_id)
        try:
            answer = await self._peers.any("RequestCancel", request, timeout_s=_CANCEL_S)
        except RpcError as exc:
            return exc.text
        return str(answer.error)

    def _explain(self, error: RpcError) -> str:
        if error.code is Code.UNAVAILABLE and "no available workers" not in error.text:
            return (
                f"no coordinators available: nothing answers at {self.address}"
                " (is edge start-all running?)"
            )
        return error.text
