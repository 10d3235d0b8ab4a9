"""A worker's heartbeats, and what an unreachable owner leads to: spec 20 sections 3, 18a."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from trio.testing import MockClock

from edge.cluster.peers import Owner, Peers
from edge.cluster.pulse import Pulse
from edge.cluster.running import RunningRun, RunningRuns
from edge.cluster.wire import health_pb2, pb
from edge.config.log import get_logger
from tests.cluster.fakes import MemoryLink

OWNER = Owner("hub@1", "owner", 1)


class _World:
    """One worker's pulse against one coordinator in memory."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.link = MemoryLink(
            {
                "Check": self._check,
                "Heartbeat": self._heartbeat,
                "RunHeartbeat": self._run_heartbeat,
            },
            nursery,
        )
        self.cancel: list[str] = []
        self.beats: list[tuple[float, list[str]]] = []
        self.runs = RunningRuns()
        self.peers = Peers(("a",), self._connect)
        self.pulse = Pulse(
            self.peers, self.runs, worker_id="w", labels={}, total_pollers=2, log=get_logger()
        )

    async def _connect(self, _address: str) -> MemoryLink:
        return self.link

    async def _check(self, _request: Any, _caller: Any) -> Any:
        return health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING)

    async def _heartbeat(self, request: Any, _caller: Any) -> Any:
        keys = [task.attempt_key for task in request.stats.running_tasks]
        self.beats.append((trio.current_time(), keys))
        return pb.HeartbeatResponse()

    async def _run_heartbeat(self, _request: Any, _caller: Any) -> Any:
        return pb.RunHeartbeatResponse(
            cancelled_runs=[pb.CancelledRun(attempt_key=key) for key in self.cancel]
        )

    def add(self, key: str) -> RunningRun:
        run = RunningRun(key, OWNER, pb.RunningTask(attempt_key=key), trio.current_time())
        self.runs.add(run)
        return run


async def test_heartbeats_name_the_runs(autojump_clock: MockClock) -> None:
    async with trio.open_nursery() as nursery:
        world = _World(nursery)
        nursery.start_soon(world.pulse.heartbeat_forever)
        await trio.sleep(2.5)
        world.add("k:1")
        await trio.sleep(1)
        assert [keys for _, keys in world.beats] == [[], [], [], ["k:1"]]
        nursery.cancel_scope.cancel()


async def test_a_cancelled_run_is_stopped_once(autojump_clock: MockClock) -> None:
    async with trio.open_nursery() as nursery:
        world = _World(nursery)
        run, other = world.add("k:1"), world.add("k:2")
        stops: list[str] = []
        run.attach(stops.append)
        nursery.start_soon(world.pulse.run_heartbeat_forever)
        world.cancel = ["k:1", "unknown"]
        await trio.sleep(5)
        assert stops == ["cancelled by the coordinator"]
        assert other.cancel_reason == ""
        nursery.cancel_scope.cancel()


async def test_a_cancel_before_the_run_is_there_is_kept(autojump_clock: MockClock) -> None:
    async with trio.open_nursery() as nursery:
        world = _World(nursery)
        run = world.add("k:1")
        assert run.cancel("x")
        assert not run.cancel("y")
        stops: list[str] = []
        run.attach(stops.append)
        assert stops == ["x"]
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("is_edge", [True, False])
async def test_an_owner_that_is_out_of_reach(autojump_clock: MockClock, is_edge: bool) -> None:
    """A Dagu owner gives the run away after 30 s; an edge owner waits."""
    async with trio.open_nursery() as nursery:
        world = _World(nursery)
        run = world.add("k:1")
        nursery.start_soon(world.pulse.run_heartbeat_forever)
        await trio.sleep(3.5)
        world.link.is_edge_peer = is_edge
        world.link.is_cut = True
        await trio.sleep(29)
        assert run.cancel_reason == ""
        await trio.sleep(4)
        assert run.cancel_reason == ("" if is_edge else "no contact with the coordinator")
        nursery.cancel_scope.cancel()


async def test_the_loop_survives_an_outage(autojump_clock: MockClock) -> None:
    async with trio.open_nursery() as nursery:
        world = _World(nursery)
        nursery.start_soon(world.pulse.heartbeat_forever)
        await trio.sleep(1.5)
        world.link.is_cut = True
        await trio.sleep(600)
        count = len(world.beats)
        world.link.is_cut = False
        back = world.pulse.reconnected
        # The back-off is capped at 15 s with 150 % jitter.
        with trio.fail_after(23):
            await back.wait()
        assert len(world.beats) == count + 1
        nursery.cancel_scope.cancel()
