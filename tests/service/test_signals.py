"""The first signal drains, a second one is told apart; the test clock is for sources only."""

from __future__ import annotations

import os
import signal
import sys

import pytest
import trio

from edge.core.clock import SystemClock
from edge.core.errors import UserError
from edge.service.signals import STOP_SIGNALS, StopRequest, listen
from edge.service.testclock import RatedClock, schedule_clock


@pytest.mark.parametrize("number", STOP_SIGNALS)
async def test_every_stop_signal_counts(number: int) -> None:
    request = StopRequest()
    async with trio.open_nursery() as nursery:
        await nursery.start(listen, request)
        os.kill(os.getpid(), number)
        with trio.fail_after(30):
            await request.first.wait()
        assert request.reason == signal.Signals(number).name
        assert not request.second.is_set()
        os.kill(os.getpid(), signal.SIGTERM)
        with trio.fail_after(30):
            await request.second.wait()
        assert request.reason == signal.Signals(number).name
        nursery.cancel_scope.cancel()


class Wall:
    now = 1_000_000

    def now_ms(self) -> int:
        return self.now


def test_a_rated_clock_starts_right_and_runs_faster() -> None:
    wall = Wall()
    clock = RatedClock(60.0, wall)
    assert clock.now_ms() == 1_000_000
    wall.now += 1000
    assert clock.now_ms() == 1_060_000
    assert RatedClock(60.0, wall, start_ms=1_000_000).now_ms() == 1_060_000


def test_schedule_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(schedule_clock({})[0], SystemClock)
    assert schedule_clock({"EDGE_TEST_CLOCK_RATE": "30"})[1] == 30.0
    for text in ("x", "0", "-1", "nan", "1e9", "30@x"):
        with pytest.raises(UserError, match="must be a number"):
            schedule_clock({"EDGE_TEST_CLOCK_RATE": text})
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    with pytest.raises(UserError, match="refused"):
        schedule_clock({"EDGE_TEST_CLOCK_RATE": "30"})
