"""Durations as people and the record read them (Go spelling)."""

from __future__ import annotations

import re

__all__ = ["format_go_duration", "parse_go_duration", "summary_duration"]

_UNITS_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)([a-zµ]+)")


def parse_go_duration(text: str, *, days: bool = False) -> float:
    """Return seconds of `1h30m`, `1.5s` (with `days`, `d` is 24 h).

    Raises: ValueError naming the fault.
    """
    body = text.removeprefix("-").removeprefix("+")
    if body == "0":
        return 0.0
    total, at = 0.0, 0
    while at < len(body):
        match = _PART.match(body, at)
        if match is None:
            raise ValueError(f'invalid duration "{text}"')
        unit = match[2]
        if days and unit == "d":
            total += float(match[1]) * 86400
        elif unit in _UNITS_S:
            total += float(match[1]) * _UNITS_S[unit]
        else:
            raise ValueError(f'unknown unit "{unit}" in duration "{text}"')
        at = match.end()
    if not body:
        raise ValueError(f'invalid duration "{text}"')
    return -total if text.startswith("-") else total


def format_go_duration(seconds: float) -> str:
    """Return Go's spelling, rounded to milliseconds: `986ms`, `1.5s`, `1m0s`, `2h0m3s`."""
    ms = round(seconds * 1000)
    if ms == 0:
        return "0s"
    sign, ms = ("-", -ms) if ms < 0 else ("", ms)
    if ms < 1000:
        return f"{sign}{ms}ms"
    whole, rest = divmod(ms, 1000)
    hours, minutes, secs = whole // 3600, whole // 60 % 60, whole % 60
    sec_text = f"{secs}.{rest:03d}".rstrip("0").rstrip(".") + "s"
    if hours:
        return f"{sign}{hours}h{minutes}m{sec_text}"
    if minutes:
        return f"{sign}{minutes}m{sec_text}"
    return sign + sec_text


def summary_duration(seconds: float) -> str:
    """Return the duration of the status tree: `0s`, `1.0s`, `1m20s` (spec 30 section 1.8)."""
    if seconds < 1:
        return "0s"
    if seconds < 60:
        return f"{seconds:.1f}s"
    return format_go_duration(int(seconds))
