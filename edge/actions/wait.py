"""`wait.duration`, `wait.until`, `wait.file` (spec 13 section 14).

The first check is at once; a stop ends the sleep at once. There is no limit of its own: that is the
step's timeout.
"""

from __future__ import annotations

import os

import trio

from edge.actions.base import ActionContext, ActionError, Outcome
from edge.actions.inprocess import go_error, in_thread, run_in_process
from edge.actions.inputs import Inputs
from edge.core.clock import SystemClock, parse_rfc3339
from edge.core.durations import parse_go_duration

__all__ = ["poll_interval_s", "wait_duration", "wait_file", "wait_until"]

#: the clock may be set while we wait for a time of day
_LOOK_AGAIN_S = 30.0
_LEAST_S = 0.001


async def wait_duration(context: ActionContext) -> Outcome:
    """Sleep."""
    return await run_in_process(context, _duration)


async def _duration(context: ActionContext, inputs: Inputs) -> None:
    await trio.sleep(parse_go_duration(inputs.text("duration")))


async def wait_until(context: ActionContext) -> Outcome:
    """Sleep until a time of day; one that is past ends at once."""
    return await run_in_process(context, _until)


async def _until(context: ActionContext, inputs: Inputs) -> None:
    clock = SystemClock()
    try:
        until_ms = parse_rfc3339(inputs.text("until").upper())
    except (ValueError, OverflowError):
        until_ms = None
    if until_ms is None:
        raise ActionError("wait: until must be RFC3339 timestamp")
    while (rest_ms := until_ms - clock.now_ms()) > 0:  # noqa: ASYNC110 - nobody tells the time
        await trio.sleep(min(rest_ms / 1000, _LOOK_AGAIN_S))


async def wait_file(context: ActionContext) -> Outcome:
    """Poll until a file exists, or is missing."""
    return await run_in_process(context, _file)


async def _file(context: ActionContext, inputs: Inputs) -> None:
    path = inputs.path("path")
    wanted = inputs.text("state", "exists") == "exists"
    interval_s = poll_interval_s(inputs)
    while await in_thread(_exists, path) != wanted:  # noqa: ASYNC110 - any file system
        await trio.sleep(interval_s)


def poll_interval_s(inputs: Inputs) -> float:
    """Return `poll_interval`, one second when absent."""
    return max(parse_go_duration(inputs.text("poll_interval") or "1s"), _LEAST_S)


def _exists(path: str) -> bool:
    try:
        os.stat(path)
    except FileNotFoundError:
        return False
    except OSError as exc:
        raise ActionError(f"wait: {go_error('stat', exc, path)}") from None
    return True
