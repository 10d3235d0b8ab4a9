from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.core.status import NodeStatus, RunStatus
from edge.store import HostIdentity, RunFilter, Store
from edge.store.reads import _plan_query
from tests.store.support import HOST, SNAPSHOT, T0, make_record, start_node


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path / "edge.db")
    yield store
    store.close()


def fill(store: Store) -> None:
    """r0 .. r5, the even ones of pump, the odd ones of valve; every third has failed."""
    for number in range(6):
        record = make_record(
            f"r{number}",
            name="valve" if number % 2 else "pump",
            created_ms=T0 + number * 1000,
        )
        record.labels = ["all", f"n{number % 3}"]
        attempt = store.begin_attempt(record, SNAPSHOT, HOST, new_run=True)
        record.status = RunStatus.FAILED if number % 3 == 0 else RunStatus.SUCCEEDED
        store.finish(attempt, record)


@pytest.mark.parametrize(
    "query, expected",
    [
        (RunFilter(), "543210"),
        (RunFilter(limit=2), "54"),
        (RunFilter(limit=0), "543210"),
        (RunFilter(name="pump"), "420"),
        (RunFilter(name="pum"), ""),
        (RunFilter(name_contains="ALV"), "531"),
        (RunFilter(name_contains="nothing"), ""),
        (RunFilter(statuses=(RunStatus.FAILED,)), "30"),
        (RunFilter(statuses=(RunStatus.FAILED, RunStatus.SUCCEEDED), limit=1), "5"),
        (RunFilter(statuses=(RunStatus.RUNNING,)), ""),
        (RunFilter(since_ms=T0 + 3000), "543"),
        (RunFilter(until_ms=T0 + 3000), "3210"),
        (RunFilter(since_ms=T0 + 1000, until_ms=T0 + 2000, name="pump"), "2"),
        (RunFilter(run_id_contains="4"), "4"),
        (RunFilter(labels=("all",)), "543210"),
        (RunFilter(labels=("n1", "all"), limit=1), "4"),
        (RunFilter(labels=("n1",), name="valve"), "1"),
    ],
)
def test_find_runs(store: Store, query: RunFilter, expected: str) -> None:
    fill(store)
    assert "".join(run.run_id[1:] for run in store.find_runs(query)) == expected


@pytest.mark.parametrize(
    "query",
    [
        RunFilter(),
        RunFilter(name="pump"),
        RunFilter(name_contains="pum"),
        RunFilter(statuses=(RunStatus.FAILED,)),
        RunFilter(since_ms=T0, until_ms=T0 + 9),
        RunFilter(name="pump", since_ms=T0, run_id_contains="r", labels=("all",)),
    ],
)
def test_a_list_of_runs_neither_scans_nor_sorts(store: Store, query: RunFilter) -> None:
    fill(store)
    conn = store.connection()
    plan = _plan_query(conn, query)
    assert plan is not None
    steps = [row[3] for row in conn.execute(f"EXPLAIN QUERY PLAN {plan[0]}", plan[1])]
    assert not [step for step in steps if "SCAN" in step or "TEMP B-TREE" in step], steps
    assert steps[0].startswith("SEARCH r"), steps


@pytest.mark.parametrize("name", ["", "pump"])
def test_a_list_of_active_runs_does_not_walk_through_history(store: Store, name: str) -> None:
    fill(store)
    store.begin_attempt(make_record("live"), SNAPSHOT, HOST, new_run=True)
    store.begin_attempt(make_record("other", name="fan"), SNAPSHOT, HOST, new_run=True)
    query = RunFilter(name=name, statuses=(RunStatus.RUNNING, RunStatus.QUEUED), limit=20)
    conn = store.connection()
    plan = _plan_query(conn, query)
    assert plan is not None
    steps = [row[3] for row in conn.execute(f"EXPLAIN QUERY PLAN {plan[0]}", plan[1])]
    assert not [step for step in steps if "SCAN" in step or "runs_by_dag" in step], steps
    assert any("attempts_active" in step for step in steps), steps
    found = [run.run_id for run in store.find_runs(query)]
    assert found == (["live"] if name else ["other", "live"])


def test_the_search_for_active_runs_uses_the_small_index(store: Store) -> None:
    from edge.store.reads import _ACTIVE_SQL

    steps = [row[3] for row in store.connection().execute(f"EXPLAIN QUERY PLAN {_ACTIVE_SQL}")]
    assert "attempts_active" in steps[0], steps
    assert not [step for step in steps if "SCAN" in step]


def test_the_order_holds_when_the_clock_goes_back(store: Store) -> None:
    for run_id, created in (("a", T0), ("b", 5), ("c", T0), ("d", T0 + 9000)):
        record = make_record(run_id, created_ms=created)
        store.begin_attempt(record, SNAPSHOT, HOST, new_run=True)
    assert [run.run_id for run in store.find_runs(RunFilter())] == ["d", "c", "b", "a"]
    assert [run.run_id for run in store.find_runs(RunFilter(since_ms=T0))] == ["d", "c", "a"]
    assert [run.created_ms for run in store.find_runs(RunFilter(until_ms=10))] == [5]


def test_a_summary_tells_what_the_record_tells(store: Store) -> None:
    record = make_record()
    record.labels, record.error, record.queued_ms = ["x=y"], "why", T0 - 5
    record.schedule_time, record.worker_id = "2026-05-28T20:26:40Z", ""
    store.begin_attempt(record, SNAPSHOT, HOST, new_run=True)
    summary = store.summary_of(record.ref)
    assert summary is not None
    assert store.find_runs(RunFilter()) == [summary]
    for name in (
        "name", "run_id", "attempt_id", "status", "created_ms", "queued_ms", "started_ms",
        "finished_ms", "worker_id", "trigger_type", "params", "error", "schedule_time",
    ):  # fmt: skip
        assert getattr(summary, name) == getattr(record, name), name
    assert summary.labels == ("x=y",)
    assert (summary.boot_id, summary.pid, summary.pid_started_ms) == ("boot-a", 4242, 70_000)


def test_a_run_is_listed_once_with_its_latest_attempt(store: Store) -> None:
    store.begin_attempt(make_record("r1"), SNAPSHOT, HOST, new_run=True)
    store.begin_attempt(make_record("r2", created_ms=T0 + 1), SNAPSHOT, HOST, new_run=True)
    retry = make_record("r1", attempt_id="bbbbbb", created_ms=T0 + 2)
    store.begin_attempt(retry, SNAPSHOT, HOST, new_run=False)
    found = [(run.run_id, run.attempt_id) for run in store.find_runs(RunFilter())]
    assert found == [("r2", "aaaaaa"), ("r1", "bbbbbb")]
    latest = store.latest_record("pump")
    assert latest is not None
    assert latest.run_id == "r2"


def test_latest_by_dag(store: Store) -> None:
    fill(store)
    store.set_watermark("never-run", T0)
    found = {name: run.run_id for name, run in store.latest_by_dag().items()}
    assert found == {"pump": "r4", "valve": "r5"}


def test_nothing_is_found_in_an_empty_store(store: Store) -> None:
    ref = make_record().ref
    assert store.load_record(ref) is None
    assert store.latest_record("pump") is None
    assert store.snapshot_of(ref) is None
    assert store.summary_of(ref) is None
    assert store.attempt_row(ref) is None
    assert store.latest_by_dag() == {}


def test_the_last_contact_with_a_worker_is_told(store: Store) -> None:
    record = make_record()
    record.worker_id = "w1"
    attempt = store.begin_attempt(record, SNAPSHOT, None, new_run=True)
    store.set_contact(attempt, T0 + 7)
    summary = store.summary_of(record.ref)
    assert summary is not None
    assert summary.last_contact_ms == T0 + 7


def test_active_local_runs(store: Store) -> None:
    def begin(run_id: str, status: RunStatus, host: HostIdentity | None, worker: str) -> None:
        record = make_record(run_id, status=status)
        record.worker_id = worker
        record.proc_group = "queue"
        store.begin_attempt(record, SNAPSHOT, host, new_run=True)

    begin("local", RunStatus.RUNNING, HOST, "local")
    begin("remote", RunStatus.RUNNING, None, "w1")
    begin("queued", RunStatus.QUEUED, None, "")
    begin("done", RunStatus.SUCCEEDED, HOST, "local")
    store.begin_attempt(make_record("old"), SNAPSHOT, HOST, new_run=True)
    store.begin_attempt(
        make_record("old", attempt_id="bbbbbb", status=RunStatus.ABORTED),
        SNAPSHOT,
        HOST,
        new_run=False,
    )
    [run] = store.active_local_runs()
    assert (run.ref.run_id, run.pid, run.pid_started_ms) == ("local", 4242, 70_000)
    assert (run.boot_id, run.group, run.started_ms) == ("boot-a", "queue", T0)
    assert store.active_local_runs("pump") == [run]
    assert store.active_local_runs("valve") == []


def test_an_unreadable_node_does_not_hide_the_others(store: Store) -> None:
    record = make_record(steps=3)
    attempt = store.begin_attempt(record, SNAPSHOT, HOST, new_run=True)
    for key in range(3):
        start_node(record, key)
        record.nodes[key].output_variables = {"A": "A=1"}
    store.write_nodes(attempt, record, ["0", "1", "2"])
    with store.transaction():
        store.connection().execute("UPDATE nodes SET vars = '{' WHERE key = 1")
    found = store.load_record(record.ref)
    assert found is not None
    assert [node.name for node in found.nodes] == ["s0", "s1", "s2"]
    assert found.nodes[1].status is NodeStatus.NOT_STARTED
    assert found.nodes[2] == record.nodes[2]
    [report] = store.take_reports()
    assert "node 1 of pump:r1 attempt aaaaaa" in report
    assert store.take_reports() == []


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE attempts SET doc = '[' WHERE id = 1",
        "UPDATE attempts SET doc = '[]' WHERE id = 1",
        "UPDATE attempts SET doc = '{\"root\":5}' WHERE id = 1",
        "UPDATE attempts SET labels = '{}' WHERE id = 1",
        "UPDATE blobs SET data = x'00'",
        "UPDATE attempts SET snapshot = NULL, steps = NULL WHERE id = 1",
    ],
)
def test_members_that_cannot_be_read_leave_the_rest(store: Store, damage: str) -> None:
    store.begin_attempt(make_record("r1"), SNAPSHOT, HOST, new_run=True)
    with store.transaction():
        store.connection().execute(damage)
    found = store.load_record(make_record("r1").ref)
    assert found is not None
    assert (found.status, found.started_ms) == (RunStatus.RUNNING, T0)
    store.snapshot_of(found.ref)
    assert bool(store.take_reports()) == ("NULL" not in damage)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE attempts SET status = 99 WHERE id = 1",
        "UPDATE attempts SET labels = 'x' WHERE id = 1",
        "UPDATE attempts SET trigger = 'x' WHERE id = 1",
    ],
)
def test_an_unreadable_run_is_set_aside_in_lists(store: Store, damage: str) -> None:
    store.begin_attempt(make_record("r1"), SNAPSHOT, HOST, new_run=True)
    store.begin_attempt(make_record("r2"), SNAPSHOT, HOST, new_run=True)
    with store.transaction():
        store.connection().execute(damage)
    assert [run.run_id for run in store.find_runs(RunFilter(limit=1))] == ["r2"]
    assert [run.run_id for run in store.find_runs(RunFilter())] == ["r2"]
    assert len(store.take_reports()) == 1
