"""Tasks that wait for a worker, and claims that wait for an acknowledgement.

Spec 20 sections 4.1 and 4.4. The store is the truth, so a restart loses neither; what is kept
here is when each thing arrived on the monotonic clock, and who waits. A Poll is a waiter: a task
that is put wakes the first waiter that may have it.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import trio

from edge.cluster.hub import Hub
from edge.cluster.selection import TASK_TTL_MS, can_take, pick_task
from edge.cluster.wire import pb
from edge.core.ids import RunRef
from edge.store import cluster as rows

__all__ = ["TaskBoard", "Waiting"]


@dataclass(slots=True, eq=False)
class Waiting:
    """A task that nobody has taken. `enqueued_ms` is monotonic."""

    row: rows.TaskRow
    enqueued_ms: int

    @property
    def selector(self) -> Mapping[str, str]:
        return self.row.selector

    @property
    def target_worker_id(self) -> str:
        return self.row.target_worker_id


@dataclass(slots=True, eq=False)
class _Claim:
    worker_id: str
    is_edge: bool
    #: monotonic
    claimed_ms: int
    claimed_wall_ms: int


@dataclass(slots=True, eq=False)
class _Poll:
    worker_id: str
    labels: Mapping[str, str]
    is_edge: bool
    event: trio.Event = field(default_factory=trio.Event)


class TaskBoard:
    """Pending tasks in order of arrival, claims by token, and the polls that wait."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._pending: list[Waiting] = []
        self._claims: dict[str, _Claim] = {}
        self._polls: list[_Poll] = []
        self._is_closed = False

    @property
    def is_idle(self) -> bool:
        """Return whether nothing waits, so that a sweep has nothing to do."""
        return not self._pending and not self._claims

    async def load(self) -> None:
        """Take up what an earlier process left; everything counts as just enqueued.

        Claims of an earlier process return to pending at once: their worker acknowledges within
        a second or never, and a task that is handed out twice is acknowledged once.
        """
        wall_ms = self._hub.wall_ms()
        await self._hub.writer.commit(
            lambda store: rows.return_expired_claims(store, wall_ms + 1, wall_ms)
        )
        await self._reload()

    async def put(self, task: pb.Task) -> None:
        """Add a task durably and wake a poll for it at once."""
        row, body, wall_ms = _row(task), task.SerializeToString(), self._hub.wall_ms()
        await self._hub.writer.commit(lambda store: rows.put_task(store, row, body, wall_ms))
        await self._reload()

    async def take(
        self, worker_id: str, poller_id: str, labels: Mapping[str, str], *, is_edge: bool = False
    ) -> pb.Task | None:
        """Wait for a task for this worker and claim it. None: the board was closed.

        One claim is won by one poll. When the answer is lost, the claim returns after its TTL.
        """
        poll = _Poll(worker_id, labels, is_edge)
        self._polls.append(poll)
        try:
            while not self._is_closed:
                task = await self._try_take(poll, poller_id)
                if task is not None:
                    return task
                await poll.event.wait()
                poll.event = trio.Event()
            return None
        finally:
            self._polls.remove(poll)
            # Woken for a task and not taking it, or one of several: somebody else's turn.
            self._wake()

    def close(self) -> None:
        """Let every open poll return."""
        self._is_closed = True
        for poll in self._polls:
            poll.event.set()

    def settle(self, token: str) -> None:
        """Forget a claim that was acknowledged."""
        self._claims.pop(token, None)

    async def expire_pending(self) -> list[rows.TaskRow]:
        """Delete tasks that nobody took within the TTL; return them."""
        limit = self._hub.now_ms() - TASK_TTL_MS
        old = [item for item in self._pending if item.enqueued_ms <= limit]
        for item in old:
            self._pending.remove(item)
        gone = []
        for item in old:
            if await self._hub.writer.commit(lambda s, n=item.row.id: rows.delete_task(s, n)):  # type: ignore[misc]
                gone.append(item.row)
        return gone

    async def requeue_claims(self) -> list[str]:
        """Put tasks back whose claim nobody acknowledged; return the claiming Dagu workers."""
        limit = self._hub.now_ms() - TASK_TTL_MS
        old = [token for token, claim in self._claims.items() if claim.claimed_ms <= limit]
        if not old:
            return []
        claims = [self._claims.pop(token) for token in old]
        before = max(claim.claimed_wall_ms for claim in claims) + 1
        wall_ms = self._hub.wall_ms()
        await self._hub.writer.commit(
            lambda store: rows.return_expired_claims(store, before, wall_ms)
        )
        await self._reload()
        return [claim.worker_id for claim in claims if not claim.is_edge]

    async def _try_take(self, poll: _Poll, poller_id: str) -> pb.Task | None:
        hub = self._hub
        while not hub.workers.is_legacy(poll.worker_id, hub.now_ms()):
            found = pick_task(self._pending, poll.worker_id, poll.labels, hub.now_ms())
            if found is None:
                return None
            self._pending.remove(found)
            try:
                claim = await self._claim(found.row.id, poll, poller_id)
            except BaseException:
                # Cancelled before the commit, or a full disk: the next poll may have it.
                self._insert(found)
                raise
            if claim is None:
                continue
            task = pb.Task.FromString(claim.body)
            task.worker_id = poll.worker_id
            task.claim_token = claim.token
            task.owner_coordinator_id = hub.coordinator_id
            task.owner_coordinator_host = hub.owner_host
            task.owner_coordinator_port = hub.owner_port
            return task
        return None

    async def _claim(self, task_id: int, poll: _Poll, poller_id: str) -> rows.ClaimRow | None:
        """Claim one task in the store; None when another poller or process was faster."""
        hub, token = self._hub, str(uuid.uuid4())
        wall_ms = hub.wall_ms()

        def choose(pending: Sequence[rows.TaskRow]) -> rows.TaskRow | None:
            return next((row for row in pending if row.id == task_id), None)

        claim = await hub.writer.commit(
            lambda store: rows.take_task(
                store,
                choose,
                token=token,
                worker_id=poll.worker_id,
                poller_id=poller_id,
                now_ms=wall_ms,
            )
        )
        if claim is not None:
            self._claims[token] = _Claim(poll.worker_id, poll.is_edge, hub.now_ms(), wall_ms)
        return claim

    async def _reload(self) -> None:
        """Take up tasks that are in the store and not known here."""
        pending = await self._hub.read(rows.list_pending)
        known = {item.row.id for item in self._pending}
        now_ms = self._hub.now_ms()
        for row in pending:
            if row.id not in known:
                self._insert(Waiting(row, now_ms))
        self._wake()

    def _insert(self, waiting: Waiting) -> None:
        order = (waiting.row.enqueued_ms, waiting.row.id)
        at = len(self._pending)
        while at and (self._pending[at - 1].row.enqueued_ms, self._pending[at - 1].row.id) > order:
            at -= 1
        self._pending.insert(at, waiting)

    def _wake(self) -> None:
        """Wake, for each task, one poll that may have it and is not awake already."""
        for item in self._pending:
            for poll in self._polls:
                if not poll.event.is_set() and can_take(
                    item.selector, item.target_worker_id, poll.worker_id, poll.labels
                ):
                    poll.event.set()
                    break


def _row(task: pb.Task) -> rows.TaskRow:
    run = RunRef(task.target, task.dag_run_id)
    root = RunRef(task.root_dag_run_name, task.root_dag_run_id) if task.root_dag_run_id else run
    return rows.TaskRow(
        run=run,
        root=root,
        attempt_id=task.attempt_id,
        attempt_key=task.attempt_key,
        queue=task.queue_name or task.target,
        target_worker_id=task.target_worker_id,
        selector=dict(task.worker_selector),
    )
