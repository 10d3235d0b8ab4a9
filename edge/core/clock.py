"""Time as an argument: wall time for display, schedules and certificates only.

Durations and deadlines use trio's clock; nothing else in edge reads the wall clock.
"""

from __future__ import annotations

import datetime as dt
import time
from typing import Protocol

__all__ = ["SystemClock", "WallClock", "format_rfc3339", "from_ms", "parse_rfc3339", "to_ms"]


class WallClock(Protocol):
    """Source of wall time."""

    def now_ms(self) -> int:
        """Return Unix time in milliseconds."""
        ...


class SystemClock:
    """The machine's wall clock."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


def from_ms(value_ms: int, tz: dt.tzinfo | None = None) -> dt.datetime:
    """Return an aware datetime; `tz` None means the local zone of the process."""
    return dt.datetime.fromtimestamp(value_ms / 1000, dt.UTC).astimezone(tz)


def to_ms(value: dt.datetime) -> int:
    """Return Unix milliseconds of an aware datetime."""
    assert value.tzinfo is not None
    return int(value.timestamp() * 1000)


def format_rfc3339(value_ms: int | None, tz: dt.tzinfo | None = None) -> str:
    """Return RFC 3339 with whole seconds and offset (`Z` for UTC); empty text for None."""
    if value_ms is None:
        return ""
    text = from_ms(value_ms, tz).isoformat(timespec="seconds")
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text


def parse_rfc3339(text: str) -> int | None:
    """Return Unix milliseconds; None for `` and `-`.

    Raises: ValueError on anything else that is unreadable.
    """
    if text in ("", "-"):
        return None
    value = dt.datetime.fromisoformat(text)
    if value.tzinfo is None:
        value = value.astimezone()
    return to_ms(value)
