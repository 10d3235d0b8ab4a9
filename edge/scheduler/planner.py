"""Which slots are due, and which of them may start a run (spec 30 sections 3.3 to 3.6). Pure.

Time comes in as Unix milliseconds, the zone as an argument. A tick is a minute; a slot is one
nominal fire time of one schedule entry. Nothing here starts anything, so that a year of ticks and
every jump of the clock can be tried in a second.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edge.core.clock import from_ms, to_ms
from edge.core.status import RunStatus
from edge.workflow.cron import CronExpression, next_fire
from edge.workflow.model import Schedule, ScheduleEntry

__all__ = [
    "BUILD_MS",
    "MAX_GAP_MS",
    "MINUTE_MS",
    "FireCache",
    "LatestRun",
    "Slot",
    "Ticks",
    "choose_start",
    "due_slots",
    "is_served_by",
    "is_success_fresh",
    "minute_of",
    "missed_between",
    "one_off_run_id",
    "plan_ticks",
    "previous_fire_ms",
    "schedule_fingerprint",
]

MINUTE_MS = 60_000
#: a longer gap is not replayed: spec 30 section 3.3, deviation
MAX_GAP_MS = 10 * MINUTE_MS
#: 2026-08-01: no clock that shows less can be right (boards without an RTC boot in 1970)
BUILD_MS = 1_785_542_400_000
#: fire times before this many days are no longer looked at for `skip_if_successful`
_PREVIOUS_FIRE_DAYS = 32


@dataclass(frozen=True, slots=True)
class Slot:
    """One nominal fire time of one entry."""

    entry: ScheduleEntry
    slot_ms: int

    @property
    def order(self) -> tuple[int, bool]:
        """Return the sort key: the earliest first, a one-off before cron."""
        return self.slot_ms, self.entry.at is None


@dataclass(frozen=True, slots=True)
class Ticks:
    """What to evaluate now.

    `due` ticks are run in order; slots of the minutes in (`skipped_after_ms`, `skipped_until_ms`)
    are missed. `fault` says in words why the clock cannot be used; then nothing is due.
    """

    due: tuple[int, ...] = ()
    skipped_after_ms: int = 0
    skipped_until_ms: int = 0
    fault: str = ""

    @property
    def has_skipped(self) -> bool:
        return self.skipped_until_ms - self.skipped_after_ms > MINUTE_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class LatestRun:
    """What the guards need to know of a DAG's latest run."""

    status: RunStatus
    started_ms: int | None = None
    queued_ms: int | None = None
    finished_ms: int | None = None
    #: its `scheduleTime`; None when it was not started by a schedule
    schedule_ms: int | None = None


def minute_of(value_ms: int) -> int:
    """Return the beginning of the minute."""
    return value_ms - value_ms % MINUTE_MS


def plan_ticks(
    previous_ms: int | None,
    now_ms: int,
    *,
    recorded_ms: int | None = None,
    plausible_since_ms: int = BUILD_MS,
) -> Ticks:
    """Return the ticks to evaluate at `now_ms`, after `previous_ms` was evaluated last.

    `previous_ms` is None at start-up: the first tick is the current minute; `recorded_ms` is then
    the last tick of an earlier process, and what lies between was missed. A clock before
    `plausible_since_ms` or before the last tick fires nothing until it has caught up.
    """
    current = minute_of(now_ms)
    if now_ms < plausible_since_ms:
        return Ticks(fault="the clock is earlier than this version of edge")
    if previous_ms is None:
        if recorded_ms is None:
            return Ticks(due=(current,))
        if current < recorded_ms:
            return Ticks(fault="the clock is earlier than the last recorded tick")
        return Ticks((current,), recorded_ms, current)
    if current < previous_ms:
        return Ticks(fault="the clock went backwards")
    if current == previous_ms:
        return Ticks()
    if current - previous_ms > MAX_GAP_MS:
        return Ticks((current,), previous_ms, current)
    return Ticks(tuple(range(previous_ms + MINUTE_MS, current + 1, MINUTE_MS)))


class FireCache:
    """Fire times of expressions, so that a tick on which nothing is due costs no search.

    Holds one fire time per expression; bounded by forgetting everything at `limit` expressions.
    """

    def __init__(self, zone: dt.tzinfo, *, limit: int = 4096) -> None:
        self.zone = zone
        self._limit = limit
        self._known: dict[str, tuple[int, int | None]] = {}

    def next_after(self, expr: CronExpression, after_ms: int) -> int | None:
        """Return the first fire time strictly after `after_ms`; None without one in 5 years."""
        known = self._known.get(expr.text)
        if known is not None:
            since_ms, fire_ms = known
            if since_ms <= after_ms and (fire_ms is None or after_ms < fire_ms):
                return fire_ms
        found = next_fire(expr, from_ms(after_ms, dt.UTC), self.zone)
        fire_ms = None if found is None else to_ms(found)
        if len(self._known) >= self._limit:
            self._known.clear()
        self._known[expr.text] = (after_ms, fire_ms)
        return fire_ms


def due_slots(entries: Iterable[ScheduleEntry], tick_ms: int, fires: FireCache) -> list[Slot]:
    """Return the slots due at a tick, the earliest first.

    A cron entry is due when it fires within the second before the tick or on it; a one-off from
    its time on, for as long as it has not been served: whether it has is for the caller.
    """
    found = []
    for entry in entries:
        if entry.cron is not None:
            fire_ms = fires.next_after(entry.cron, tick_ms - 1000)
            if fire_ms is not None and fire_ms <= tick_ms:
                found.append(Slot(entry, fire_ms))
        elif entry.at is not None and to_ms(entry.at) <= tick_ms:
            found.append(Slot(entry, to_ms(entry.at)))
    return sorted(found, key=lambda slot: slot.order)


def choose_start(slots: Sequence[Slot]) -> Slot | None:
    """Return the one start of a DAG and tick: the earliest, a one-off before cron."""
    return min(slots, key=lambda slot: slot.order, default=None)


def missed_between(
    entries: Iterable[ScheduleEntry], after_ms: int, until_ms: int, fires: FireCache, limit: int
) -> list[Slot]:
    """Return cron slots in (`after_ms`, `until_ms`), both exclusive: the newest `limit`, in order.

    Looks back window by window, so that a gap of years (a clock that was set) costs no more than
    the slots it returns.
    """
    found: list[Slot] = []
    for entry in entries:
        if entry.cron is None:
            continue
        window_ms = 60 * MINUTE_MS
        while True:
            start_ms = max(after_ms, until_ms - window_ms)
            slots = _walk(entry, start_ms, until_ms, fires.zone, limit)
            if len(slots) >= limit or start_ms == after_ms:
                break
            window_ms *= 8
        found.extend(slots)
    found.sort(key=lambda slot: slot.order)
    return found[-limit:]


def _walk(
    entry: ScheduleEntry, after_ms: int, until_ms: int, zone: dt.tzinfo, limit: int
) -> list[Slot]:
    """Return the newest `limit` cron slots in the open interval, in order."""
    assert entry.cron is not None
    slots: list[Slot] = []
    fire = next_fire(entry.cron, from_ms(after_ms, dt.UTC), zone)
    while fire is not None and to_ms(fire) < until_ms:
        slots.append(Slot(entry, to_ms(fire)))
        if len(slots) > 2 * limit:
            del slots[:limit]
        fire = next_fire(entry.cron, fire, zone)
    return slots[-limit:]


def previous_fire_ms(expr: CronExpression, due_ms: int, zone: dt.tzinfo) -> int | None:
    """Return the last fire time before `due_ms`, at most 32 days back; None without one."""
    entry = ScheduleEntry(cron=expr)
    for days in (1 / 144, 1 / 12, 1, 7, _PREVIOUS_FIRE_DAYS):
        start_ms = due_ms - int(days * 86_400_000)
        slots = _walk(entry, start_ms - 1, due_ms, zone, 1)
        if slots:
            return slots[-1].slot_ms
    return None


def is_served_by(
    slot: Slot, latest: LatestRun | None, zone: dt.tzinfo, *, is_one_off: bool = False
) -> bool:
    """Tell whether the latest run already served this slot (spec 30 section 3.4, guard 4)."""
    if latest is None or is_one_off or slot.entry.cron is None:
        return False
    if latest.schedule_ms is not None:
        fire = next_fire(slot.entry.cron, from_ms(latest.schedule_ms - 1, dt.UTC), zone)
        if fire is None or to_ms(fire) != latest.schedule_ms:
            return False  # of another entry, or of this one before it was edited
        return latest.schedule_ms >= slot.slot_ms
    known = [value for value in (latest.started_ms, latest.queued_ms) if value is not None]
    return bool(known) and minute_of(min(known)) >= slot.slot_ms


def is_success_fresh(
    slot: Slot, latest: LatestRun | None, zone: dt.tzinfo, reset_ms: int | None
) -> bool:
    """Tell whether `skip_if_successful` skips this slot (guard 5).

    `reset_ms` is when the schedule was edited last; a success before it does not count.
    """
    if latest is None or slot.entry.cron is None or latest.status is not RunStatus.SUCCEEDED:
        return False
    at_ms = latest.schedule_ms or latest.started_ms or latest.finished_ms
    if at_ms is None:
        return False
    if reset_ms is not None and (latest.finished_ms or at_ms) < reset_ms:
        return False
    previous = previous_fire_ms(slot.entry.cron, slot.slot_ms, zone)
    return previous is not None and previous <= at_ms < slot.slot_ms


def one_off_run_id(dag: str, slot: Slot) -> str:
    """Return the run id of a one-off: the same for every process that looks (section 3.5)."""
    digest = hashlib.sha256(f"{dag}:{slot.entry.identity}".encode()).hexdigest()[:12]
    return f"oneoff-{digest}-{from_ms(slot.slot_ms, dt.UTC):%Y%m%dT%H%M%S}"


def schedule_fingerprint(schedule: Schedule, *, skip_if_successful: bool) -> str:
    """Return a text that changes when the start schedule is edited (section 3.6)."""
    entries = ",".join(sorted(entry.identity for entry in schedule.start))
    return f"skip:{str(skip_if_successful).lower()}|{entries}"
