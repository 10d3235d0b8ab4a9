"""What a run on a worker tells: spec 20 sections 7 and 8."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from edge.cluster.peers import Owner, Peers
from edge.cluster.rpc import Code, RpcError
from edge.cluster.runreporter import CoordinatorReporter, TaskIdentity, encode_status
from edge.cluster.wire import pb
from edge.config.log import get_logger
from edge.core.record import NodeRecord, RunRecord
from edge.core.status import NodeStatus, RunStatus
from tests.cluster.fakes import MemoryLink


class _Hub:
    """Notes status reports; answers as told."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, int, list[int]]] = []
        self.error = ""
        self.fault: RpcError | None = None
        self.delay_s = 0.0

    async def report(self, request: Any, _caller: Any) -> Any:
        await trio.sleep(self.delay_s)
        if self.fault is not None:
            raise self.fault
        data = json.loads(request.status.json_data)
        nodes = [node["status"] for node in data.get("nodes", [])]
        self.seen.append((round(trio.current_time(), 3), data["status"], nodes))
        return pb.ReportStatusResponse(accepted=not self.error, error=self.error)

    def reports(self) -> list[tuple[int, list[int]]]:
        return [(status, nodes) for _, status, nodes in self.seen]


def _record(*nodes: NodeStatus) -> RunRecord:
    return RunRecord(
        name="hello",
        run_id="r1",
        attempt_id="a1",
        status=RunStatus.RUNNING,
        nodes=[NodeRecord(step={"name": str(i)}, status=status) for i, status in enumerate(nodes)],
    )


@asynccontextmanager
async def _open() -> AsyncIterator[tuple[_Hub, CoordinatorReporter, list[str]]]:
    hub, lost = _Hub(), list[str]()
    async with trio.open_nursery() as nursery:
        link = MemoryLink({"ReportStatus": hub.report}, nursery)

        async def connect(_address: str) -> MemoryLink:
            return link

        identity = TaskIdentity(
            worker_id="w",
            owner=Owner("hub", "h", 1),
            dag_name="hello",
            run_id="r1",
            root_name="hello",
            root_run_id="r1",
            attempt_id="a1",
            attempt_key="k:a1",
        )
        reporter = CoordinatorReporter(
            Peers((), connect), identity, log=get_logger(), on_lost=lost.append
        )
        await nursery.start(lambda task_status: reporter.run(task_status=task_status))
        yield hub, reporter, lost
        nursery.cancel_scope.cancel()


_N, _R, _S = NodeStatus.NOT_STARTED, NodeStatus.RUNNING, NodeStatus.SUCCEEDED


async def test_the_cadence_of_a_run(autojump_clock: MockClock) -> None:
    async with _open() as (hub, reporter, _):
        start = trio.current_time()
        record = _record(_N, _N)
        await reporter.opened(record)
        record.nodes[0].status = _R
        reporter.changed(record, ["0"])
        await trio.sleep(5)
        record.nodes[0].status = _S
        reporter.changed(record, ["0"])
        await trio.sleep(1)
        record.nodes[1].status = _R
        reporter.changed(record, ["1"])
        await trio.sleep(1)
        # A change that is not on the wire is not told.
        record.nodes[1].pgid = 77
        reporter.changed(record, ["1"])
        await trio.sleep(1)
        # The end of the last node is told by the terminal report.
        record.nodes[1].status = _S
        reporter.changed(record, ["1"])
        await trio.sleep(1)
        record.status = RunStatus.SUCCEEDED
        assert await reporter.finished(record)
        assert hub.reports() == [
            (1, [0, 0]),
            (1, [0, 0]),
            (1, [1, 0]),
            (1, [1, 0]),
            (1, [4, 0]),
            (1, [4, 1]),
            (4, [4, 4]),
        ]
        assert hub.seen[3][0] - start == pytest.approx(0.1)


async def test_handlers_after_the_last_step_are_told(autojump_clock: MockClock) -> None:
    async with _open() as (hub, reporter, _):
        record = _record(_S)
        record.handlers["onExit"] = NodeRecord(step={"name": "onExit"}, status=_R)
        reporter.changed(record, ["onExit"])
        await trio.sleep(1)
        assert hub.reports() == [(1, [4])]


async def test_a_slow_coordinator_gets_the_newest_state_only(autojump_clock: MockClock) -> None:
    async with _open() as (hub, reporter, _):
        hub.delay_s = 1
        record = _record(*[_N] * 10)
        for node in record.nodes[:9]:
            node.status = _S
            reporter.changed(record, [])
            await trio.sleep(0.2)
        await trio.sleep(5)
        assert len(hub.seen) <= 4
        assert hub.reports()[-1] == (1, [4] * 9 + [0])


async def test_no_progress_report_tells_the_end(autojump_clock: MockClock) -> None:
    """The coordinator ends the run and its log streams at a final status: the logs come first."""
    async with _open() as (hub, reporter, _):
        hub.delay_s = 1
        record = _record(_R, _N)
        reporter.changed(record, ["0"])
        await trio.sleep(0.5)
        record.nodes[0].status, record.nodes[1].status = _S, _R
        reporter.changed(record, ["0", "1"])
        record.nodes[1].status, record.status = _S, RunStatus.SUCCEEDED
        reporter.changed(record, ["1"])
        await trio.sleep(5)
        assert hub.reports() == [(1, [1, 0])]
        assert await reporter.finished(record)
        assert hub.reports() == [(1, [1, 0]), (4, [4, 4])]


async def test_the_end_is_told_after_what_is_on_its_way(autojump_clock: MockClock) -> None:
    async with _open() as (hub, reporter, _):
        hub.delay_s = 1
        record = _record(_R)
        reporter.changed(record, ["0"])
        await trio.sleep(0.5)
        record.nodes[0].status, record.status = _S, RunStatus.SUCCEEDED
        assert await reporter.finished(record)
        assert hub.reports() == [(1, [1]), (4, [4])]


async def test_the_end_is_repeated_for_three_minutes(autojump_clock: MockClock) -> None:
    async with _open() as (hub, reporter, _):
        record = _record(_S)
        record.status = RunStatus.SUCCEEDED
        hub.fault = RpcError(Code.UNAVAILABLE, "down")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(reporter.finished, record)
            await trio.sleep(100)
            assert hub.seen == []
            hub.fault = None
        assert hub.reports() == [(4, [4])]

        hub.fault = RpcError(Code.UNAVAILABLE, "down")
        started = trio.current_time()
        assert await reporter.finished(record)
        assert 170 <= trio.current_time() - started <= 181


async def test_active_reports_are_not_repeated(autojump_clock: MockClock) -> None:
    async with _open() as (hub, reporter, lost):
        hub.fault = RpcError(Code.UNAVAILABLE, "down")
        record = _record(_N)
        await reporter.opened(record)
        hub.fault = None
        await trio.sleep(10)
        assert hub.seen == []
        assert lost == []


async def test_a_rejected_report_means_the_run_is_lost(autojump_clock: MockClock) -> None:
    async with _open() as (hub, reporter, lost):
        hub.error = "stale attempt: superseded by newer attempt"
        record = _record(_N)
        await reporter.opened(record)
        assert lost == [hub.error]
        assert len(hub.seen) == 1
        record.status = RunStatus.ABORTED
        assert not await reporter.finished(record)
        assert len(hub.seen) == 1


def test_a_status_is_made_to_fit() -> None:
    record = _record(_S)
    record.error = "why"
    record.nodes[0].extra = {"chatMessages": ["x" * 5000], "outputValue": "y" * 3000, "keep": 1}
    record.nodes[0].output_variables = {"A": "A=" + "z" * 3000}
    full = json.loads(encode_status(record))
    assert full["nodes"][0]["chatMessages"] == ["x" * 5000]
    assert full["nodes"][0]["step"] == {"name": "0", "executorConfig": {}}
    without_chat = json.loads(encode_status(record, 8000))
    assert "chatMessages" not in without_chat["nodes"][0]
    assert without_chat["nodes"][0]["outputValue"] == "y" * 3000
    bare = json.loads(encode_status(record, 4000))
    assert "outputValue" not in bare["nodes"][0]
    assert "outputVariables" not in bare["nodes"][0]
    assert bare["nodes"][0]["keep"] == 1
    note = "outputs were dropped: the status was too large for one message"
    assert bare["error"] == f"why; {note}"
    assert record.nodes[0].output_variables
