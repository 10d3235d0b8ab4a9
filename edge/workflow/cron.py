"""Cron expressions (spec 30 section 3.2). Pure: the caller passes instants and the zone."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

__all__ = ["CronExpression", "parse_cron"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CronExpression:
    """A parsed five-field expression. `text` is normalised white space, prefix included."""

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    days_any: bool
    weekdays_any: bool
    #: IANA name from a CRON_TZ= or TZ= prefix, else ""
    zone: str = ""


def parse_cron(text: str) -> CronExpression:
    """Parse an expression. Raises: ValueError with the reason of spec 30 section 3.2."""
    raise NotImplementedError
