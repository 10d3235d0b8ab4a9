"""Signals of a service: the first drains, a second ends it at once (spec 30 section 1.6)."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator

import trio

__all__ = ["STOP_SIGNALS", "StopRequest", "listen"]

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)


class StopRequest:
    """What the signals asked for. `first` is set at the first, `second` at the second."""

    def __init__(self) -> None:
        self.first = trio.Event()
        self.second = trio.Event()
        #: name of the first signal
        self.reason = ""

    def note(self, name: str) -> None:
        """Count one request to stop."""
        if self.first.is_set():
            self.second.set()
        else:
            self.reason = name
            self.first.set()


async def listen(
    request: StopRequest, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Note the stop signals of this process until cancelled."""
    with trio.open_signal_receiver(*STOP_SIGNALS) as received:
        task_status.started()
        signals: AsyncIterator[int] = received
        async for number in signals:
            request.note(signal.Signals(number).name)
