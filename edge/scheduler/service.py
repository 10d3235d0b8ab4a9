"""The scheduler: wakes once a minute, evaluates the schedules, starts what is due (spec 30, 3)."""

from __future__ import annotations

import datetime as dt
import os
import socket
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

import trio

from edge.config.log import Logger, get_logger
from edge.core.clock import SystemClock, WallClock, format_rfc3339
from edge.core.errors import EdgeError
from edge.scheduler.catalog import Catalog, CatalogEntry
from edge.scheduler.evaluator import Evaluator, Launch, StopRun
from edge.scheduler.leader import leadership
from edge.scheduler.planner import (
    BUILD_MS,
    MINUTE_MS,
    FireCache,
    Slot,
    Ticks,
    minute_of,
    missed_between,
    plan_ticks,
)
from edge.scheduler.zone import schedule_zone
from edge.store import HostIdentity, Store
from edge.store.writer import StoreWriter
from edge.workflow.model import DAG

if TYPE_CHECKING:
    from edge.config.settings import Settings

__all__ = ["Scheduler"]

_MISSED_LIMIT = 100
#: served slots are kept for so long: no replay reaches back further than ten minutes
_KEEP_SLOTS_MS = 2 * 86_400_000
_PRUNE_MS = 86_400_000
#: how often an implausible clock is looked at: NTP sets it within seconds of the network
_FAULT_RETRY_S = 5.0


class Scheduler:
    """Starts runs by schedule while it is the leader of its data directory.

    `rate` speeds the clock up in tests: how many wall seconds pass in a second. `elapsed` counts
    seconds that really passed, also while the machine slept, to tell a sleep from a set clock.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        writer: StoreWriter,
        catalog: Catalog,
        launch: Launch,
        *,
        stop: StopRun,
        host: HostIdentity,
        clock: WallClock | None = None,
        zone: dt.tzinfo | None = None,
        log: Logger | None = None,
        rate: float = 1.0,
        elapsed: Callable[[], float] | None = None,
        plausible_since_ms: int = BUILD_MS,
    ) -> None:
        self._settings = settings
        self._store = store
        self._writer = writer
        self._catalog = catalog
        self._clock = clock or SystemClock()
        self._log = log or get_logger()
        self._rate = rate
        self._elapsed = elapsed or (lambda: time.clock_gettime(time.CLOCK_BOOTTIME))
        self._plausible_since_ms = plausible_since_ms
        self._fires = FireCache(zone or schedule_zone(settings.tz, os.environ))
        self._evaluator = Evaluator(
            store,
            writer,
            host,
            self._fires,
            launch=launch,
            stop=stop,
            log=self._log,
            clock=self._clock,
        )
        self._fault = ""
        self._prepared = -1
        self._pruned_ms = 0
        #: the last tick evaluated
        self.last_tick_ms: int | None = None
        self.is_leader = False

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Wait for the lead, then schedule until cancelled. Ready at once: waiting is a state."""
        identity = f"{socket.gethostname()}-{os.getpid()}-{self._clock.now_ms() // 1000}"
        task_status.started()
        async with leadership(self._settings.paths.data_dir, identity, self._tell_waiting):
            self.is_leader = True
            self._log.info("Scheduler started", dags=str(self._settings.paths.dags_dir))
            try:
                await self._lead()
            finally:
                self.is_leader = False
                if self.last_tick_ms is not None:
                    self._record_tick(self.last_tick_ms)

    def _tell_waiting(self, holder: str) -> None:
        self._log.info("Scheduler waits: another one leads", leader=holder)

    async def _lead(self) -> None:
        recorded = await trio.to_thread.run_sync(self._store.last_tick_ms)
        looked_at = self._elapsed()
        async with trio.open_nursery() as nursery:
            while True:
                now_ms, now_s = self._clock.now_ms(), self._elapsed()
                ticks = plan_ticks(
                    self.last_tick_ms,
                    now_ms,
                    recorded_ms=recorded,
                    plausible_since_ms=self._plausible_since_ms,
                )
                had_fault = bool(self._fault)
                self._note_fault(ticks.fault)
                if ticks.due:
                    await self._catalog.refresh()
                    if ticks.has_skipped:
                        passed_ms = (now_s - looked_at) * 1000 * self._rate
                        gap_ms = ticks.skipped_until_ms - ticks.skipped_after_ms
                        was_set = had_fault or passed_ms + 2 * MINUTE_MS < gap_ms
                        is_first = self.last_tick_ms is None
                        self._miss(ticks, "clock" if was_set and not is_first else "downtime")
                    for tick_ms in ticks.due:
                        await self._tick(tick_ms, nursery, is_first=self.last_tick_ms is None)
                        self.last_tick_ms = tick_ms
                    looked_at = now_s
                await trio.sleep(self._pause_s(ticks))

    def _pause_s(self, ticks: Ticks) -> float:
        """Return the seconds to the next minute, at most one: the clock may be set meanwhile."""
        if ticks.fault:
            return _FAULT_RETRY_S / self._rate
        now_ms = self._clock.now_ms()
        return min(MINUTE_MS, minute_of(now_ms) + MINUTE_MS - now_ms) / 1000 / self._rate

    def _note_fault(self, fault: str) -> None:
        if fault and fault != self._fault:
            now = format_rfc3339(self._clock.now_ms(), self._fires.zone)
            self._log.warning("Schedules wait: clock not trusted", reason=fault, now=now)
        elif self._fault and not fault:
            self._log.info("Clock trusted again, schedules go on")
        self._fault = fault

    async def _tick(self, tick_ms: int, nursery: trio.Nursery, *, is_first: bool) -> None:
        entries = list(_scheduled(self._catalog.entries()))
        is_changed = self._prepared != self._catalog.version
        if is_changed:
            for _, dag in entries:
                await self._guarded(dag.name, self._evaluator.prepare(dag, tick_ms))
            self._prepared = self._catalog.version
        has_due = False
        for entry, dag in entries:
            if any(self._evaluator.due(dag, tick_ms)):
                has_due = True
                nursery.start_soon(self._evaluate, entry, dag, tick_ms)
        # Between two records nothing was due, so a crash in between makes no slot look missed.
        if has_due or is_changed or is_first:
            self._record_tick(tick_ms)
        if has_due and tick_ms - self._pruned_ms >= _PRUNE_MS:
            self._pruned_ms = tick_ms
            self._writer.submit(lambda store: store.prune_slots(tick_ms - _KEEP_SLOTS_MS))

    async def _evaluate(self, entry: CatalogEntry, dag: DAG, tick_ms: int) -> None:
        await self._guarded(dag.name, self._evaluator.evaluate(entry, dag, tick_ms))

    async def _guarded(self, name: str, work: Awaitable[None]) -> None:
        """Await `work`; what goes wrong with one DAG never ends the loop (section 3.3)."""
        try:
            await work
        except EdgeError as exc:
            self._log.error("Scheduled run failed to start", dag=name, err=str(exc))
        except Exception as exc:
            self._log.error(
                "Scheduled run failed to start", dag=name, err=f"{type(exc).__name__}: {exc}"
            )

    def _record_tick(self, tick_ms: int) -> None:
        self._writer.submit(lambda store: store.set_last_tick(tick_ms))

    def _miss(self, ticks: Ticks, reason: str) -> None:
        """Record the slots between two ticks that are too far apart to be replayed."""
        for entry, dag in _scheduled(self._catalog.entries()):
            # What was due before the file was written is not this schedule's.
            after_ms = max(ticks.skipped_after_ms, entry.changed_ms)
            slots = missed_between(
                dag.schedule.start, after_ms, ticks.skipped_until_ms, self._fires, _MISSED_LIMIT
            )
            if not slots:
                continue
            cut_ms = ticks.skipped_until_ms - int(dag.catchup_window_s * 1000)
            for slot in slots:
                is_old = dag.catchup_window_s > 0 and slot.slot_ms < cut_ms
                why = "suspended" if entry.suspended else "window" if is_old else reason
                self._evaluator.record_missed(dag.name, slot, why)
            self._report_missed(dag, slots, "suspended" if entry.suspended else reason)

    def _report_missed(self, dag: DAG, slots: list[Slot], reason: str) -> None:
        zone = self._fires.zone
        self._log.warning(
            "Slots missed",
            dag=dag.name,
            count=f"{len(slots)}{'+' if len(slots) == _MISSED_LIMIT else ''}",
            first=format_rfc3339(slots[0].slot_ms, zone),
            last=format_rfc3339(slots[-1].slot_ms, zone),
            reason=reason,
        )
        if dag.catchup_window_s > 0:
            self._log.warning(
                "catchup will not run: it needs queues, which are not available yet", dag=dag.name
            )


def _scheduled(entries: Iterable[CatalogEntry]) -> Iterable[tuple[CatalogEntry, DAG]]:
    for entry in entries:
        dag = entry.dag
        if dag is None or entry.is_shadowed:
            continue
        if dag.schedule.start or dag.schedule.stop or dag.schedule.restart:
            yield entry, dag
