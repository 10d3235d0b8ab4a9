"""One DAG at one tick: what is due, whether the guards let it start, and what is recorded.

The rules are in `planner`; this module reads the store for them and writes claims before a start
(spec 30 sections 3.3 to 3.5), so that a slot is served at most once, whatever dies when.
"""

from __future__ import annotations

import os
from typing import Protocol

import trio

from edge.config.log import Logger
from edge.core.clock import SystemClock, WallClock, format_rfc3339, parse_rfc3339, to_ms
from edge.core.errors import DuplicateRunError, TransientError
from edge.core.ids import RunRef, run_id_from
from edge.core.status import RunStatus
from edge.scheduler.catalog import CatalogEntry
from edge.scheduler.planner import (
    FireCache,
    LatestRun,
    Slot,
    choose_start,
    due_slots,
    is_served_by,
    is_success_fresh,
    one_off_run_id,
    schedule_fingerprint,
)
from edge.store import HostIdentity, RunFilter, RunSummary, Store
from edge.store.view import as_seen
from edge.store.writer import StoreWriter
from edge.workflow.model import DAG, ScheduleEntry

__all__ = ["LAUNCH_LIMIT_S", "Evaluator", "Launch", "StopRun"]

#: a start that has claimed its slot is not cut off by a stop of the service, for so long
LAUNCH_LIMIT_S = 10.0

_BUSY = (RunStatus.NOT_STARTED, RunStatus.RUNNING, RunStatus.QUEUED)
_SEEN, _START = "seen", "start"


class Launch(Protocol):
    """Set a due run going, here or on a worker."""

    async def __call__(
        self, dag: DAG, *, run_id: str, schedule_time_ms: int, entry: CatalogEntry
    ) -> RunRef | None:
        """Return the run once it is recorded. Raises: EdgeError."""
        ...


class StopRun(Protocol):
    """Ask a run to stop."""

    async def __call__(self, ref: RunRef) -> None: ...


class Evaluator:
    """Evaluates schedules against the store. One instance per leading scheduler."""

    def __init__(
        self,
        store: Store,
        writer: StoreWriter,
        host: HostIdentity,
        fires: FireCache,
        *,
        launch: Launch,
        stop: StopRun,
        log: Logger,
        clock: WallClock | None = None,
    ) -> None:
        self._store = store
        self._writer = writer
        self._host = host
        self._fires = fires
        self._launch = launch
        self._stop = stop
        self._log = log
        self._clock = clock or SystemClock()
        self._limiter = trio.CapacityLimiter(2)
        self._starting: set[str] = set()
        #: (DAG, one-off identity) -> still to be served
        self._one_offs: dict[tuple[str, str], bool] = {}
        #: (DAG, identity) of entries that were said to need a runtime profile
        self._refused: set[tuple[str, str]] = set()
        #: DAG -> (fingerprint, when it changed last)
        self._edits: dict[str, tuple[str, int | None]] = {}

    async def prepare(self, dag: DAG, tick_ms: int) -> None:
        """Note a DAG's schedule as of this tick: edits, and one-offs not seen before."""
        mark = schedule_fingerprint(dag.schedule, skip_if_successful=dag.skip_if_successful)
        known = self._edits.get(dag.name)
        if known is None:
            self._edits[dag.name] = (mark, None)
        elif known[0] != mark:
            self._edits[dag.name] = (mark, self._clock.now_ms())
        for item in dag.schedule.start:
            key = (dag.name, item.identity)
            if item.at is not None and key not in self._one_offs:
                self._one_offs[key] = await self._is_pending(dag.name, item, tick_ms)

    def due(self, dag: DAG, tick_ms: int) -> tuple[list[Slot], list[Slot], list[Slot]]:
        """Return the start, stop and restart slots due at a tick."""
        starts = [
            slot
            for slot in due_slots(dag.schedule.start, tick_ms, self._fires)
            if slot.entry.cron or self._one_offs.get((dag.name, slot.entry.identity), False)
        ]
        return (
            starts,
            due_slots(dag.schedule.stop, tick_ms, self._fires),
            due_slots(dag.schedule.restart, tick_ms, self._fires),
        )

    async def evaluate(self, entry: CatalogEntry, dag: DAG, tick_ms: int) -> None:
        """Do what is due for one DAG at one tick. Raises: EdgeError for what failed."""
        starts, stops, restarts = self.due(dag, tick_ms)
        if entry.suspended:
            for slot in starts:
                self.record_missed(dag.name, slot, "suspended")
            return
        chosen = choose_start(self._without_profile(dag.name, starts))
        if chosen is not None:
            await self._start(entry, dag, chosen)
        if self._without_profile(dag.name, stops):
            await self._stop_running(dag)
        for slot in self._without_profile(dag.name, restarts):
            self._log.warning(
                "Restart schedule skipped: restart by schedule is not available yet",
                dag=dag.name,
                schedule_time=format_rfc3339(slot.slot_ms, self._fires.zone),
            )

    def _without_profile(self, dag: str, slots: list[Slot]) -> list[Slot]:
        """Return the slots that can be served: no entry is for a runtime profile (section 3.1)."""
        for slot in slots:
            if not slot.entry.profile:
                continue
            self.record_missed(dag, slot, "profile")
            key = (dag, slot.entry.identity)
            if key not in self._refused:
                self._refused.add(key)
                self._log.warning(
                    "Schedule skipped: runtime profiles are not available in this build of edge",
                    dag=dag,
                    profile=slot.entry.profile,
                    schedule_time=format_rfc3339(slot.slot_ms, self._fires.zone),
                )
        return [slot for slot in slots if not slot.entry.profile]

    def record_missed(self, dag: str, slot: Slot, reason: str) -> None:
        """Record a cron slot that is not run; a one-off just stays pending."""
        if slot.entry.cron is None:
            return
        identity, slot_ms = slot.entry.identity, slot.slot_ms
        self._writer.submit(lambda store: store.missed_slot(dag, identity, slot_ms, reason))

    # -- starts

    async def _start(self, entry: CatalogEntry, dag: DAG, slot: Slot) -> None:
        is_one_off = slot.entry.at is not None
        when = format_rfc3339(slot.slot_ms, self._fires.zone)
        # Claimed here, before any await: two ticks replayed together must not both get through.
        if dag.name in self._starting:
            self._skip_busy(dag, slot, when)
            return
        self._starting.add(dag.name)
        try:
            runs = await self._seen_runs(dag.name)
            latest = _latest(runs[0]) if runs else None
            if is_served_by(slot, latest, self._fires.zone):
                return
            if any(run.status in _BUSY for run in runs):
                self._skip_busy(dag, slot, when)
                return
            if dag.skip_if_successful and is_success_fresh(
                slot, latest, self._fires.zone, self._edits.get(dag.name, ("", None))[1]
            ):
                self._log.info(
                    "Skipping run due to successful prior run", dag=dag.name, schedule_time=when
                )
                return
            await self._claim_and_launch(entry, dag, slot, is_one_off)
        finally:
            self._starting.discard(dag.name)

    async def _claim_and_launch(
        self, entry: CatalogEntry, dag: DAG, slot: Slot, is_one_off: bool
    ) -> None:
        if is_one_off:
            run_id = one_off_run_id(dag.name, slot)
        else:
            run_id = run_id_from(SystemClock().now_ms(), os.urandom(10))
        identity, slot_ms = slot.entry.identity, slot.slot_ms
        # A claim without its run would be a slot that nobody serves and nobody misses.
        with trio.move_on_after(LAUNCH_LIMIT_S, shield=True):
            is_ours = await self._writer.commit(
                lambda store: store.claim_slot(dag.name, identity, slot_ms, run_id, _START)
            )
            if is_one_off:
                self._one_offs[(dag.name, identity)] = False
            if not is_ours:
                return
            try:
                await self._launch(dag, run_id=run_id, schedule_time_ms=slot_ms, entry=entry)
            except DuplicateRunError:
                if not is_one_off:
                    raise
            return
        raise TransientError(f"{dag.name}: the run was not started within {LAUNCH_LIMIT_S:.0f} s")

    def _skip_busy(self, dag: DAG, slot: Slot, when: str) -> None:
        if slot.entry.cron is None:
            return  # it waits until the DAG is idle
        self.record_missed(dag.name, slot, "busy")
        self._log.info("Skipping slot: the DAG is running", dag=dag.name, schedule_time=when)

    async def _is_pending(self, dag: str, item: ScheduleEntry, tick_ms: int) -> bool:
        """Tell whether a one-off is still to be served; the first look at it decides."""
        assert item.at is not None
        identity, at_ms = item.identity, to_ms(item.at)

        def look(store: Store) -> bool:
            is_new = store.claim_slot(dag, identity, at_ms, "", _SEEN)
            if is_new and at_ms < tick_ms:
                store.claim_slot(dag, identity, at_ms, "", _START)
            return not any(
                row.entry == identity and row.kind == _START and row.slot_ms == at_ms
                for row in store.served_slots(dag, at_ms)
            )

        return await self._writer.commit(look)

    # -- stops

    async def _stop_running(self, dag: DAG) -> None:
        runs = await self._seen_runs(dag.name)
        if runs and runs[0].status is RunStatus.RUNNING:
            self._log.info("Stopping run by schedule", dag=dag.name, run_id=runs[0].run_id)
            await self._stop(runs[0].ref)

    # -- reads

    def _runs_of(self, store: Store, name: str) -> list[RunSummary]:
        """Return the latest run first, then every one that may be busy, as a reader sees them."""
        found = store.find_runs(RunFilter(name=name, limit=1))
        return found + store.find_runs(RunFilter(name=name, statuses=_BUSY, limit=20))

    async def _seen_runs(self, name: str) -> list[RunSummary]:
        """Return `_runs_of` as a reader sees them; a death that nobody recorded is recorded."""
        found = await trio.to_thread.run_sync(
            self._runs_of, self._store, name, limiter=self._limiter
        )
        seen = [as_seen(row, self._host) for row in found]
        if any(after is not before for after, before in zip(seen, found, strict=True)):
            now_ms = self._clock.now_ms()
            await self._writer.commit(lambda store: store.recover(self._host, now_ms))
        return seen


def _latest(row: RunSummary) -> LatestRun:
    try:
        schedule_ms = parse_rfc3339(row.schedule_time)
    except ValueError:
        schedule_ms = None
    return LatestRun(
        status=row.status,
        started_ms=row.started_ms,
        queued_ms=row.queued_ms,
        finished_ms=row.finished_ms,
        schedule_ms=schedule_ms,
    )
