"""The one task of a process that writes to the store, in groups (DESIGN section 3).

Progress is submitted and written once a commit window; what another party relies on is committed
at once, with everything submitted before it. Several commits that wait for the disk share one
durable transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar, cast

import trio

from edge.core.errors import EdgeError, StoreError
from edge.store.store import Store

__all__ = ["StoreWriter"]

_T = TypeVar("_T")
_FLUSH_AT = 1_000
_REFUSE_AT = 100_000
_SHUTDOWN_LIMIT_S = 5.0
_RETRY_S = 5.0


class _Item(Generic[_T]):
    """A function to run inside the next transaction; `durable` when somebody waits for it."""

    __slots__ = ("done", "durable", "error", "fn", "value")

    def __init__(self, fn: Callable[[Store], _T], durable: bool) -> None:
        self.fn = fn
        self.durable = durable
        self.done = False
        self.value: _T | None = None
        self.error: BaseException | None = None

    def settle(self, error: BaseException | None) -> None:
        self.done = True
        self.error = self.error or error


class StoreWriter:
    """Writes to a store from trio tasks.

    Order: functions run in the order of their `submit` and `commit` calls, each in a savepoint of
    its own, so that one that raises takes nothing with it. A transaction that fails as a whole
    (full disk) fails the commits in it; what was submitted is kept and tried again.

    Bounds: 1,000 waiting functions end the commit window early; `submit` raises StoreError at
    100,000, which only a disk that takes nothing can reach.

    Shutdown: when `run` is cancelled it writes what was submitted, for at most 5 s. `commit` and
    `flush` need no `run` and work until the store is closed; end `run` after the last submitter.
    """

    def __init__(
        self,
        store: Store,
        window_s: float = 0.25,
        *,
        on_error: Callable[[Exception], None] | None = None,
        in_thread: bool = True,
    ) -> None:
        """`window_s`: how long progress may wait. `on_error` hears what submitted functions raise,
        perhaps in the writer thread.

        Without `in_thread` the event loop writes by itself: for simulations, whose mock clock
        would run on while a thread works.
        """
        self.store = store
        self.window_s = window_s
        self._on_error = on_error or _log_error
        self._in_thread = in_thread
        self._pending: list[_Item[object]] = []
        self._wake = trio.Event()
        self._urgent = trio.Event()
        self._lock = trio.Lock()
        self._limiter = trio.CapacityLimiter(1)
        self._failing = False

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Write what is submitted, until cancelled."""
        task_status.started()
        try:
            while True:
                await self._wake.wait()
                with trio.move_on_after(_RETRY_S if self._failing else self.window_s):
                    await self._urgent.wait()
                if self._failing and self._urgent.is_set():
                    # A full queue must not turn a failing disk into a busy loop.
                    await trio.sleep(_RETRY_S)
                await self._flush(lambda: True)
        finally:
            with trio.move_on_after(_SHUTDOWN_LIMIT_S, shield=True):
                await self._flush(lambda: bool(self._pending))
            if self._pending:
                self._on_error(
                    StoreError(f"{self.store.path}: {len(self._pending)} changes were not written")
                )

    def submit(self, fn: Callable[[Store], object]) -> None:
        """Have `fn` run within the commit window. Never blocks.

        What it raises is logged. Raises: StoreError when 100,000 functions wait.
        """
        if len(self._pending) >= _REFUSE_AT:
            raise StoreError(f"{self.store.path}: the disk cannot keep up with the changes")
        self._pending.append(_Item(fn, durable=False))
        self._wake.set()
        if len(self._pending) >= _FLUSH_AT:
            self._urgent.set()

    async def commit(self, fn: Callable[[Store], _T]) -> _T:
        """Run `fn` in a durable transaction, at once, after everything submitted before it.

        Returns what `fn` returns and raises what it raises. Cancelled before its transaction
        began, it is withdrawn; later it completes, and the cancellation comes up afterwards.
        """
        item = _Item(fn, durable=True)
        # One list holds items of all result types; each caller knows its own.
        self._pending.append(cast("_Item[object]", item))
        try:
            await self._flush(lambda: not item.done)
        except trio.Cancelled:
            waiting = len(self._pending)
            self._pending = [other for other in self._pending if other is not item]
            if len(self._pending) < waiting:
                raise
            # In the hands of another flush: its outcome counts, the cancellation comes up later.
            with trio.move_on_after(_SHUTDOWN_LIMIT_S, shield=True):
                async with self._lock:
                    pass
            if not item.done:
                raise
        if item.error is not None:
            raise item.error
        return cast("_T", item.value)

    async def flush(self) -> None:
        """Write everything submitted before; not durable by itself."""
        await self._flush(lambda: bool(self._pending))

    async def _flush(self, is_needed: Callable[[], bool]) -> None:
        async with self._lock:
            # Another flush may have taken our item while we waited for it.
            if not is_needed():
                return
            batch, self._pending = self._pending, []
            # An unset event is kept: `run` may wait for that very one.
            if self._wake.is_set():
                self._wake = trio.Event()
            if self._urgent.is_set():
                self._urgent = trio.Event()
            if not batch:
                return
            try:
                if self._in_thread:
                    await trio.to_thread.run_sync(self._apply, batch, limiter=self._limiter)
                else:
                    await trio.lowlevel.checkpoint()
                    self._apply(batch)
            except trio.Cancelled:
                # Only possible before the thread began; once it runs it is waited for.
                self._pending[:0] = batch
                self._wake.set()
                raise
            self._keep_failed(batch)

    def _apply(self, batch: list[_Item[object]]) -> None:
        """Run a batch in one transaction; in the writer thread."""
        durable = any(item.durable for item in batch)
        try:
            with self.store.transaction(durable=durable):
                for item in batch:
                    self._apply_one(item)
        except Exception as exc:
            error = exc if isinstance(exc, EdgeError) else StoreError(f"{self.store.path}: {exc}")
            for item in batch:
                if item.durable:
                    item.settle(error)
            self._note(error)
            return
        for item in batch:
            item.settle(None)
        self._note(None)

    def _apply_one(self, item: _Item[object]) -> None:
        item.error = None
        try:
            with self.store.savepoint():
                item.value = item.fn(self.store)
        except Exception as exc:
            if not self.store.in_transaction:
                raise
            item.error = exc
            if not item.durable:
                self._on_error(exc)

    def _keep_failed(self, batch: list[_Item[object]]) -> None:
        kept = [item for item in batch if not item.done]
        if kept:
            self._pending[:0] = kept
            self._wake.set()

    def _note(self, error: EdgeError | None) -> None:
        """Report a change between writing and failing, not every try."""
        if error is not None and not self._failing:
            self._on_error(error)
        self._failing = error is not None


def _log_error(exc: Exception) -> None:
    from edge.config.log import get_logger

    get_logger().error("writing to the store failed", error=str(exc))
