"""A scheduler over a real store, with a clock that the test moves."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import trio
import trio.testing

from edge.core.clock import format_rfc3339, to_ms
from edge.core.ids import RunRef, attempt_key
from edge.core.record import NodeRecord, RunRecord
from edge.core.status import RunStatus, TriggerType
from edge.scheduler.catalog import CatalogEntry
from edge.scheduler.service import Scheduler
from edge.store import Snapshot, Store
from edge.store.host import this_host
from edge.store.writer import StoreWriter
from edge.workflow.cron import parse_cron
from edge.workflow.model import DAG, Schedule, ScheduleEntry

NOON = to_ms(dt.datetime(2026, 9, 1, 12, 0, tzinfo=dt.UTC))
MINUTE = 60_000


def entry(text: str) -> ScheduleEntry:
    """Return a cron entry, or a one-off for an RFC 3339 text."""
    if "T" in text:
        return ScheduleEntry(at=dt.datetime.fromisoformat(text))
    return ScheduleEntry(cron=parse_cron(text))


def dag(name: str, *start: str, stop: Iterable[str] = (), **members: Any) -> DAG:
    schedule = Schedule(
        start=tuple(entry(text) for text in start), stop=tuple(entry(text) for text in stop)
    )
    return DAG(name=name, schedule=schedule, **members)


class Wall:
    """A wall clock that only the test moves."""

    def __init__(self, now_ms: int) -> None:
        self.value_ms = now_ms

    def now_ms(self) -> int:
        return self.value_ms


class FakeCatalog:
    """Stands for `Catalog`: DAGs that the test sets."""

    def __init__(self) -> None:
        self.found: list[CatalogEntry] = []
        self.version = 0

    def put(self, *dags: DAG, suspended: bool = False, changed_ms: int = 0) -> None:
        self.found = [
            CatalogEntry(
                path=Path(f"/dags/{item.name}.yaml"),
                file_name=item.name,
                dag=item,
                suspended=suspended,
                changed_ms=changed_ms,
            )
            for item in dags
        ]
        self.version += 1

    def entries(self) -> list[CatalogEntry]:
        return self.found

    async def refresh(self) -> bool:
        return False


@dataclass
class Bench:
    """One scheduler under test and what it did."""

    store: Store
    writer: StoreWriter
    catalog: FakeCatalog
    wall: Wall
    clock: trio.testing.MockClock
    data_dir: Path
    launched: list[tuple[str, int]] = field(default_factory=list)
    run_ids: list[str] = field(default_factory=list)
    stopped: list[RunRef] = field(default_factory=list)
    lines: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    #: raised by the next launches
    fault: Exception | None = None
    #: status that a launched run is recorded with
    status: RunStatus = RunStatus.SUCCEEDED
    #: seconds that really passed, as `elapsed` tells
    passed_s: float = 0.0
    scheduler: Scheduler | None = None
    #: cancels the scheduler alone
    scope: trio.CancelScope | None = None

    async def launch(
        self, dag: DAG, *, run_id: str, schedule_time_ms: int, entry: CatalogEntry
    ) -> RunRef | None:
        if self.fault is not None:
            raise self.fault
        self.launched.append((dag.name, (schedule_time_ms - NOON) // MINUTE))
        self.run_ids.append(run_id)
        return self.record(
            dag.name,
            run_id,
            status=self.status,
            started_ms=self.wall.now_ms(),
            schedule_time=format_rfc3339(schedule_time_ms, dt.UTC),
        )

    async def stop(self, ref: RunRef) -> None:
        self.stopped.append(ref)

    def record(self, name: str, run_id: str, **members: Any) -> RunRef:
        """Put a run of this process into the store."""
        ref, host = RunRef(name, run_id), this_host()
        made = RunRecord(
            name=name,
            run_id=run_id,
            attempt_id="abcdef",
            attempt_key=attempt_key(ref, ref, "abcdef"),
            root=ref,
            trigger_type=TriggerType.SCHEDULER,
            worker_id="local",
            pid=host.pid,
            pid_started_ms=host.pid_started_ms,
            nodes=[NodeRecord(step={"name": "a"})],
            created_ms=self.wall.now_ms(),
            log=f"/logs/{name}/x/{run_id}.log",
        )
        for key, value in members.items():
            setattr(made, key, value)
        self.store.begin_attempt(made, Snapshot("steps: []"), host, new_run=True)
        return ref

    def log(self, msg: str, **fields: object) -> None:
        self.lines.append((msg, fields))

    def said(self, msg: str) -> int:
        return sum(1 for line, _ in self.lines if line == msg)

    def missed(self, name: str) -> list[tuple[int, str]]:
        return [
            ((row.slot_ms - NOON) // MINUTE, row.reason)
            for row in reversed(self.store.missed_slots(name))
        ]

    async def pass_minutes(self, count: float = 1, *, wall_minutes: float | None = None) -> None:
        """Let time pass, a minute at a time; the wall clock may show something else."""
        whole = count if wall_minutes is None else wall_minutes
        if wall_minutes is None and count > 1:
            for _ in range(int(count)):
                await self.pass_minutes(1)
            return
        self.wall.value_ms += int(whole * MINUTE)
        self.passed_s += count * 60
        self.clock.jump(count * 60)
        await self.settle()

    async def settle(self) -> None:
        """Wait until every task is blocked and no thread works, then write what was submitted."""
        assert self.scheduler is not None
        limiters = (
            trio.to_thread.current_default_thread_limiter(),
            self.writer._limiter,
            self.scheduler._evaluator._limiter,
        )
        pause = trio.CapacityLimiter(1)
        while True:
            await trio.testing.wait_all_tasks_blocked()
            if not any(limiter.borrowed_tokens for limiter in limiters):
                break
            await trio.to_thread.run_sync(time.sleep, 0.001, limiter=pause)
        await self.writer.flush()


@asynccontextmanager
async def bench(
    tmp_path: Path,
    clock: trio.testing.MockClock,
    *dags: DAG,
    now_ms: int = NOON,
    before: Callable[[Bench], None] | None = None,
    suspended: bool = False,
    plausible_since_ms: int = 0,
) -> AsyncIterator[Bench]:
    """Run a scheduler over these DAGs inside the block; its first tick has been settled."""
    store = Store.open(tmp_path / "data" / "edge.db")
    try:
        async with trio.open_nursery() as nursery:
            writer = StoreWriter(store, 0.25)
            await nursery.start(writer.run)
            found = Bench(store, writer, FakeCatalog(), Wall(now_ms), clock, tmp_path / "data")
            found.catalog.put(*dags, suspended=suspended)
            if before is not None:
                before(found)
            await start(found, nursery, plausible_since_ms)
            yield found
            nursery.cancel_scope.cancel()
    finally:
        store.close()


async def start(found: Bench, nursery: trio.Nursery, plausible_since_ms: int = 0) -> None:
    settings: Any = SimpleNamespace(
        paths=SimpleNamespace(data_dir=found.data_dir, dags_dir="/dags"), tz="UTC"
    )
    log: Any = SimpleNamespace(info=found.log, warning=found.log, error=found.log)
    catalog: Any = found.catalog
    found.scheduler = Scheduler(
        settings,
        found.store,
        found.writer,
        catalog,
        found.launch,
        stop=found.stop,
        host=this_host(),
        clock=found.wall,
        zone=dt.UTC,
        log=log,
        elapsed=lambda: found.passed_s,
        plausible_since_ms=plausible_since_ms,
    )
    await nursery.start(_run_in_scope, found)
    await found.settle()


async def _run_in_scope(found: Bench, *, task_status: trio.TaskStatus[None]) -> None:
    assert found.scheduler is not None
    with trio.CancelScope() as found.scope:
        await found.scheduler.run(task_status=task_status)
