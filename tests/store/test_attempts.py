from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.core.errors import DuplicateRunError, NotFoundError, StaleAttemptError
from edge.core.ids import RunRef
from edge.core.record import NodeRecord, StepOutputs
from edge.core.status import NodeStatus, RunStatus
from edge.store import Snapshot, Store, pack_nodes
from tests.store.support import HOST, SNAPSHOT, T0, end_node, make_record, start_node


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path / "edge.db")
    yield store
    store.close()


def test_a_new_attempt_reads_back_member_by_member(store: Store) -> None:
    record = make_record()
    store.begin_attempt(record, SNAPSHOT, HOST, new_run=True)
    found = store.load_record(record.ref)
    assert found is not None
    assert found.to_json() == record.to_json()
    assert found.host == HOST
    assert store.snapshot_of(record.ref) == SNAPSHOT


def test_what_is_unusual_or_unknown_survives(store: Store) -> None:
    record = make_record("r9")
    record.root = RunRef("top", "t1")
    record.parent = RunRef("mid", "m1")
    record.attempt_key = "given:1"
    record.claim_key = "c"
    record.trigger_actor = "ann"
    record.worker_id = "w1"
    record.proc_group = "queue"
    record.definition_id = ""
    record.archive_dir = "/art"
    record.labels = ["a=b", "ünï"]
    record.preconditions = [{"condition": "x", "error": "no"}]
    record.lease_ms = 7
    record.pid = 99
    record.queued_ms = T0 // 1000 * 1000
    record.schedule_time = "2026-05-28T20:26:40Z"
    record.extra = {"later": {"x": [1, None, 2.5]}}
    node = record.nodes[0]
    node.stdout, node.stderr = "/elsewhere/a.log", "relative.err"
    node.working_dir = "/other"
    node.output_variables = {"A": "A=1"}
    node.extra = {"children": [{"dagRunId": "x"}]}
    node.step = {**node.step, "script": "echo ${A}"}
    start_node(record, 1)
    record.nodes[1].stderr = ""
    store.begin_attempt(record, SNAPSHOT, None, new_run=True)
    found = store.load_record(record.ref)
    assert found is not None
    assert found.to_json() == record.to_json()
    assert found.host is None


@pytest.mark.parametrize(
    ("outputs", "shown"),
    [
        (
            StepOutputs(variable="V", value="out", declared={"x": "1"}, published='{"k":1}'),
            StepOutputs(variable="V", value="out", declared={"x": "1"}, published='{"k":1}'),
        ),
        (
            StepOutputs(value='{"k":"s"}', declared={"x": "s"}, published='{"k":"s"}'),
            StepOutputs(value='{"k":"*"}', declared={"x": "*"}, published='{"k":"*"}'),
        ),
        (StepOutputs(variable="V", value=""), StepOutputs(variable="V", value="")),
    ],
)
def test_outputs_are_kept(store: Store, outputs: StepOutputs, shown: StepOutputs) -> None:
    """spec 11 section 9: declared ones as they are, masked in every view; the rest masked."""
    record = make_record()
    node = record.nodes[0]
    node.publish(outputs, shown)
    node.output_variables["DAGU_CONTINUE_ON.a"] = "DAGU_CONTINUE_ON.a=false"
    start_node(record, 0)
    store.begin_attempt(record, SNAPSHOT, HOST, new_run=True)
    found = store.load_record(record.ref)
    assert found is not None
    assert found.to_json() == record.to_json()
    assert found.nodes[0].extra == {}
    assert found.nodes[0].outputs == StepOutputs(
        variable=shown.variable,
        value=shown.value,
        declared=outputs.declared,
        published=shown.published,
    )
    assert "*" in str(found.nodes[0].to_json()) or outputs == shown


@pytest.mark.parametrize("root", [None, RunRef("pump", "r1")])
def test_an_absent_root_stays_absent(store: Store, root: RunRef | None) -> None:
    record = make_record()
    record.root = root
    store.begin_attempt(record, SNAPSHOT, HOST, new_run=True)
    found = store.load_record(record.ref)
    assert found is not None
    assert found.root == root


def test_a_run_id_is_taken_once_for_each_dag(store: Store) -> None:
    store.begin_attempt(make_record("r1"), SNAPSHOT, HOST, new_run=True)
    store.begin_attempt(make_record("r1", name="valve"), SNAPSHOT, HOST, new_run=True)
    with pytest.raises(DuplicateRunError, match="dag-run ID r1 already exists for DAG pump"):
        store.begin_attempt(make_record("r1"), SNAPSHOT, HOST, new_run=True)


def test_nodes_are_written_one_by_one(store: Store) -> None:
    record = make_record()
    attempt = store.begin_attempt(record, SNAPSHOT, HOST, new_run=True)
    start_node(record, 0, pgid=77)
    start_node(record, 1)
    assert store.write_nodes(attempt, record, ["0"])
    found = store.load_record(record.ref)
    assert found is not None
    assert found.nodes[0] == record.nodes[0]
    assert found.nodes[1].status is NodeStatus.NOT_STARTED
    record.handlers["onExit"].status = NodeStatus.RUNNING
    end_node(record, 0)
    store.write_nodes(attempt, record, ["0", "onExit"])
    found = store.load_record(record.ref)
    assert found is not None
    assert found.nodes[0] == record.nodes[0]
    assert found.nodes[0].pgid is None
    assert found.handlers["onExit"].status is NodeStatus.RUNNING


def test_a_node_that_goes_back_to_the_start_is_written(store: Store) -> None:
    record = make_record()
    attempt = store.begin_attempt(record, SNAPSHOT, HOST, new_run=True)
    start_node(record, 0)
    store.write_nodes(attempt, record, ["0"])
    record.nodes[0] = NodeRecord(step=record.nodes[0].step)
    store.close()
    store = Store.open(store.path)
    store.write_nodes(attempt, record, ["0"])
    found = store.load_record(record.ref)
    assert found is not None
    assert found.nodes[0] == record.nodes[0]
    store.close()


def test_packed_nodes_are_a_copy(store: Store) -> None:
    record = make_record()
    attempt = store.begin_attempt(record, SNAPSHOT, HOST, new_run=True)
    start_node(record, 0)
    packed = pack_nodes(record, ["0"])
    end_node(record, 0)
    store.write_packed(attempt, packed)
    found = store.load_record(record.ref)
    assert found is not None
    assert found.nodes[0].status is NodeStatus.RUNNING


def test_steps_are_stored_once_and_only_changes_again(store: Store) -> None:
    record = make_record(steps=50)
    attempt = store.begin_attempt(record, SNAPSHOT, HOST, new_run=True)
    for key in range(50):
        start_node(record, key)
        end_node(record, key)
    record.nodes[7].step = {"name": "s7", "commands": [{"command": "resolved"}]}
    store.finish(attempt, record)
    store.begin_attempt(make_record("r2", steps=50), SNAPSHOT, HOST, new_run=True)
    conn = store.connection()
    assert conn.execute("SELECT count(*) FROM blobs").fetchone()[0] == 2
    assert conn.execute("SELECT key FROM nodes WHERE step IS NOT NULL").fetchall() == [(7,)]
    found = store.load_record(record.ref)
    assert found is not None
    assert found.nodes[7].step == record.nodes[7].step


def test_the_first_record_with_nodes_brings_the_steps(store: Store) -> None:
    """A coordinator begins an attempt before it knows the nodes (spec 20 section 4.2)."""
    record = make_record(status=RunStatus.NOT_STARTED, steps=0)
    record.handlers = {}
    record.worker_id = "w1"
    attempt = store.begin_attempt(record, SNAPSHOT, None, new_run=True)
    late = make_record(steps=3)
    late.worker_id = "w1"
    start_node(late, 0)
    store.write_run(attempt, late)
    store.write_nodes(attempt, late, ["0", "1", "2", "onExit"])
    found = store.load_record(record.ref)
    assert found is not None
    assert found.to_json() == late.to_json()


def test_a_final_status_is_never_overwritten(store: Store) -> None:
    record = make_record()
    attempt = store.begin_attempt(record, SNAPSHOT, HOST, new_run=True)
    start_node(record, 0)
    record.status, record.error = RunStatus.FAILED, "first"
    assert store.finish(attempt, record)
    late = make_record()
    start_node(late, 0)
    end_node(late, 0)
    assert not store.write_run(attempt, late)
    assert not store.write_nodes(attempt, late, ["0"])
    late.status = RunStatus.SUCCEEDED
    assert not store.finish(attempt, late)
    found = store.load_record(record.ref)
    assert found is not None
    assert found.to_json() == record.to_json()


def test_the_guard_holds_in_the_statement_itself(store: Store) -> None:
    record = make_record()
    attempt = store.begin_attempt(record, SNAPSHOT, HOST, new_run=True)
    record.status = RunStatus.ABORTED
    store.finish(attempt, record)
    with store.transaction():
        record.status = RunStatus.RUNNING
        store._update(attempt, record)
    found = store.load_record(record.ref)
    assert found is not None
    assert found.status is RunStatus.ABORTED


def test_a_newer_attempt_fences_the_older_one(store: Store) -> None:
    old = make_record(attempt_id="aaaaaa")
    first = store.begin_attempt(old, SNAPSHOT, HOST, new_run=True)
    new = make_record(attempt_id="bbbbbb")
    second = store.begin_attempt(new, Snapshot("other"), HOST, new_run=False)
    old.status = RunStatus.SUCCEEDED
    assert not store.finish(first, old)
    found = store.load_record(new.ref)
    assert found is not None
    assert (found.attempt_id, found.status) == ("bbbbbb", RunStatus.RUNNING)
    assert store.attempt_row(new.ref) == second
    assert store.attempt_row(new.ref, "aaaaaa") == first
    assert store.attempt_row(new.ref, "cccccc") is None
    assert store.snapshot_of(new.ref) == Snapshot("other")
    assert store.snapshot_of(new.ref, "aaaaaa") == SNAPSHOT


def test_replace_corrects_a_final_status_of_the_same_attempt(store: Store) -> None:
    record = make_record()
    attempt = store.begin_attempt(record, SNAPSHOT, HOST, new_run=True)
    record.status = RunStatus.FAILED
    store.finish(attempt, record)
    record.status = RunStatus.SUCCEEDED
    assert not store.replace(attempt, record, expected=(RunStatus.RUNNING,))
    assert store.replace(attempt, record, expected=(RunStatus.FAILED,))
    found = store.load_record(record.ref)
    assert found is not None
    assert found.status is RunStatus.SUCCEEDED


def test_working_and_log_directory_may_change(store: Store) -> None:
    record = make_record()
    attempt = store.begin_attempt(record, SNAPSHOT, HOST, new_run=True)
    start_node(record, 0)
    store.write_nodes(attempt, record, ["0"])
    record.working_dir = "/new"
    record.log = "/moved/dag.log"
    store.write_run(attempt, record)
    found = store.load_record(record.ref)
    assert found is not None
    assert found.to_json() == record.to_json()


def test_stop_requests(store: Store) -> None:
    record = make_record()
    attempt = store.begin_attempt(record, SNAPSHOT, HOST, new_run=True)
    assert not store.abort_requested(attempt)
    assert store.request_abort(record.ref)
    assert store.abort_requested(attempt)
    record.status = RunStatus.ABORTED
    store.finish(attempt, record)
    assert not store.request_abort(record.ref)
    with pytest.raises(NotFoundError, match="dag-run ID not found: none"):
        store.request_abort(RunRef("pump", "none"))


def test_texts_that_are_no_utf8_do_not_stop_a_run(store: Store) -> None:
    record = make_record()
    attempt = store.begin_attempt(record, SNAPSHOT, HOST, new_run=True)
    start_node(record, 0)
    record.nodes[0].error = "bad \udcff"
    record.nodes[0].output_variables = {"A": "A=\udcff"}
    record.error = "bad \udcff"
    store.write_nodes(attempt, record, ["0"])
    store.write_run(attempt, record)
    found = store.load_record(record.ref)
    assert found is not None
    assert found.nodes[0].error == "bad ?"
    assert found.nodes[0].output_variables == {"A": "A=\udcff"}
    assert found.error == "bad ?"


def test_a_rolled_back_change_is_written_again(store: Store) -> None:
    record = make_record()
    attempt = store.begin_attempt(record, SNAPSHOT, HOST, new_run=True)
    start_node(record, 0)

    def write_and_fail() -> None:
        with store.transaction():
            store.write_nodes(attempt, record, ["0"])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()
    store.write_nodes(attempt, record, ["0"])
    found = store.load_record(record.ref)
    assert found is not None
    assert found.nodes[0].status is NodeStatus.RUNNING


@pytest.mark.parametrize(
    ("status", "follows"),
    [
        (RunStatus.FAILED, True),
        (RunStatus.SUCCEEDED, True),
        (RunStatus.WAITING, True),
        (RunStatus.QUEUED, True),
        (RunStatus.RUNNING, False),
    ],
)
def test_a_retry_follows_the_latest_attempt_unless_that_runs(
    status: RunStatus, follows: bool, store: Store
) -> None:
    """spec 12 section 22: compare-and-swap under the run's lock."""
    first = store.begin_attempt(make_record(status=status), SNAPSHOT, HOST, new_run=True)
    again = make_record(attempt_id="bbbbbb")
    if not follows:
        with pytest.raises(StaleAttemptError, match="pump:r1 has gone on"):
            store.begin_attempt(again, SNAPSHOT, HOST, new_run=False, after=first)
        return
    store.begin_attempt(again, SNAPSHOT, HOST, new_run=False, after=first)
    with pytest.raises(StaleAttemptError):
        store.begin_attempt(
            make_record(attempt_id="cccccc"), SNAPSHOT, HOST, new_run=False, after=first
        )
    found = store.load_record(again.ref)
    assert found is not None
    assert found.attempt_id == "bbbbbb"
