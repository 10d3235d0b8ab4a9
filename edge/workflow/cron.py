"""Cron expressions (spec 30 section 3.2). Pure: the caller passes instants and the zone."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["CronExpression", "next_fire", "parse_cron", "step_warnings", "zone_named"]

#: a search that finds nothing in this many years finds nothing at all
_HORIZON_YEARS = 5

_MONTHS = {
    name: number
    for number, name in enumerate(
        ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"], 1
    )
}
_WEEKDAYS = {
    name: number for number, name in enumerate(["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"])
}
_BOUNDS: tuple[tuple[int, int, dict[str, int]], ...] = (
    (0, 59, {}),
    (0, 23, {}),
    (1, 31, {}),
    (1, 12, _MONTHS),
    (0, 6, _WEEKDAYS),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CronExpression:
    """A parsed five-field expression. `text` is normalised white space, prefix included."""

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    #: whether the field began with `*` or `?` and had no step above 1
    days_any: bool
    weekdays_any: bool
    #: IANA name from a CRON_TZ= or TZ= prefix, else ""
    zone: str = ""


def parse_cron(text: str) -> CronExpression:
    """Parse an expression. Raises: ValueError with the reason of spec 30 section 3.2."""
    words = text.split()
    normal = " ".join(words)
    zone = ""
    if words and words[0].startswith(("CRON_TZ=", "TZ=")):
        zone = words.pop(0).partition("=")[2]
        try:
            zone_named(zone)
        except ValueError as exc:
            raise ValueError(f"provided bad location {zone}: {exc}") from None
    if words and words[0].startswith("@"):
        raise ValueError(f"parser does not accept descriptors: {' '.join(words)}")
    if len(words) != 5:
        raise ValueError(f"expected exactly 5 fields, found {len(words)}: [{' '.join(words)}]")
    fields = [_field(word, *_BOUNDS[index]) for index, word in enumerate(words)]
    return CronExpression(
        text=normal,
        minutes=fields[0][0],
        hours=fields[1][0],
        days=fields[2][0],
        months=fields[3][0],
        weekdays=fields[4][0],
        days_any=fields[2][1],
        weekdays_any=fields[4][1],
        zone=zone,
    )


def next_fire(expr: CronExpression, after: dt.datetime, zone: dt.tzinfo) -> dt.datetime | None:
    """Return the first fire time strictly after `after`, aware, in the expression's zone.

    `zone` is used when the expression names none. A local time that does not exist is skipped; one
    that occurs twice fires twice. None when nothing fires within five years. (Compare by timestamp:
    Python calls times of a repeated hour unequal to the same instant in another zone.)
    """
    tz = zone_named(expr.zone) if expr.zone else zone
    local = after.astimezone(tz)
    hours, minutes = sorted(expr.hours), sorted(expr.minutes)
    limit = min(local.year + _HORIZON_YEARS, dt.MAXYEAR - 1)
    # A repeated hour may reach back over midnight, so the day before is looked at too.
    day = local.date() - dt.timedelta(days=1)
    while day.year <= limit:
        if day.month not in expr.months:
            day = dt.date(day.year + (day.month == 12), day.month % 12 + 1, 1)
            continue
        if _day_matches(expr, day):
            find = _first_plain if _is_plain_day(day, tz) else _first_on
            found = find(day, hours, minutes, tz, local)
            if found is not None:
                return found
        day += dt.timedelta(days=1)
    return None


def step_warnings(expr: CronExpression) -> list[str]:
    """Return the warnings for `*/N` steps that do not divide the hour or the day."""
    words = [word for word in expr.text.split() if "=" not in word]
    found = []
    for word, whole, unit in ((words[0], 60, "minute"), (words[1], 24, "hour")):
        match = re.match(r"\*/(\d+)", word)
        if match is None:
            continue
        step = int(match[1])
        if step < 2 or step == whole or whole % step == 0 or (whole == 24 and step == 5):
            continue
        fine = ", ".join(str(n) for n in range(2, whole) if whole % n == 0)
        at = ", ".join(map(str, range(0, whole, step)))
        found.append(
            f'schedule "{expr.text}": */{step} in {unit} field fires at {at} {unit}s, '
            f"not every {step} {unit}s. Divisors of {whole} that work as expected: {fine}"
        )
    return found


@lru_cache(maxsize=64)
def zone_named(name: str) -> dt.tzinfo:
    """Return the zone of an IANA name. Raises: ValueError `unknown time zone NAME`."""
    # imported late: most files name no zone and zoneinfo costs start-up time
    from zoneinfo import ZoneInfo

    if name in ("", "UTC"):
        return dt.UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"unknown time zone {name}") from None


def _day_matches(expr: CronExpression, day: dt.date) -> bool:
    in_month = day.day in expr.days
    in_week = (day.weekday() + 1) % 7 in expr.weekdays
    if expr.days_any or expr.weekdays_any:
        return in_month and in_week
    return in_month or in_week


def _is_plain_day(day: dt.date, tz: dt.tzinfo) -> bool:
    """Return whether the clock does not change on that day nor in the hours around it."""
    start = dt.datetime(day.year, day.month, day.day, tzinfo=tz)
    offsets = {(start + dt.timedelta(hours=hours)).utcoffset() for hours in (-6, 0, 6, 12, 18, 30)}
    return len(offsets) == 1


def _first_plain(
    day: dt.date, hours: list[int], minutes: list[int], tz: dt.tzinfo, after: dt.datetime
) -> dt.datetime | None:
    """`_first_on` for a day of 24 plain hours; `after` is in the same zone."""
    today = after.date()
    if day < today:
        return None
    at: tuple[int, int] | None = (hours[0], minutes[0])
    if day == today:
        now = (after.hour, after.minute)
        at = None
        for hour in hours:
            if hour < now[0]:
                continue
            minute = minutes[0] if hour > now[0] else _above(minutes, now[1])
            if minute is not None:
                at = (hour, minute)
                break
    if at is None:
        return None
    return dt.datetime(day.year, day.month, day.day, at[0], at[1], tzinfo=tz)


def _above(numbers: list[int], bound: int) -> int | None:
    return next((number for number in numbers if number > bound), None)


def _first_on(
    day: dt.date, hours: list[int], minutes: list[int], tz: dt.tzinfo, after: dt.datetime
) -> dt.datetime | None:
    """Return the earliest instant of that local day that matches and lies after `after`."""
    bound = after.astimezone(dt.UTC)
    best: dt.datetime | None = None
    for hour in hours:
        for minute in minutes:
            for fold in (0, 1):
                local = dt.datetime(
                    day.year, day.month, day.day, hour, minute, tzinfo=tz, fold=fold
                )
                instant = local.astimezone(dt.UTC)
                back = instant.astimezone(tz)
                if (back.date(), back.hour, back.minute) != (day, hour, minute):
                    break  # this local time does not exist
                if instant > bound and (best is None or instant < best):
                    best = instant
    return None if best is None else best.astimezone(tz)


def _field(word: str, low: int, high: int, names: dict[str, int]) -> tuple[frozenset[int], bool]:
    """Return the numbers of one field, and whether it is `*` or `?` with step 1."""
    numbers: set[int] = set()
    is_any = False
    for part in word.split(","):
        if not part:
            continue
        found, star = _part(part, low, high, names)
        numbers |= found
        is_any = is_any or star
    if not numbers:
        raise ValueError(f"failed to parse int from {word}")
    return frozenset(numbers), is_any


def _part(text: str, low: int, high: int, names: dict[str, int]) -> tuple[set[int], bool]:
    body, slash, step_text = text.partition("/")
    if "/" in step_text:
        raise ValueError(f"too many slashes: {text}")
    first_text, dash, last_text = body.partition("-")
    if "-" in last_text:
        raise ValueError(f"too many hyphens: {text}")
    star = first_text in ("*", "?")
    if star:
        first, last = low, high
    else:
        first = _number(first_text, names)
        last = _number(last_text, names) if dash else first
    step = 1
    if slash:
        step = _number(step_text, {})
        if not dash and not star:
            last = high
        if step > 1:
            star = False
    if first < low:
        raise ValueError(f"beginning of range ({first}) below minimum ({low}): {text}")
    if last > high:
        raise ValueError(f"end of range ({last}) above maximum ({high}): {text}")
    if first > last:
        raise ValueError(f"beginning of range ({first}) beyond end of range ({last}): {text}")
    if step == 0:
        raise ValueError(f"step of range should be a positive number: {text}")
    return set(range(first, last + 1, step)), star


def _number(text: str, names: dict[str, int]) -> int:
    named = names.get(text.upper())
    if named is not None:
        return named
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    if text[:1] == "-" and text[1:].isdigit():
        raise ValueError(f"negative number ({text}) not allowed: {text}")
    raise ValueError(f"failed to parse int from {text}")
