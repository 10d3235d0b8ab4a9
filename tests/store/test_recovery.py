from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.core.ids import RunRef
from edge.core.status import NodeStatus, RunStatus
from edge.store import ActiveRun, HostIdentity, RunFilter, Store
from edge.store.recovery import STALE_LOCAL_ERROR, fail_record, plan_recovery
from edge.store.view import as_seen
from tests.store.support import HOST, SNAPSHOT, T0, end_node, make_record, start_node

LATER = T0 + 60_000


def nobody(_pid: int, _started_ms: int) -> bool:
    return False


def only_host(pid: int, started_ms: int) -> bool:
    return (pid, started_ms) == (HOST.pid, HOST.proof_ms)


def active(status: RunStatus = RunStatus.RUNNING, **changes: object) -> ActiveRun:
    values: dict[str, object] = {
        "ref": RunRef("pump", "r1"),
        "attempt_id": "aaaaaa",
        "attempt_row": 1,
        "status": status,
        "pid": 4242,
        "pid_started_ms": 70_000,
        "boot_id": "boot-a",
    }
    return ActiveRun(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "run, dead",
    [
        (active(), False),
        (active(boot_id="boot-0"), True),
        (active(pid=4243), True),
        (active(pid_started_ms=70_010), True),
        (active(RunStatus.NOT_STARTED, pid=1), True),
        (active(RunStatus.QUEUED, pid=1), False),
        (active(RunStatus.WAITING, pid=1), False),
    ],
)
def test_only_what_is_provably_dead_is_recovered(run: ActiveRun, dead: bool) -> None:
    plan = plan_recovery([run], "boot-a", only_host, LATER)
    assert [change.error for change in plan] == ([STALE_LOCAL_ERROR] if dead else [])


def test_unfinished_nodes_fail_and_finished_ones_stay() -> None:
    record = make_record(steps=10)
    for node, status in zip(record.nodes, NodeStatus, strict=True):
        node.status = status
    record.nodes[NodeStatus.RUNNING].pgid = 5
    failed = fail_record(record, STALE_LOCAL_ERROR, LATER)
    changed = {NodeStatus(i) for i, n in enumerate(failed.nodes) if n.error == STALE_LOCAL_ERROR}
    assert changed == {
        NodeStatus.NOT_STARTED,
        NodeStatus.RUNNING,
        NodeStatus.WAITING,
        NodeStatus.RETRYING,
    }
    assert all(failed.nodes[status].status is NodeStatus.FAILED for status in changed)
    assert failed.nodes[NodeStatus.RUNNING].pgid is None
    assert failed.handlers["onExit"].status is NodeStatus.NOT_STARTED
    assert (failed.status, failed.error, failed.finished_ms) == (
        RunStatus.FAILED,
        STALE_LOCAL_ERROR,
        LATER,
    )
    assert record.status is RunStatus.RUNNING
    assert record.nodes[NodeStatus.RUNNING].pgid == 5


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path / "edge.db")
    record = make_record()
    attempt = store.begin_attempt(record, SNAPSHOT, HOST, new_run=True)
    start_node(record, 0)
    end_node(record, 0)
    start_node(record, 1, pgid=77)
    store.write_nodes(attempt, record, ["0", "1"])
    yield store
    store.close()


def test_a_look_shows_what_recovery_records(store: Store) -> None:
    ref = RunRef("pump", "r1")
    before, summary = store.load_record(ref), store.summary_of(ref)
    assert before is not None
    assert summary is not None
    assert as_seen(before, HOST, only_host) is before
    assert as_seen(summary, HOST, only_host) is summary
    seen = as_seen(before, HOST, nobody, now_ms=LATER)
    line = as_seen(summary, HOST, nobody, now_ms=LATER)
    stored = store.load_record(ref)
    assert stored is not None
    assert stored.status is RunStatus.RUNNING
    assert store.recover(HOST, LATER, nobody) == [ref]
    after = store.load_record(ref)
    assert after is not None
    assert after.to_json() == seen.to_json()
    assert [node.status.word for node in after.nodes] == ["succeeded", "failed"]
    assert store.find_runs(RunFilter()) == [line]
    assert store.recover(HOST, LATER, nobody) == []


def test_a_reboot_ends_every_run_whatever_lives_now(store: Store) -> None:
    other_boot = HostIdentity("boot-b", 1, 1, 1)
    assert store.process_groups_of_dead_runs(other_boot, only_host) == []
    assert store.recover(other_boot, LATER, only_host) == [RunRef("pump", "r1")]


def test_nothing_happens_to_a_live_run(store: Store) -> None:
    assert store.recover(HOST, LATER, only_host) == []
    assert store.process_groups_of_dead_runs(HOST, only_host) == []


def test_groups_that_a_dead_engine_left_are_named(store: Store) -> None:
    [group] = store.process_groups_of_dead_runs(HOST, nobody)
    assert (group.ref, group.key, group.pgid, group.boot_id) == (
        RunRef("pump", "r1"),
        "1",
        77,
        "boot-a",
    )


def test_remote_and_queued_runs_are_shown_as_they_are(store: Store) -> None:
    remote = make_record("r2")
    remote.worker_id = "w1"
    store.begin_attempt(remote, SNAPSHOT, None, new_run=True)
    queued = make_record("r3", status=RunStatus.QUEUED)
    store.begin_attempt(queued, SNAPSHOT, None, new_run=True)
    store.recover(HOST, LATER, nobody)
    for record in (remote, queued):
        found, line = store.load_record(record.ref), store.summary_of(record.ref)
        assert found is not None
        assert line is not None
        assert found.status is record.status
        assert as_seen(found, HOST, nobody) is found
        assert as_seen(line, HOST, nobody) is line
    assert as_seen(make_record(), HOST, nobody).status is RunStatus.RUNNING


def test_one_unreadable_run_does_not_stop_the_others(store: Store) -> None:
    store.begin_attempt(make_record("r2"), SNAPSHOT, HOST, new_run=True)
    with store.transaction():
        conn = store.connection()
        conn.execute("UPDATE attempts SET trigger = 'x' WHERE id = 1")
    assert store.recover(HOST, LATER, nobody) == [RunRef("pump", "r2")]
    assert store.take_reports()
