"""Runs below a root run (spec 12 section 12: stored under the root's run)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.core.errors import DuplicateRunError
from edge.core.ids import RunRef
from edge.core.record import RunRecord
from edge.core.status import RunStatus
from edge.core.subruns import StatusDetail, SubRun
from edge.store import RunFilter, Store, dialect, migrations
from tests.store.support import HOST, SNAPSHOT, T0, make_record

ROOT = RunRef("pump", "r1")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path / "edge.db")
    store.begin_attempt(make_record("r1"), SNAPSHOT, HOST, new_run=True)
    yield store
    store.close()


def _child(run_id: str = "c1", root: RunRef = ROOT, name: str = "kid") -> RunRecord:
    record = make_record(run_id, name=name, created_ms=T0 + 1)
    record.root = record.parent = root
    return record


def test_a_child_is_found_below_its_root_and_in_no_list(store: Store) -> None:
    """spec 12 section 12."""
    store.begin_attempt(_child(), SNAPSHOT, HOST, new_run=True)
    found = store.load_child(ROOT, "c1")
    assert found is not None
    assert (found.name, found.root, found.parent) == ("kid", ROOT, ROOT)
    assert store.load_child(ROOT, "c2") is None
    assert store.load_child(RunRef("pump", "r9"), "c1") is None
    assert [run.run_id for run in store.find_runs(RunFilter())] == ["r1"]
    assert store.find_runs(RunFilter(name="kid")) == []
    assert store.find_runs(RunFilter(statuses=(RunStatus.RUNNING,)))[0].run_id == "r1"
    assert set(store.latest_by_dag()) == {"pump"}
    assert store.latest_record("kid") is None
    assert store.active_local_runs("kid") == []
    assert len(store.active_local_runs()) == 2


def test_two_roots_of_one_run_id_have_children_of_their_own(store: Store) -> None:
    """spec 12 section 1: the id of a child follows from the run id of its parent alone."""
    other = RunRef("valve", "r1")
    store.begin_attempt(make_record("r1", name="valve"), SNAPSHOT, HOST, new_run=True)
    store.begin_attempt(_child(), SNAPSHOT, HOST, new_run=True)
    second = _child(root=other)
    second.attempt_id = "bbbbbb"
    row = store.begin_attempt(second, SNAPSHOT, HOST, new_run=True)
    for root, attempt_id in ((ROOT, "aaaaaa"), (other, "bbbbbb")):
        found = store.load_child(root, "c1")
        assert found is not None
        assert found.attempt_id == attempt_id
    loaded = store.load_attempt(second.ref, row)
    assert loaded is not None
    assert loaded.root == other
    with pytest.raises(DuplicateRunError):
        store.begin_attempt(_child(), SNAPSHOT, HOST, new_run=True)


def test_a_root_run_goes_before_a_child_of_the_same_name(store: Store) -> None:
    """spec 12 section 12: a run of one's own and one below a root are two."""
    store.begin_attempt(_child("x", name="pump"), SNAPSHOT, HOST, new_run=True)
    store.begin_attempt(make_record("x"), SNAPSHOT, HOST, new_run=True)
    found = store.load_record(RunRef("pump", "x"))
    assert found is not None
    assert found.parent is None


def test_a_second_attempt_of_a_child(store: Store) -> None:
    """spec 12 section 12: an existing child id is retried."""
    store.begin_attempt(_child(), SNAPSHOT, HOST, new_run=True)
    again = _child()
    again.attempt_id = "bbbbbb"
    store.begin_attempt(again, SNAPSHOT, HOST, new_run=False)
    found = store.load_child(ROOT, "c1")
    assert found is not None
    assert found.attempt_id == "bbbbbb"


def test_children_die_with_their_process(store: Store) -> None:
    """spec 12 section 20: the parent's process keeps a child alive."""
    store.begin_attempt(_child(), SNAPSHOT, HOST, new_run=True)
    done = store.recover(HOST, T0 + 9, live=lambda pid, start: False)
    assert sorted(ref.name for ref in done) == ["kid", "pump"]
    found = store.load_child(ROOT, "c1")
    assert found is not None
    assert found.status is RunStatus.FAILED


def test_the_children_of_a_node_are_kept(store: Store) -> None:
    """spec 12 section 17: `children` and `statusDetails`."""
    record = make_record("r2")
    row = store.begin_attempt(record, SNAPSHOT, HOST, new_run=True)
    node = record.nodes[0]
    node.children = (SubRun(run_id="c1", name="kid", params='V="1"', item="1"),)
    node.status_details = (StatusDetail("kid (V=1)", 4),)
    store.write_nodes(row, record, ["0"])
    found = store.load_record(record.ref)
    assert found is not None
    assert found.nodes[0].children == node.children
    assert found.nodes[0].status_details == node.status_details


def test_a_store_without_children_opens(tmp_path: Path) -> None:
    """spec 12 section 12: the schema of the version before."""
    path = tmp_path / "edge.db"
    dialect.create_file(path)
    conn = dialect.connect(path, "rw")
    migrations.migrate(conn, path, migrations.MIGRATIONS[:1])
    conn.execute("INSERT INTO dags (id, name) VALUES (1, 'pump')")
    conn.execute("INSERT INTO runs (id, dag, run_id, latest) VALUES (5, 1, 'r1', 1)")
    conn.execute(
        "INSERT INTO attempts (id, run, attempt_id, status, trigger) VALUES (1, 5, 'aaaaaa', 4, 2)"
    )
    conn.close()
    store = Store.open(path)
    assert [run.run_id for run in store.find_runs(RunFilter())] == ["r1"]
    store.begin_attempt(_child(), SNAPSHOT, HOST, new_run=True)
    assert store.load_child(ROOT, "c1") is not None
    store.close()
    check = sqlite3.connect(path)
    assert check.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    check.close()
