"""What the parts of a coordinator share: settings, store, clocks, leases, workers.

Times: `now_ms` is monotonic and decides; `wall_ms` is for display and for rows that outlive the
process.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import trio

from edge.cluster.leases import LeaseTable
from edge.cluster.workers import WorkerTable
from edge.core.ids import RunRef
from edge.core.record import RunRecord
from edge.store import Store

if TYPE_CHECKING:
    from edge.config.log import Logger
    from edge.config.settings import Settings
    from edge.core.clock import WallClock
    from edge.store.writer import StoreWriter

__all__ = ["Hub", "Tracked"]

_T = TypeVar("_T")
#: reads of one coordinator that run at the same time
_READERS = 4


@dataclass(slots=True)
class Tracked:
    """A running remote attempt whose last report is known, so that the next needs no read."""

    attempt_row: int
    record: RunRecord
    #: run-level members as last written, without nodes
    written: str


@dataclass(slots=True, kw_only=True)
class Hub:
    """Shared state of one coordinator."""

    settings: Settings
    store: Store
    writer: StoreWriter
    clock: WallClock
    log: Logger
    #: `<hostname>@<port>`; set when the port is bound
    coordinator_id: str = ""
    owner_host: str = ""
    owner_port: int = 0
    leases: LeaseTable = field(default_factory=LeaseTable)
    workers: WorkerTable = field(default_factory=WorkerTable)
    #: by attempt key
    tracked: dict[str, Tracked] = field(default_factory=dict)
    _limiter: trio.CapacityLimiter = field(default_factory=lambda: trio.CapacityLimiter(_READERS))

    def now_ms(self) -> int:
        """Return the monotonic time in milliseconds."""
        return int(trio.current_time() * 1000)

    def wall_ms(self) -> int:
        """Return Unix milliseconds."""
        return self.clock.now_ms()

    async def read(self, function: Callable[[Store], _T]) -> _T:
        """Run a reading function of the store in a worker thread."""
        return await trio.to_thread.run_sync(function, self.store, limiter=self._limiter)

    def untrack(self, ref: RunRef) -> None:
        """Forget cached attempts of a run, because a newer attempt or a status came from here."""
        for key in [key for key, item in self.tracked.items() if item.record.ref == ref]:
            del self.tracked[key]

    @staticmethod
    def random_bytes(count: int) -> bytes:
        """Return randomness for ids."""
        return os.urandom(count)
