from __future__ import annotations

import pytest

from edge.workflow.model import ScheduleEntry
from edge.workflow.problems import NOT_YET
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
    ],
)
def test_shapes(value: str, start: list[str], stop: list[str], restart: list[str]) -> None:
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
        ("[{expression: '* * * * *', profile: p}]", NOT_YET),
    ],
)
def test_errors(value: str, message: str) -> None:
    error = refused(f"schedule: {value}\nsteps: [{{run: a}}]\n")
    assert message in error.message
    assert error.problems[0].line == 1


def test_uneven_step_is_a_warning() -> None:
    dag = load("schedule: '*/7 * * * *'\nsteps: [{run: a}]\n")
    assert "*/7 in minute field" in dag.warnings[0]
