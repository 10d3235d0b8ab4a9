from __future__ import annotations

import pytest

from edge.workflow.model import ScheduleEntry
from tests.workflow.helpers import load, refused


def texts(entries: tuple[ScheduleEntry, ...]) -> list[str]:
    return [entry.identity for entry in entries]


@pytest.mark.parametrize(
    ("value", "start", "stop", "restart"),
    [
        ("0  3 * * *", ["cron:0 3 * * *"], [], []),
        ("['0 3 * * *', {expression: '0 4 * * *'}]", ["cron:0 3 * * *", "cron:0 4 * * *"], [], []),
        ("''", [], [], []),
        ("[]", [], [], []),
        ("~", [], [], []),
        ("{start: []}", [], [], []),
        (
            "{start: '0 3 * * *', stop: ['0 4 * * *'], restart: {expression: '0 5 * * *'}}",
            ["cron:0 3 * * *"],
            ["cron:0 4 * * *"],
            ["cron:0 5 * * *"],
        ),
        (
            "[{at: '2031-05-01T04:00:00+02:00'}, {kind: at, at: '2031-05-01T04:00:00Z'}]",
            ["at:2031-05-01T04:00:00+02:00", "at:2031-05-01T04:00:00+00:00"],
            [],
            [],
        ),
        (
            "{start: [{expression: '0  3 * * *', profile: winter},"
            " {at: '2031-05-01T04:00:00Z', profile: a.b-1}],"
            " stop: {expression: '0 4 * * *', profile: p, kind: cron}}",
            ["cron:0 3 * * *|profile:winter", "at:2031-05-01T04:00:00+00:00|profile:a.b-1"],
            ["cron:0 4 * * *|profile:p"],
            [],
        ),
        ("[{expression: '0 3 * * *', profile: ~}]", ["cron:0 3 * * *"], [], []),
        ("'0 3 ? JAN-MAR MON-FRI'", ["cron:0 3 ? JAN-MAR MON-FRI"], [], []),
        ("CRON_TZ=Europe/Berlin  0 3 * * *", ["cron:CRON_TZ=Europe/Berlin 0 3 * * *"], [], []),
        ("TZ=UTC 0 3 * * *", ["cron:TZ=UTC 0 3 * * *"], [], []),
    ],
)
def test_shapes(value: str, start: list[str], stop: list[str], restart: list[str]) -> None:
    """The shapes and the identities of spec 10 section 12."""
    schedule = load(f"schedule: {value}\nsteps: [{{run: a}}]\n").schedule
    assert texts(schedule.start) == start
    assert texts(schedule.stop) == stop
    assert texts(schedule.restart) == restart


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("5", "schedule: schedule must be string, array, or map, got uint64"),
        ("[5]", "schedule[0]: schedule must be string, array, or map, got uint64"),
        ("{start: ~}", "schedule.start: schedule must be string, array, or map, got <nil>"),
        ("{stop: [5]}", "schedule.stop: [0]: "),
        ("{x: '* * * * *'}", 'schedule: unknown key "x" (expected start, stop, or restart)'),
        ("{expression: '* * * * *'}", 'schedule: unknown key "expression"'),
        ("'@daily'", 'invalid cron expression "@daily": parser does not accept descriptors'),
        ("['* * * *']", 'schedule[0]: invalid cron expression "* * * *": expected exactly 5'),
        ("[{x: 1}]", 'unknown key "x"'),
        ("[{}]", "schedule object must include either expression or at"),
        ("[{expression: '* * * * *', at: x}]", "must not include both expression and at"),
        ("[{kind: at, expression: '* * * * *'}]", "one-off schedules must include at"),
        ("[{kind: x}]", 'unsupported schedule kind "x"'),
        ("[{at: '2031-05-01T04:00:00'}]", "must be RFC 3339 with an explicit offset"),
        ("[{at: '2031-05-01T04:00:30Z'}]", "must be RFC 3339 with an explicit offset"),
        ("[{at: '2031-02-31T04:00:00Z'}]", "must be RFC 3339 with an explicit offset"),
        ("{stop: {at: '2031-05-01T04:00:00Z'}}", "only supported for start schedules"),
        ("[{expression: '* * * * *', profile: Pi_1}]", 'invalid profile name: "Pi_1"'),
        ("[{expression: '* * * * *', profile: 5}]", "profile must be a string, got uint64"),
        ("[{expression: 5}]", "expression must be a string, got uint64"),
        ("[{kind: cron}]", "cron schedules must include expression"),
        ("'0 0 * * 7'", "end of range (7) above maximum (6): 7"),
        ("'* * * * * *'", "expected exactly 5 fields, found 6"),
        ("'CRON_TZ=Nowhere 0 0 * * *'", "unknown time zone Nowhere"),
        ("[~]", "schedule[0]: schedule must be string, array, or map, got <nil>"),
    ],
)
def test_errors(value: str, message: str) -> None:
    """The error texts of spec 10 section 12."""
    error = refused(f"schedule: {value}\nsteps: [{{run: a}}]\n")
    assert message in error.message
    assert error.problems[0].line == 1


@pytest.mark.parametrize(
    ("expression", "warnings"),
    [
        ("*/7 * * * *", ['schedule "*/7 * * * *": */7 in minute field fires at 0, 7, 14, 21, ']),
        ("0 */9 * * *", ['schedule "0 */9 * * *": */9 in hour field fires at 0, 9, 18 hours, ']),
        ("*/7 */9 * * *", ["*/7 in minute field", "*/9 in hour field"]),
        ("0 */5 * * *", []),
        ("*/60 */24 * * *", []),
        ("*/1 */1 * * *", []),
        ("*/20 * * * *", []),
        ("0-40/7 * * * *", []),
    ],
)
def test_uneven_steps_warn(expression: str, warnings: list[str]) -> None:
    """Legal, but not what was meant (spec 10 section 12)."""
    found = load(f"schedule: '{expression}'\nsteps: [{{run: a}}]\n").warnings
    assert len(found) == len(warnings)
    for text, part in zip(found, warnings, strict=True):
        assert part in text
