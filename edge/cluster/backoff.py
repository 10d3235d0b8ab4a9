"""Back-off: doubling delays with jitter, for ever (spec 20 section 3)."""

from __future__ import annotations

import random
from collections.abc import Callable

__all__ = ["Backoff"]


class Backoff:
    """Delays after failures in a row."""

    def __init__(
        self,
        first_s: float,
        factor: float,
        cap_s: float,
        *,
        low: float = 0.0,
        high: float = 1.0,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        """A delay is `first_s` * `factor`^n, at most `cap_s`, times a number in [low, high]."""
        self._first_s, self._factor, self._cap_s = first_s, factor, cap_s
        self._low, self._high, self._uniform = low, high, uniform
        self._next_s = first_s

    def next_s(self) -> float:
        """Return the delay before the next try and grow the one after it."""
        base = self._next_s
        self._next_s = min(self._cap_s, base * self._factor)
        return base * self._uniform(self._low, self._high)

    def reset(self) -> None:
        """Start over after a success."""
        self._next_s = self._first_s
