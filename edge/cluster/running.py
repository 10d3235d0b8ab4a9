"""The tasks that a worker has in hand (spec 20 sections 5.1, 5.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import trio

from edge.cluster.peers import Owner
from edge.cluster.wire import pb

__all__ = ["RunningRun", "RunningRuns"]


@dataclass(slots=True, eq=False)
class RunningRun:
    """One task from its claim to its end."""

    attempt_key: str
    owner: Owner
    info: pb.RunningTask
    #: trio time of the last answered run heartbeat
    contact: float
    #: set once the run is there; stops its steps, idempotent
    stop: Callable[[str], None] | None = None
    cancel_reason: str = field(default="", init=False)

    def cancel(self, reason: str) -> bool:
        """Stop the run, or have it stopped as soon as it is there; False when told before."""
        if self.cancel_reason:
            return False
        self.cancel_reason = reason
        if self.stop is not None:
            self.stop(reason)
        return True

    def attach(self, stop: Callable[[str], None]) -> None:
        """Make the run stoppable; an earlier cancel takes effect at once."""
        self.stop = stop
        if self.cancel_reason:
            stop(self.cancel_reason)


class RunningRuns:
    """Runs by attempt key."""

    def __init__(self) -> None:
        self._runs: dict[str, RunningRun] = {}
        self._empty = trio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._runs)

    def __iter__(self) -> Iterator[RunningRun]:
        return iter(list(self._runs.values()))

    def add(self, run: RunningRun) -> None:
        """Register a run."""
        self._runs[run.attempt_key] = run
        self._empty = trio.Event()

    def remove(self, run: RunningRun) -> None:
        """Unregister a run."""
        if self._runs.get(run.attempt_key) is run:
            del self._runs[run.attempt_key]
        if not self._runs:
            self._empty.set()

    async def wait_empty(self) -> None:
        """Wait until no run is registered."""
        while self._runs:
            await self._empty.wait()

    def infos(self) -> list[pb.RunningTask]:
        """Return what heartbeats say about the runs."""
        return [run.info for run in self._runs.values()]

    def by_owner(self) -> dict[Owner, list[RunningRun]]:
        """Return the runs that have an owner, grouped."""
        groups: dict[Owner, list[RunningRun]] = {}
        for run in self._runs.values():
            if run.owner.id or run.owner.host:
                groups.setdefault(run.owner, []).append(run)
        return groups

    def cancel(self, keys: Iterable[str], reason: str) -> list[str]:
        """Cancel runs by attempt key; return those that were not cancelled before."""
        found = [self._runs[key] for key in keys if key in self._runs]
        return [run.attempt_key for run in found if run.cancel(reason)]
