"""A clock that runs faster, for tests from source: `EDGE_TEST_CLOCK_RATE=60[@START_MS]`.

With a start (Unix ms) two processes after one another show the same time. Only the scheduler sees
it. A frozen build refuses the variable: no installed service may be made
to run its schedules at the wrong time by an environment variable.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

from edge.core.clock import SystemClock, WallClock
from edge.core.errors import UserError

__all__ = ["RatedClock", "schedule_clock"]

_NAME = "EDGE_TEST_CLOCK_RATE"
_MAX_RATE = 100_000.0


class RatedClock:
    """A wall clock that was right at `start_ms` (default: now) and runs at `rate`."""

    def __init__(
        self, rate: float, inner: WallClock | None = None, start_ms: int | None = None
    ) -> None:
        self._inner = inner or SystemClock()
        self._rate = rate
        self._start_ms = self._inner.now_ms() if start_ms is None else start_ms

    def now_ms(self) -> int:
        return self._start_ms + int((self._inner.now_ms() - self._start_ms) * self._rate)


def schedule_clock(environ: Mapping[str, str]) -> tuple[WallClock, float]:
    """Return the scheduler's clock and its rate. Raises: UserError."""
    text = environ.get(_NAME, "")
    if not text:
        return SystemClock(), 1.0
    if getattr(sys, "frozen", False):
        raise UserError(f"{_NAME} is for tests from source and is refused here")
    word, _, start = text.partition("@")
    try:
        rate, start_ms = float(word), int(start) if start else None
    except ValueError:
        rate, start_ms = 0.0, None
    if not 1.0 <= rate <= _MAX_RATE:
        raise UserError(f"{_NAME}={text}: must be a number from 1 to {_MAX_RATE:.0f}")
    return RatedClock(rate, start_ms=start_ms), rate
