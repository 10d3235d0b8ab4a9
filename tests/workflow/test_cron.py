from __future__ import annotations

import contextlib
import datetime as dt
import itertools
import re
import time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge.workflow.cron import CronExpression, next_fire, parse_cron, step_warnings, zone_named

BERLIN = ZoneInfo("Europe/Berlin")


def fires(text: str, after: str, count: int, zone: str = "Europe/Berlin") -> list[str]:
    tz = zone_named(zone)
    at: dt.datetime | None = dt.datetime.fromisoformat(after).replace(tzinfo=tz)
    found = []
    for _ in range(count):
        assert at is not None
        at = next_fire(parse_cron(text), at, tz)
        found.append("never" if at is None else at.isoformat(timespec="minutes"))
        if at is None:
            break
    return found


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("* * * *", "expected exactly 5 fields, found 4: [* * * *]"),
        ("0 0 0 * * *", "expected exactly 5 fields, found 6: [0 0 0 * * *]"),
        ("", "expected exactly 5 fields, found 0: []"),
        ("CRON_TZ=UTC", "expected exactly 5 fields, found 0: []"),
        ("@daily", "parser does not accept descriptors: @daily"),
        ("@every 5m", "parser does not accept descriptors"),
        ("0 0 * * 7", "end of range (7) above maximum (6): 7"),
        ("60 * * * *", "end of range (60) above maximum (59): 60"),
        ("0 0 0 * *", "beginning of range (0) below minimum (1): 0"),
        ("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"),
        ("*/0 * * * *", "step of range should be a positive number: */0"),
        ("0 0 L * *", "failed to parse int from L"),
        ("0 0 * * MON#1", "failed to parse int from MON#1"),
        ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
        ("1/2/3 * * * *", "too many slashes: 1/2/3"),
        ("a * * * *", "failed to parse int from a"),
        (", * * * *", "failed to parse int from"),
        ("١ * * * *", "failed to parse int from"),
        (
            "CRON_TZ=Mars/Base 0 0 * * *",
            "provided bad location Mars/Base: unknown time zone Mars/Base",
        ),
        ("TZ=../etc/passwd 0 0 * * *", "unknown time zone ../etc/passwd"),
    ],
)
def test_bad_expressions(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        parse_cron(text)


def test_fields() -> None:
    cron = parse_cron("  */20   6-18/6,22 ?  jan,Mar-may mon-FRI ")
    assert cron.text == "*/20 6-18/6,22 ? jan,Mar-may mon-FRI"
    assert sorted(cron.minutes) == [0, 20, 40]
    assert sorted(cron.hours) == [6, 12, 18, 22]
    assert sorted(cron.months) == [1, 3, 4, 5]
    assert sorted(cron.weekdays) == [1, 2, 3, 4, 5]
    assert cron.days_any
    assert not cron.weekdays_any
    assert sorted(parse_cron("50/4 * * * *").minutes) == [50, 54, 58]
    assert not parse_cron("0 0 */2 * *").days_any
    assert parse_cron("0 0 */1 * *").days_any


def test_prefix_sets_the_zone() -> None:
    cron = parse_cron("CRON_TZ=Asia/Tokyo 0 9 * * *")
    assert cron.zone == "Asia/Tokyo"
    assert cron.text == "CRON_TZ=Asia/Tokyo 0 9 * * *"
    found = next_fire(cron, dt.datetime(2026, 1, 1, tzinfo=dt.UTC), BERLIN)
    assert found is not None
    assert found.isoformat() == "2026-01-02T09:00:00+09:00"


def test_fire_is_strictly_later_and_seconds_do_not_matter() -> None:
    assert fires("0 * * * *", "2026-01-01T10:00", 1) == ["2026-01-01T11:00+01:00"]
    assert fires("0 * * * *", "2026-01-01T10:59:59.5", 1) == ["2026-01-01T11:00+01:00"]
    assert fires("30 23 31 12 *", "2026-12-31T23:30", 1) == ["2027-12-31T23:30+01:00"]


def test_day_of_month_and_weekday_match_either_when_both_are_restricted() -> None:
    assert [day[:10] for day in fires("0 0 13 * FRI", "2026-02-01T00:00", 4)] == [
        "2026-02-06",
        "2026-02-13",
        "2026-02-20",
        "2026-02-27",
    ]
    assert [day[:10] for day in fires("0 0 * * FRI", "2026-02-01T00:00", 2)] == [
        "2026-02-06",
        "2026-02-13",
    ]


def test_missing_local_time_is_skipped_that_day() -> None:
    assert fires("30 2 * * *", "2026-03-28T02:30", 2) == [
        "2026-03-30T02:30+02:00",
        "2026-03-31T02:30+02:00",
    ]


def test_repeated_local_time_fires_twice() -> None:
    assert fires("30 2 * * *", "2026-10-24T03:00", 3) == [
        "2026-10-25T02:30+02:00",
        "2026-10-25T02:30+01:00",
        "2026-10-26T02:30+01:00",
    ]


def test_hourly_fires_once_per_real_hour_around_changes() -> None:
    for start in ("2026-03-28T22:00", "2026-10-24T22:00"):
        found = fires("0 * * * *", start, 8)
        moments = [dt.datetime.fromisoformat(text) for text in found]
        assert {b - a for a, b in itertools.pairwise(moments)} == {dt.timedelta(hours=1)}


def test_change_at_midnight() -> None:
    # Cuba leaves and enters summer time at midnight and one o'clock.
    assert fires("30 0 * * *", "2026-03-07T12:00", 1, "America/Havana") == [
        "2026-03-09T00:30-04:00"
    ]
    assert fires("30 0 * * *", "2026-10-31T12:00", 2, "America/Havana") == [
        "2026-11-01T00:30-04:00",
        "2026-11-01T00:30-05:00",
    ]


def test_a_day_that_a_zone_skipped() -> None:
    # Samoa had no 30 December 2011.
    assert fires("0 12 * * *", "2011-12-29T12:00", 1, "Pacific/Apia") == ["2011-12-31T12:00+14:00"]


def test_never_is_found_quickly() -> None:
    begin = time.process_time()
    assert fires("0 0 31 2 *", "2026-01-01T00:00", 1) == ["never"]
    assert fires("0 0 29 2 *", "2028-02-29T00:00", 1)[0].startswith("2032-02-29")
    assert fires("0 0 29 2 *", "2097-01-01T00:00", 1) == ["never"]
    assert time.process_time() - begin < 1.0


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("*/7 * * * *", 1),
        ("*/15 * * * *", 0),
        ("*/1 * * * *", 0),
        ("*/60 * * * *", 0),
        ("0-59/7 * * * *", 0),
        ("0 */7 * * *", 1),
        ("0 */5 * * *", 0),
        ("0 */6 * * *", 0),
        ("*/7 */7 * * *", 2),
        ("CRON_TZ=UTC */7 * * * *", 1),
    ],
)
def test_uneven_steps_warn(text: str, count: int) -> None:
    assert len(step_warnings(parse_cron(text))) == count


def test_warning_text() -> None:
    assert step_warnings(parse_cron("*/7 * * * *"))[0].startswith(
        'schedule "*/7 * * * *": */7 in minute field fires at 0, 7, 14, 21, 28, 35, 42, 49, 56'
        " minutes, "
        "not every 7 minutes. Divisors of 60 that work as expected: 2, 3, 4, 5, 6, 10"
    )


ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Havana",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Asia/Kathmandu",
    "America/St_Johns",
    "Pacific/Apia",
    "Atlantic/Azores",
]


@st.composite
def expressions(draw: st.DrawFn) -> str:
    def part(low: int, high: int) -> str:
        kind = draw(st.integers(0, 4))
        if kind <= 1:
            return "*"
        if kind == 2:
            return f"*/{draw(st.integers(2, 23))}"
        first = draw(st.integers(low, high))
        if kind == 3:
            return str(first)
        return f"{first}-{draw(st.integers(first, high))}"

    fields = [part(0, 59), part(0, 23), part(1, 31), part(1, 12), part(0, 6)]
    return " ".join(fields)


def _matches(cron: CronExpression, at: dt.datetime) -> bool:
    in_month, in_week = at.day in cron.days, at.isoweekday() % 7 in cron.weekdays
    day = in_month and in_week if cron.days_any or cron.weekdays_any else in_month or in_week
    return (
        at.minute in cron.minutes
        and at.hour in cron.hours
        and at.month in cron.months
        and day
        and at.second == 0
    )


@settings(max_examples=150, deadline=None)
@example("30 2 * * *", "Europe/Berlin", dt.datetime(2026, 3, 28, 20))
@example("30 1 * * *", "Australia/Lord_Howe", dt.datetime(2026, 4, 4, 0))
@given(
    expressions(),
    st.sampled_from(ZONES),
    st.datetimes(dt.datetime(2011, 1, 1), dt.datetime(2037, 1, 1)),
)
def test_next_fire_is_the_first_matching_minute(text: str, zone: str, start: dt.datetime) -> None:
    """Against a walk over every real minute of two days."""
    tz, cron = zone_named(zone), parse_cron(text)
    after = start.replace(tzinfo=dt.UTC)
    found = next_fire(cron, after, tz)
    minute = after.replace(second=0, microsecond=0)
    for _ in range(2 * 24 * 60):
        minute += dt.timedelta(minutes=1)
        if _matches(cron, minute.astimezone(tz)):
            assert found is not None
            assert found.timestamp() == minute.timestamp()
            return
    assert found is None or found.timestamp() > minute.timestamp()


@given(st.text(max_size=30))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert parse_cron(text).minutes
