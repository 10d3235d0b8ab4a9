"""Ticks, slots and guards (spec 30 sections 3.3 to 3.5)."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.clock import to_ms
from edge.core.status import RunStatus
from edge.scheduler.planner import (
    BUILD_MS,
    MAX_GAP_MS,
    MINUTE_MS,
    FireCache,
    LatestRun,
    Slot,
    choose_start,
    due_slots,
    is_served_by,
    is_success_fresh,
    minute_of,
    missed_between,
    one_off_run_id,
    plan_ticks,
    previous_fire_ms,
    schedule_fingerprint,
)
from edge.workflow.cron import next_fire, parse_cron
from edge.workflow.model import Schedule, ScheduleEntry

UTC = dt.UTC
BERLIN = ZoneInfo("Europe/Berlin")
NOON = to_ms(dt.datetime(2026, 9, 1, 12, 0, tzinfo=UTC))


def at(text: str, zone: dt.tzinfo = UTC) -> int:
    return to_ms(dt.datetime.fromisoformat(text).replace(tzinfo=zone))


def cron(text: str) -> ScheduleEntry:
    return ScheduleEntry(cron=parse_cron(text))


def once(text: str) -> ScheduleEntry:
    return ScheduleEntry(at=dt.datetime.fromisoformat(text))


# -- ticks


def test_first_tick_is_the_current_minute() -> None:
    assert plan_ticks(None, NOON + 30_000).due == (NOON,)


def test_same_minute_is_not_evaluated_again() -> None:
    assert plan_ticks(NOON, NOON + 59_999).due == ()


def test_next_minute_follows() -> None:
    assert plan_ticks(NOON, NOON + MINUTE_MS).due == (NOON + MINUTE_MS,)


def test_short_stall_is_replayed_in_order() -> None:
    plan = plan_ticks(NOON, NOON + 3 * MINUTE_MS + 5)
    assert plan.due == tuple(NOON + n * MINUTE_MS for n in (1, 2, 3))
    assert not plan.has_skipped


def test_gap_of_ten_minutes_is_replayed_and_of_eleven_is_not() -> None:
    assert len(plan_ticks(NOON, NOON + MAX_GAP_MS).due) == 10
    later = NOON + MAX_GAP_MS + MINUTE_MS
    plan = plan_ticks(NOON, later)
    assert plan.due == (later,)
    assert (plan.skipped_after_ms, plan.skipped_until_ms) == (NOON, later)


def test_a_jump_of_years_is_one_tick() -> None:
    assert len(plan_ticks(NOON, NOON + 20 * 366 * 86_400_000).due) == 1


def test_backward_clock_waits() -> None:
    plan = plan_ticks(NOON, NOON - 3_600_000)
    assert plan.due == ()
    assert plan.fault == "the clock went backwards"


@pytest.mark.parametrize("now_ms", [0, 1000, BUILD_MS - 1])
def test_clock_before_the_build_fires_nothing(now_ms: int) -> None:
    plan = plan_ticks(None, now_ms)
    assert plan.due == ()
    assert plan.fault


def test_clock_before_the_last_recorded_tick_fires_nothing() -> None:
    assert plan_ticks(None, NOON, recorded_ms=NOON + MINUTE_MS).due == ()
    assert plan_ticks(None, NOON, recorded_ms=NOON).due == (NOON,)


def test_start_after_downtime_names_what_was_missed() -> None:
    plan = plan_ticks(None, NOON, recorded_ms=NOON - 5 * MINUTE_MS)
    assert plan.due == (NOON,)
    assert plan.has_skipped
    assert (plan.skipped_after_ms, plan.skipped_until_ms) == (NOON - 5 * MINUTE_MS, NOON)


def test_start_in_the_minute_after_the_last_tick_missed_nothing() -> None:
    assert not plan_ticks(None, NOON, recorded_ms=NOON - MINUTE_MS).has_skipped


@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers(-3_000_000, 3_000_000), max_size=60))
def test_any_clock_gives_each_tick_once_in_order(jumps: list[int]) -> None:
    """No tick twice, never backwards, never more than ten at once, never in the future."""
    now, previous, seen = NOON, None, []
    for jump in jumps:
        now = max(BUILD_MS, now + jump)
        plan = plan_ticks(previous, now)
        assert len(plan.due) <= 10
        assert bool(plan.fault) == (previous is not None and minute_of(now) < previous)
        for tick in plan.due:
            assert tick <= now
            seen.append(tick)
            previous = tick
    assert seen == sorted(set(seen))
    assert all(tick % MINUTE_MS == 0 for tick in seen)


# -- slots


def test_cron_slot_is_due_on_its_minute_only() -> None:
    fires = FireCache(UTC)
    entry = cron("30 12 * * *")
    assert due_slots([entry], at("2026-09-01T12:29:00"), fires) == []
    assert due_slots([entry], at("2026-09-01T12:30:00"), fires) == [
        Slot(entry, at("2026-09-01T12:30:00"))
    ]
    assert due_slots([entry], at("2026-09-01T12:31:00"), fires) == []


def test_zone_of_the_configuration_counts() -> None:
    tick = at("2026-07-01T03:00:00", BERLIN)
    assert due_slots([cron("0 3 * * *")], tick, FireCache(BERLIN))
    assert not due_slots([cron("0 3 * * *")], tick, FireCache(UTC))


def test_one_off_is_due_from_its_time_on() -> None:
    entry = once("2026-09-01T12:00:00+00:00")
    fires = FireCache(UTC)
    assert not due_slots([entry], NOON - MINUTE_MS, fires)
    assert due_slots([entry], NOON, fires)
    assert due_slots([entry], NOON + 86_400_000, fires)


def test_one_start_per_tick_the_earliest_and_a_one_off_before_cron() -> None:
    every, single = cron("* * * * *"), once("2026-09-01T12:00:00+00:00")
    slots = due_slots([every, cron("0 * * * *"), single], NOON, FireCache(UTC))
    assert len(slots) == 3
    chosen = choose_start(slots)
    assert chosen is not None
    assert chosen.entry is single
    assert choose_start([]) is None


def test_spring_forward_skips_a_slot_that_does_not_exist() -> None:
    fires = FireCache(BERLIN)
    start = at("2027-03-28T00:00:00", BERLIN)
    ticks = [start + n * MINUTE_MS for n in range(24 * 60)]
    assert not [t for t in ticks if due_slots([cron("30 2 * * *")], t, fires)]
    assert len([t for t in ticks if due_slots([cron("0 * * * *")], t, fires)]) == 24


def test_fall_back_fires_twice() -> None:
    fires = FireCache(BERLIN)
    start = at("2026-10-25T00:00:00", BERLIN)
    ticks = [start + n * MINUTE_MS for n in range(24 * 60)]
    assert len([t for t in ticks if due_slots([cron("30 2 * * *")], t, fires)]) == 2


@settings(max_examples=100, deadline=None)
@given(
    text=st.sampled_from(["* * * * *", "*/7 3-5 * * *", "0 0 1 * *", "15 */5 * * 1-5"]),
    steps=st.lists(st.integers(1, 3000), max_size=30),
)
def test_cached_fire_times_equal_searched_ones(text: str, steps: list[int]) -> None:
    fires, now = FireCache(BERLIN), NOON
    for step in steps:
        found = next_fire(parse_cron(text), dt.datetime.fromtimestamp(now / 1000, UTC), BERLIN)
        assert fires.next_after(parse_cron(text), now) == (found and to_ms(found))
        now += step * 1000


def test_cache_is_bounded_and_survives_a_backward_clock() -> None:
    fires = FireCache(UTC, limit=3)
    for minute in range(10):
        assert fires.next_after(parse_cron(f"{minute} 12 * * *"), NOON - 1) is not None
    assert fires.next_after(parse_cron("9 12 * * *"), NOON - 86_400_000) == NOON - 86_400_000 + (
        9 * MINUTE_MS
    )


# -- missed slots


def test_missed_slots_exclude_both_ends() -> None:
    entry = cron("*/5 * * * *")
    slots = missed_between([entry], NOON, NOON + 15 * MINUTE_MS, FireCache(UTC), 100)
    assert [slot.slot_ms for slot in slots] == [NOON + 5 * MINUTE_MS, NOON + 10 * MINUTE_MS]


def test_missed_slots_keep_the_newest_even_after_years() -> None:
    slots = missed_between(
        [cron("* * * * *"), cron("0 0 * * *")], 0, NOON, FireCache(UTC), limit=50
    )
    assert len(slots) == 50
    assert slots[-1].slot_ms == NOON - MINUTE_MS
    assert slots[0].slot_ms == NOON - 50 * MINUTE_MS


def test_a_rare_slot_is_found_far_back() -> None:
    slots = missed_between(
        [cron("0 0 1 1 *")], at("2025-06-01T00:00:00"), NOON, FireCache(UTC), 100
    )
    assert [slot.slot_ms for slot in slots] == [at("2026-01-01T00:00:00")]


# -- guards


def run(status: RunStatus = RunStatus.SUCCEEDED, **times: int) -> LatestRun:
    return LatestRun(status=status, **times)


def test_slot_is_served_by_the_run_of_that_slot() -> None:
    slot = Slot(cron("* * * * *"), NOON)
    assert is_served_by(slot, run(schedule_ms=NOON), UTC)
    assert not is_served_by(slot, run(schedule_ms=NOON - MINUTE_MS), UTC)
    assert not is_served_by(slot, None, UTC)


def test_a_schedule_time_of_another_entry_does_not_count() -> None:
    slot = Slot(cron("0 * * * *"), NOON)
    assert not is_served_by(slot, run(schedule_ms=NOON + 5 * MINUTE_MS), UTC)


def test_a_run_by_hand_in_the_same_minute_serves_the_slot() -> None:
    slot = Slot(cron("* * * * *"), NOON)
    assert is_served_by(slot, run(started_ms=NOON + 1), UTC)
    assert not is_served_by(slot, run(started_ms=NOON - 1), UTC)
    assert not is_served_by(slot, run(started_ms=NOON + 1, queued_ms=NOON - 60_000), UTC)


def test_previous_fire() -> None:
    assert previous_fire_ms(parse_cron("* * * * *"), NOON, UTC) == NOON - MINUTE_MS
    assert previous_fire_ms(parse_cron("0 3 * * *"), NOON, UTC) == at("2026-09-01T03:00:00")
    assert previous_fire_ms(parse_cron("0 0 1 * *"), NOON, UTC) == at("2026-09-01T00:00:00")
    assert previous_fire_ms(parse_cron("0 0 1 1 *"), NOON, UTC) is None


def test_skip_if_successful_runs_every_second_slot() -> None:
    entry = cron("0 * * * *")
    hour = 60 * MINUTE_MS
    success = run(schedule_ms=NOON, started_ms=NOON, finished_ms=NOON + 1000)
    assert is_success_fresh(Slot(entry, NOON + hour), success, UTC, None)
    assert not is_success_fresh(Slot(entry, NOON + 2 * hour), success, UTC, None)


def test_a_success_before_the_edit_or_a_failure_does_not_skip() -> None:
    slot = Slot(cron("0 * * * *"), NOON + 60 * MINUTE_MS)
    success = run(schedule_ms=NOON, finished_ms=NOON + 1000)
    assert not is_success_fresh(slot, success, UTC, NOON + 2000)
    failed = run(RunStatus.FAILED, schedule_ms=NOON, finished_ms=NOON + 1000)
    assert not is_success_fresh(slot, failed, UTC, None)


def test_one_off_run_id_is_the_same_everywhere() -> None:
    slot = Slot(once("2026-09-01T14:00:00+02:00"), NOON)
    run_id = one_off_run_id("backup", slot)
    assert run_id == one_off_run_id("backup", slot)
    assert run_id.startswith("oneoff-")
    assert run_id.endswith("-20260901T120000")
    assert len(run_id) == len("oneoff-") + 12 + len("-20260901T120000")
    assert run_id != one_off_run_id("other", slot)


def test_fingerprint_changes_with_the_schedule_and_not_with_its_order() -> None:
    one, two = cron("0 1 * * *"), cron("0 2 * * *")
    mark = schedule_fingerprint(Schedule(start=(one, two)), skip_if_successful=False)
    assert mark == schedule_fingerprint(Schedule(start=(two, one)), skip_if_successful=False)
    assert mark != schedule_fingerprint(Schedule(start=(one,)), skip_if_successful=False)
    assert mark != schedule_fingerprint(Schedule(start=(one, two)), skip_if_successful=True)
