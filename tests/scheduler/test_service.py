"""The scheduler at work: real store, a clock that the test moves (spec 30 sections 3.3 to 3.6)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import trio
import trio.testing

from edge.core.errors import UserError
from edge.core.status import RunStatus
from edge.store import Snapshot, Store
from edge.store.host import boot_id
from edge.store.types import HostIdentity
from edge.workflow.cron import parse_cron
from edge.workflow.model import DAG, Schedule, ScheduleEntry
from tests.scheduler.support import MINUTE, NOON, Bench, bench, dag, start

T = trio.testing.MockClock


async def test_first_tick_is_now_and_each_minute_follows(tmp_path: Path, mock_clock: T) -> None:
    async with bench(tmp_path, mock_clock, dag("a", "* * * * *")) as b:
        assert b.launched == [("a", 0)]
        await b.pass_minutes(3)
        assert b.launched == [("a", n) for n in range(4)]
        assert len(set(b.run_ids)) == 4


async def test_nothing_fires_between_slots(tmp_path: Path, mock_clock: T) -> None:
    async with bench(tmp_path, mock_clock, dag("a", "*/5 * * * *"), now_ms=NOON + MINUTE) as b:
        await b.pass_minutes(3)
        assert b.launched == []
        await b.pass_minutes(1)
        assert b.launched == [("a", 5)]


async def test_a_start_within_a_served_minute_fires_no_second_time(
    tmp_path: Path, mock_clock: T
) -> None:
    """Two schedulers after one another in one minute, or a take-over: one run."""
    for expected in (1, 1):
        async with bench(tmp_path, mock_clock, dag("a", "* * * * *")) as b:
            assert len(b.store.served_slots("a")) == expected
    # The run is removed by hand, the claim stays.
    async with bench(tmp_path, mock_clock, dag("a", "* * * * *"), dag("b", "* * * * *")) as b:
        assert [name for name, _ in b.launched] == ["b"]


async def test_a_claim_alone_is_enough_to_not_fire_again(tmp_path: Path, mock_clock: T) -> None:
    def claimed(b: Bench) -> None:
        assert b.store.claim_slot("a", "cron:* * * * *", NOON, "lost", "start")

    async with bench(tmp_path, mock_clock, dag("a", "* * * * *"), before=claimed) as b:
        assert b.launched == []
        await b.pass_minutes(1)
        assert b.launched == [("a", 1)]


async def test_a_busy_dag_skips_and_records_the_slot(tmp_path: Path, mock_clock: T) -> None:
    def busy(b: Bench) -> None:
        b.record("a", "r1", status=RunStatus.RUNNING, started_ms=NOON - 3 * MINUTE)

    async with bench(tmp_path, mock_clock, dag("a", "* * * * *"), before=busy) as b:
        await b.pass_minutes(1)
        assert b.launched == []
        assert b.missed("a") == [(0, "busy"), (1, "busy")]


async def test_a_dead_run_is_not_busy_and_gets_recorded(tmp_path: Path, mock_clock: T) -> None:
    def dead(b: Bench) -> None:
        ref = b.record("a", "r1", status=RunStatus.RUNNING, started_ms=NOON - 3 * MINUTE)
        record = b.store.load_record(ref)
        assert record is not None
        record.run_id, record.attempt_id = "r2", "bbbbbb"
        record.root = None
        record.attempt_key = ""
        gone = HostIdentity(boot_id(), 2**22 - 1, 1, 1)
        b.store.begin_attempt(record, Snapshot("steps: []"), gone, new_run=True)
        done = b.store.load_record(ref)
        assert done is not None
        done.status = RunStatus.SUCCEEDED
        assert b.store.finish(done.attempt_row, done)

    async with bench(tmp_path, mock_clock, dag("a", "* * * * *"), before=dead) as b:
        assert b.launched == [("a", 0)]
        from edge.core.ids import RunRef

        record = b.store.load_record(RunRef("a", "r2"))
        assert record is not None
        assert record.status is RunStatus.FAILED


async def test_a_run_by_hand_in_the_minute_serves_the_slot(tmp_path: Path, mock_clock: T) -> None:
    def by_hand(b: Bench) -> None:
        b.record("a", "r1", status=RunStatus.SUCCEEDED, started_ms=NOON + 1)

    async with bench(tmp_path, mock_clock, dag("a", "* * * * *"), before=by_hand) as b:
        assert b.launched == []
        assert b.missed("a") == []


async def test_schedules_of_a_runtime_profile_are_not_served(tmp_path: Path, mock_clock: T) -> None:
    """spec 30 section 3.1"""
    cron = parse_cron("* * * * *")
    schedule = Schedule(start=(ScheduleEntry(cron=cron, profile="winter"),))
    async with bench(tmp_path, mock_clock, DAG(name="a", schedule=schedule)) as b:
        await b.pass_minutes(1)
        assert b.launched == []
        assert b.missed("a") == [(0, "profile"), (1, "profile")]
        refusal = "Schedule skipped: runtime profiles are not available in this build of edge"
        assert b.said(refusal) == 1


async def test_suspended_slots_are_recorded_and_not_run(tmp_path: Path, mock_clock: T) -> None:
    item = dag("a", "* * * * *")
    async with bench(tmp_path, mock_clock, item, suspended=True) as b:
        assert b.launched == []
        assert b.missed("a") == [(0, "suspended")]
        b.catalog.put(item)
        await b.pass_minutes(1)
        assert b.launched == [("a", 1)]


async def test_skip_if_successful(tmp_path: Path, mock_clock: T) -> None:
    item = dag("a", "* * * * *", skip_if_successful=True)
    async with bench(tmp_path, mock_clock, item) as b:
        await b.pass_minutes(4)
        assert [slot for _, slot in b.launched] == [0, 2, 4]
        assert b.said("Skipping run due to successful prior run") == 2


async def test_one_start_per_dag_and_tick(tmp_path: Path, mock_clock: T) -> None:
    async with bench(tmp_path, mock_clock, dag("a", "* * * * *", "0 * * * *")) as b:
        assert b.launched == [("a", 0)]


# -- the clock


async def test_a_short_stall_is_replayed(tmp_path: Path, mock_clock: T) -> None:
    names = [dag(name, f"{minute} * * * *") for name, minute in (("a", 1), ("b", 2), ("c", 3))]
    async with bench(tmp_path, mock_clock, *names) as b:
        await b.pass_minutes(3, wall_minutes=3)
        assert sorted(b.launched) == [("a", 1), ("b", 2), ("c", 3)]


async def test_a_jump_of_a_year_fires_once_and_is_recorded_as_clock(
    tmp_path: Path, mock_clock: T
) -> None:
    async with bench(tmp_path, mock_clock, dag("a", "0 * * * *")) as b:
        b.launched.clear()
        await b.pass_minutes(1, wall_minutes=365 * 24 * 60)
        assert b.launched == [("a", 365 * 24 * 60)]
        missed = b.missed("a")
        assert len(missed) == 100
        assert {reason for _, reason in missed} == {"clock"}
        await b.pass_minutes(60)
        assert len(b.launched) == 2


async def test_a_machine_that_slept_missed_slots_by_downtime(tmp_path: Path, mock_clock: T) -> None:
    async with bench(tmp_path, mock_clock, dag("a", "*/10 * * * *")) as b:
        b.launched.clear()
        await b.pass_minutes(60, wall_minutes=60)
        assert b.launched == [("a", 60)]
        assert b.missed("a") == [(n, "downtime") for n in (10, 20, 30, 40, 50)]


async def test_a_backward_clock_waits_and_fires_nothing_twice(
    tmp_path: Path, mock_clock: T
) -> None:
    async with bench(tmp_path, mock_clock, dag("a", "* * * * *")) as b:
        await b.pass_minutes(2)
        await b.pass_minutes(1, wall_minutes=-60)
        assert b.said("Schedules wait: clock not trusted") == 1
        await b.pass_minutes(59)
        assert [slot for _, slot in b.launched] == [0, 1, 2]
        await b.pass_minutes(3)
        assert [slot for _, slot in b.launched] == [0, 1, 2, 3, 4]
        assert b.said("Clock trusted again, schedules go on") == 1


async def test_a_board_that_boots_in_1970_waits_for_its_clock(
    tmp_path: Path, mock_clock: T
) -> None:
    item = dag("a", "* * * * *")
    async with bench(tmp_path, mock_clock, item, now_ms=30_000, plausible_since_ms=NOON) as b:
        await b.pass_minutes(5)
        assert b.launched == []
        b.wall.value_ms = NOON
        await b.pass_minutes(0.2, wall_minutes=0.2)
        assert b.launched == [("a", 0)]


# -- downtime


async def test_slots_of_the_downtime_are_recorded_and_logged(tmp_path: Path, mock_clock: T) -> None:
    item = dag("a", "*/10 * * * *")
    async with bench(tmp_path, mock_clock, item) as b:
        await b.pass_minutes(5)
    async with bench(tmp_path, mock_clock, item, now_ms=NOON + 35 * MINUTE) as b:
        assert b.launched == []
        assert b.missed("a") == [(10, "downtime"), (20, "downtime"), (30, "downtime")]
        assert b.said("Slots missed") == 1
        assert b.said("catchup will not run: it needs queues, which are not available yet") == 0


async def test_catchup_says_that_it_is_not_there_yet(tmp_path: Path, mock_clock: T) -> None:
    item = dag("a", "*/10 * * * *", catchup_window_s=900.0)
    async with bench(tmp_path, mock_clock, item):
        pass
    async with bench(tmp_path, mock_clock, item, now_ms=NOON + 35 * MINUTE) as b:
        assert b.missed("a") == [(10, "window"), (20, "downtime"), (30, "downtime")]
        assert b.said("catchup will not run: it needs queues, which are not available yet") == 1


async def test_a_first_start_ever_has_missed_nothing(tmp_path: Path, mock_clock: T) -> None:
    async with bench(tmp_path, mock_clock, dag("a", "*/10 * * * *", catchup_window_s=9e5)) as b:
        assert b.missed("a") == []


async def test_slots_before_the_file_was_written_are_not_missed(
    tmp_path: Path, mock_clock: T
) -> None:
    item = dag("a", "*/10 * * * *")
    async with bench(tmp_path, mock_clock, item):
        pass

    def written_later(b: Bench) -> None:
        b.catalog.put(item, changed_ms=NOON + 25 * MINUTE)

    later = NOON + 35 * MINUTE
    async with bench(tmp_path, mock_clock, item, now_ms=later, before=written_later) as b:
        assert b.missed("a") == [(30, "downtime")]


# -- one-offs

AT = "2026-09-01T12:02:00+00:00"


async def test_a_one_off_fires_once_with_a_fixed_run_id(tmp_path: Path, mock_clock: T) -> None:
    async with bench(tmp_path, mock_clock, dag("a", AT)) as b:
        await b.pass_minutes(5)
        assert b.launched == [("a", 2)]
        assert b.run_ids[0].startswith("oneoff-")
        assert b.run_ids[0].endswith("-20260901T120200")
    async with bench(tmp_path, mock_clock, dag("a", AT), now_ms=NOON + 9 * MINUTE) as b:
        assert b.launched == []


async def test_a_one_off_first_seen_in_the_past_never_runs(tmp_path: Path, mock_clock: T) -> None:
    for _ in range(2):
        async with bench(tmp_path, mock_clock, dag("a", AT), now_ms=NOON + 9 * MINUTE) as b:
            await b.pass_minutes(2)
            assert b.launched == []


async def test_a_pending_one_off_fires_after_downtime(tmp_path: Path, mock_clock: T) -> None:
    async with bench(tmp_path, mock_clock, dag("a", AT)) as b:
        assert b.launched == []
    async with bench(tmp_path, mock_clock, dag("a", AT), now_ms=NOON + 99 * MINUTE) as b:
        assert b.launched == [("a", 2)]


async def test_a_one_off_waits_while_its_dag_runs(tmp_path: Path, mock_clock: T) -> None:
    def busy(b: Bench) -> None:
        b.record("a", "r1", status=RunStatus.RUNNING, started_ms=NOON)

    async with bench(tmp_path, mock_clock, dag("a", AT), before=busy) as b:
        await b.pass_minutes(4)
        assert b.launched == []
        assert b.missed("a") == []
        from edge.core.ids import RunRef

        record = b.store.load_record(RunRef("a", "r1"))
        assert record is not None
        record.status = RunStatus.SUCCEEDED
        b.store.finish(record.attempt_row, record)
        await b.pass_minutes(1)
        assert b.launched == [("a", 2)]


# -- the rest


async def test_stop_schedule_stops_a_running_run_only(tmp_path: Path, mock_clock: T) -> None:
    def busy(b: Bench) -> None:
        b.record("a", "r1", status=RunStatus.RUNNING, started_ms=NOON)
        b.record("b", "r2", status=RunStatus.SUCCEEDED, started_ms=NOON)

    items = dag("a", stop=["* * * * *"]), dag("b", stop=["* * * * *"])
    async with bench(tmp_path, mock_clock, *items, before=busy) as b:
        assert [str(ref) for ref in b.stopped] == ["a:r1"]


@pytest.mark.parametrize("fault", [UserError("no space left"), ValueError("a bug")])
async def test_a_failing_launch_is_logged_and_the_loop_goes_on(
    tmp_path: Path, mock_clock: T, fault: Exception
) -> None:
    def broken(b: Bench) -> None:
        b.fault = fault

    async with bench(tmp_path, mock_clock, dag("a", "* * * * *"), before=broken) as b:
        assert b.said("Scheduled run failed to start") == 1
        b.fault = None
        await b.pass_minutes(1)
        assert b.launched == [("a", 1)]


async def test_a_second_scheduler_waits_and_takes_over(tmp_path: Path, mock_clock: T) -> None:
    async with bench(tmp_path, mock_clock, dag("a", "* * * * *")) as b:
        assert b.scheduler is not None
        first, store = b.scheduler, b.store
        async with trio.open_nursery() as nursery:
            await start(b, nursery)
            assert b.scheduler is not first
            assert not b.scheduler.is_leader
            assert b.said("Scheduler waits: another one leads") == 1
            assert [row.slot_ms for row in store.served_slots("a")] == [NOON]
            nursery.cancel_scope.cancel()
        assert first.is_leader


async def test_an_idle_scheduler_writes_nothing(tmp_path: Path, mock_clock: T) -> None:
    """A tick on which nothing is due must not reach the flash."""
    async with bench(tmp_path, mock_clock, dag("a", "0 0 1 1 *")) as b:
        before = changes(b.store)
        await b.pass_minutes(30)
        assert changes(b.store) == before


def changes(store: Store) -> tuple[int, int]:
    stat = os.stat(f"{store.path}-wal")
    return stat.st_size, stat.st_mtime_ns


async def test_served_slots_are_forgotten_after_two_days(tmp_path: Path, mock_clock: T) -> None:
    async with bench(tmp_path, mock_clock, dag("a", "0 12 * * *")) as b:
        for _ in range(4):
            await b.pass_minutes(24 * 60, wall_minutes=24 * 60)
        assert len(b.launched) == 5
        assert len(b.store.served_slots("a")) == 3


async def test_a_stop_does_not_cut_off_a_claimed_start(tmp_path: Path, mock_clock: T) -> None:
    """Cancelled between claim and launch, the run is still started."""
    claimed = trio.Event()

    def slow_claim(b: Bench) -> None:
        commit = b.writer.commit

        async def patched(fn: Callable[[Store], object]) -> object:
            result = await commit(fn)
            claimed.set()
            return result

        b.writer.commit = patched  # type: ignore[method-assign,assignment]

    async with bench(tmp_path, mock_clock, dag("a", "0 * * * *"), now_ms=NOON - MINUTE) as b:
        assert b.launched == []
        slow_claim(b)
        b.wall.value_ms = NOON
        mock_clock.jump(60)
        await claimed.wait()
        assert b.scope is not None
        b.scope.cancel()
        await b.settle()
        assert b.launched == [("a", 0)]
