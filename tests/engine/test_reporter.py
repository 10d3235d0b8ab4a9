"""The store's reporter: grouped progress, no lost node, a fenced end."""

from __future__ import annotations

from pathlib import Path

import trio

from edge.core.status import NodeStatus, RunStatus
from edge.engine.attempt import new_record
from edge.engine.reporter import StoreReporter
from edge.store import Snapshot, Store
from edge.store.writer import StoreWriter
from tests.engine.helpers import make_dag, make_spec

_TEXT = "steps: [{id: a, run: x}, {id: b, run: x}]\nhandler_on: {exit: {run: x}}"


async def test_progress_is_grouped_and_the_last_state_of_a_window_counts(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    store = Store.open(tmp_path / "edge.db")
    writer = StoreWriter(store, 10, in_thread=False)
    written: list[int] = []
    record = new_record(make_spec(make_dag(_TEXT), tmp_path))
    attempt = store.begin_attempt(record, Snapshot(""), None, new_run=True)
    real = store.write_packed
    store.write_packed = lambda row, nodes: written.append(len(nodes)) or real(row, nodes)  # type: ignore[method-assign, func-returns-value]
    reporter = StoreReporter(writer, attempt)
    async with trio.open_nursery() as nursery:
        await nursery.start(writer.run)
        await reporter.opened(record)
        for status in (NodeStatus.RUNNING, NodeStatus.SUCCEEDED):
            record.nodes[0].status = status
            reporter.changed(record, ["0"])
        record.handlers["onExit"].status = NodeStatus.RUNNING
        reporter.changed(record, ["onExit"])
        record.nodes[0].status = NodeStatus.FAILED  # not reported: must not be written
        await trio.sleep(11)
        assert written == [2]
        found = store.load_record(record.ref)
        assert found is not None
        assert found.nodes[0].status is NodeStatus.SUCCEEDED
        assert found.handlers["onExit"].status is NodeStatus.RUNNING
        record.status = RunStatus.FAILED
        assert await reporter.finished(record)
        nursery.cancel_scope.cancel()
    found = store.load_record(record.ref)
    assert found is not None
    assert (found.status, found.nodes[0].status) == (RunStatus.FAILED, NodeStatus.FAILED)
    store.close()


async def test_an_attempt_that_lost_its_run_is_told_so(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "edge.db")
    writer = StoreWriter(store, 0.01)
    record = new_record(make_spec(make_dag(_TEXT), tmp_path))
    attempt = store.begin_attempt(record, Snapshot(""), None, new_run=True)
    reporter = StoreReporter(writer, attempt)
    async with trio.open_nursery() as nursery:
        await nursery.start(writer.run)
        await reporter.opened(record)
        record.status = RunStatus.FAILED
        assert store.finish(attempt, record)
        record.status = RunStatus.SUCCEEDED
        assert not await reporter.finished(record)
        nursery.cancel_scope.cancel()
    found = store.load_record(record.ref)
    assert found is not None
    assert found.status is RunStatus.FAILED
    store.close()
