from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from edge.core.ids import RunRef
from edge.store import Store, cluster
from edge.store.cluster import LeaseRow, TaskRow, WorkerRow
from tests.store.support import T0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path / "edge.db")
    yield store
    store.close()


def make_task(run_id: str = "r1", **changes: object) -> TaskRow:
    ref = RunRef("pump", run_id)
    task = TaskRow(run=ref, root=ref, attempt_id="a1", attempt_key=f"k:{run_id}")
    return dataclasses.replace(task, **changes)  # type: ignore[arg-type]


def make_lease(token: str = "t1", **changes: object) -> LeaseRow:
    lease = LeaseRow(
        attempt_key="k:r1",
        run=RunRef("pump", "r1"),
        root=RunRef("pump", "r1"),
        attempt_id="a1",
        worker_id="w1",
        claim_token=token,
        claimed_ms=T0,
        last_ms=T0,
    )
    return dataclasses.replace(lease, **changes)  # type: ignore[arg-type]


def first(tasks: Sequence[TaskRow]) -> TaskRow | None:
    return tasks[0] if tasks else None


def take(store: Store, token: str = "t1", now_ms: int = T0) -> cluster.ClaimRow | None:
    return cluster.take_task(
        store, first, token=token, worker_id="w1", poller_id="p1", now_ms=now_ms
    )


def test_tasks_are_handed_out_in_order(store: Store) -> None:
    task = make_task(selector={"zone": "a", "gpu": ""}, target_worker_id="w9", queue="q")
    first_id = cluster.put_task(store, task, b"\x00one", T0)
    cluster.put_task(store, make_task("r2"), b"two", T0)
    assert cluster.list_pending(store)[0] == dataclasses.replace(task, id=first_id, enqueued_ms=T0)
    one, two, none = take(store, "t1"), take(store, "t2"), take(store, "t3")
    assert one is not None
    assert two is not None
    assert none is None
    assert (one.body, one.token, one.worker_id, one.poller_id) == (b"\x00one", "t1", "w1", "p1")
    assert two.task.run == RunRef("pump", "r2")
    assert cluster.find_claim(store, "t1") == one
    assert cluster.find_claim(store, "other") is None


def test_the_chooser_may_refuse_everything(store: Store) -> None:
    cluster.put_task(store, make_task(), b"", T0)
    none = cluster.take_task(
        store, lambda _tasks: None, token="t", worker_id="w", poller_id="p", now_ms=T0
    )
    assert none is None
    assert len(cluster.list_pending(store)) == 1


def test_a_claim_that_nobody_acknowledged_becomes_pending_as_if_new(store: Store) -> None:
    cluster.put_task(store, make_task("r1"), b"one", T0)
    assert take(store, now_ms=T0 + 10) is not None
    cluster.put_task(store, make_task("r2"), b"two", T0 + 20)
    assert cluster.return_expired_claims(store, T0 + 10, T0 + 40) == 0
    assert cluster.return_expired_claims(store, T0 + 11, T0 + 40) == 1
    assert cluster.find_claim(store, "t1") is None
    waiting = [(task.run.run_id, task.enqueued_ms) for task in cluster.list_pending(store)]
    assert waiting == [("r2", T0 + 20), ("r1", T0 + 40)]


def test_old_pending_tasks_are_deleted_and_claims_are_not(store: Store) -> None:
    cluster.put_task(store, make_task("r1"), b"", T0)
    assert take(store) is not None
    cluster.put_task(store, make_task("r2"), b"", T0)
    cluster.put_task(store, make_task("r3"), b"", T0 + 1)
    assert cluster.expire_pending(store, T0) == []
    assert [task.run.run_id for task in cluster.expire_pending(store, T0 + 1)] == ["r2"]
    assert [task.run.run_id for task in cluster.list_pending(store)] == ["r3"]
    assert cluster.find_claim(store, "t1") is not None


def test_a_claimed_task_cannot_be_deleted(store: Store) -> None:
    number = cluster.put_task(store, make_task(), b"", T0)
    assert take(store) is not None
    assert not cluster.delete_task(store, number)
    other = cluster.put_task(store, make_task("r2"), b"", T0)
    assert cluster.delete_task(store, other)


def test_an_unreadable_selector_matches_nobody(store: Store) -> None:
    number = cluster.put_task(store, make_task(selector={"a": "b"}), b"", T0)
    with store.transaction():
        store.connection().execute("UPDATE tasks SET selector = '{' WHERE id = ?", (number,))
    assert cluster.list_pending(store) == []
    assert take(store) is None
    cluster.expire_pending(store, T0 + 1)
    assert store.connection().execute("SELECT count(*) FROM tasks").fetchone() == (0,)


def test_an_acknowledged_claim_is_a_lease(store: Store) -> None:
    cluster.put_task(store, make_task(), b"", T0)
    take(store)
    outcome = cluster.acknowledge(store, "t1", make_lease())
    assert outcome.granted
    assert cluster.find_claim(store, "t1") is None
    assert cluster.find_lease(store, "k:r1") == outcome.lease == make_lease()
    replay = cluster.acknowledge(store, "t1", make_lease())
    assert (replay.granted, replay.claim, replay.lease) == (False, None, make_lease())


def test_another_grant_of_the_same_attempt_is_in_the_way(store: Store) -> None:
    cluster.put_lease(store, make_lease("older", is_edge=True))
    cluster.put_task(store, make_task(), b"", T0)
    take(store)
    outcome = cluster.acknowledge(store, "t1", make_lease())
    assert not outcome.granted
    assert outcome.lease == make_lease("older", is_edge=True)
    assert cluster.find_claim(store, "t1") is not None


def test_a_lease_keeps_its_identity_and_never_goes_back(store: Store) -> None:
    cluster.put_lease(store, make_lease(last_ms=T0 + 5))
    assert cluster.put_lease(store, make_lease(last_ms=T0)).last_ms == T0 + 5
    assert cluster.put_lease(store, make_lease(worker_id="w2")).worker_id == "w1"
    cluster.set_lease_contact(store, "k:r1", T0)
    assert cluster.list_leases(store)[0].last_ms == T0 + 5
    cluster.set_lease_contact(store, "k:r1", T0 + 9)
    assert cluster.list_leases(store)[0].last_ms == T0 + 9
    assert cluster.delete_lease(store, "k:r1")
    assert not cluster.delete_lease(store, "k:r1")


def test_workers_are_remembered(store: Store) -> None:
    worker = WorkerRow(id="w1", labels={"zone": "a"}, stats={"running": 1}, last_seen_ms=T0)
    cluster.put_worker(store, worker)
    cluster.put_worker(store, dataclasses.replace(worker, id="w2", last_seen_ms=T0 + 9))
    assert cluster.list_workers(store)[0] == worker
    assert cluster.delete_workers_silent_since(store, T0 + 1) == 1
    assert [item.id for item in cluster.list_workers(store)] == ["w2"]
