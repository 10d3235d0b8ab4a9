"""`wait.duration`, `wait.until`, `wait.file` (spec 13 section 14)."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from edge.core.clock import SystemClock
from edge.core.jsontypes import JsonObject
from tests.actions.context import Context, act, ended_by_stop


async def test_duration(autojump_clock: MockClock) -> None:
    """spec 13 section 14: prints nothing."""
    before = trio.current_time()
    outcome, printed = await act("wait.duration", {"duration": "10s"})
    assert (outcome.error, printed) == ("", "")
    assert trio.current_time() - before == pytest.approx(10)


# spec 13 section 14: past -> returns at once
@pytest.mark.parametrize("until", ["2001-01-01T00:00:00Z", "2001-01-01t00:00:00.5+02:00"])
async def test_a_past_time(until: str) -> None:
    assert (await act("wait.until", {"until": until}))[0].error == ""


async def test_a_time_to_come(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """spec 13 section 14: the clock is looked at again while we wait."""
    start = trio.current_time()
    base_ms = 1_700_000_000_000

    def now_ms(_: SystemClock) -> int:
        return base_ms + round((trio.current_time() - start) * 1000)

    monkeypatch.setattr(SystemClock, "now_ms", now_ms)
    until = dt.datetime.fromtimestamp(base_ms / 1000 + 15, dt.UTC).isoformat()
    assert (await act("wait.until", {"until": until}))[0].error == ""
    assert trio.current_time() - start == pytest.approx(15)


# spec 13 section 14: exists | missing; the first check is at once; links are followed
@pytest.mark.parametrize(
    ("path", "state"),
    [("here", "exists"), ("link", "exists"), ("gone", "missing"), ("dangling", "missing")],
)
async def test_what_is_so_already(tmp_path: Path, path: str, state: str) -> None:
    (tmp_path / "here").touch()
    (tmp_path / "link").symlink_to("here")
    (tmp_path / "dangling").symlink_to("gone")
    options: JsonObject = {"path": path, "state": state, "poll_interval": "100h"}
    outcome, printed = await act("wait.file", options, cwd=tmp_path)
    assert (outcome.error, printed) == ("", "")


async def test_a_file_that_comes(tmp_path: Path) -> None:
    """spec 13 section 14: polls."""
    context = Context("wait.file", {"path": "f", "poll_interval": "1ms"}, cwd=tmp_path)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(context.run)
        await trio.testing.wait_all_tasks_blocked()
        (tmp_path / "f").touch()


async def test_other_stat_errors_fail(tmp_path: Path) -> None:
    """spec 13 section 14."""
    (tmp_path / "f").touch()
    outcome, _ = await act("wait.file", {"path": "f/x"}, cwd=tmp_path)
    assert outcome.error == f"wait: stat {tmp_path}/f/x: not a directory"


# spec 13 section 14: errors, here of what a reference stood for
@pytest.mark.parametrize(
    ("action", "options", "error"),
    [
        ("wait.duration", {"duration": "0s"}, "wait: duration must be greater than 0"),
        ("wait.duration", {"duration": "$NONE"}, "wait: duration must be a duration"),
        ("wait.duration", {}, "wait: duration is required for duration"),
        ("wait.until", {"until": "2026-13-01T00:00:00Z"}, "wait: until must be RFC3339 timestamp"),
        ("wait.file", {"path": "p", "poll_interval": "-1s"}, "poll_interval must be greater"),
        ("wait.file", {"path": "p", "state": "there"}, "enum: there does not equal any of"),
    ],
)
async def test_errors(action: str, options: JsonObject, error: str) -> None:
    outcome, _ = await act(action, options)
    assert outcome.code == 1
    assert error in outcome.error


# spec 13 section 14: cancellation ends the sleep at once
@pytest.mark.parametrize(
    ("action", "options"),
    [
        ("wait.duration", {"duration": "100h"}),
        ("wait.until", {"until": "9999-12-31T23:59:59Z"}),
        ("wait.file", {"path": "/gone", "poll_interval": "1h"}),
    ],
)
async def test_a_stop_ends_the_wait(action: str, options: JsonObject) -> None:
    assert await ended_by_stop(Context(action, options))
