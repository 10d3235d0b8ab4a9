from __future__ import annotations

import datetime as dt
import zoneinfo

from edge.core.jsontypes import JsonObject
from edge.core.status import NodeStatus, RunStatus
from edge.web import present
from tests.web import fakes

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")


def test_every_status_has_a_look_and_a_label() -> None:
    for status in [*RunStatus, *NodeStatus]:
        badge = present.badge(status)
        assert badge.label
        assert badge.sign
        assert badge.group in ("grey", "green", "run", "red", "amber")
    assert present.badge(NodeStatus.PARTIALLY_SUCCEEDED).label == "Partially Succeeded"
    # The two number 5s differ (spec 31 section 1.4).
    assert present.badge(RunStatus(5)).label == "Queued"
    assert present.badge(NodeStatus(5)).label == "Skipped"


def test_moment_carries_the_offset() -> None:
    summer = int(dt.datetime(2026, 7, 1, 12, tzinfo=dt.UTC).timestamp() * 1000)
    moment = present.moment(summer + 500, BERLIN)
    assert moment is not None
    assert (moment.text, moment.offset) == ("2026-07-01 14:00:00", "+02:00")
    assert moment.iso == "2026-07-01T14:00:00+02:00"
    assert present.moment(None, BERLIN) is None


def test_ago() -> None:
    now = 1_000_000_000
    assert present.ago(now - 5_000, now) == "5 s ago"
    assert present.ago(now - 119_000, now) == "119 s ago"
    assert present.ago(now - 180_000, now) == "3 min ago"
    assert present.ago(now + 2 * 3_600_000, now) == "in 2 h"
    assert present.ago(now - 86_400_000, now) == "1 d ago"
    assert present.ago(None, now) == ""


def test_elapsed_runs_on_until_the_end_is_known() -> None:
    assert present.elapsed(None, None, 10) == ""
    assert present.elapsed(1000, None, 81_000) == "1m20s"
    assert present.elapsed(1000, 2000, 81_000) == "1.0s"
    assert present.elapsed(5000, None, 1000) == "0s"


def test_step_rows_list_handlers_last_and_streams_of_started_steps() -> None:
    record = fakes.record(
        nodes=[
            fakes.node("a", NodeStatus.SUCCEEDED, stdout="/l/a.out", stderr="/l/a.err"),
            fakes.node("m", NodeStatus.RUNNING, stdout="/l/m.log", stderr="/l/m.log"),
            fakes.node("z", stdout="/l/z.out", stderr="/l/z.err"),
        ],
        handlers={"onExit": fakes.node("onExit")},
    )
    rows = present.step_rows(record, BERLIN, fakes.NOW_MS)
    assert [row.key for row in rows] == ["0", "1", "2", "onExit"]
    assert [row.streams for row in rows] == [("stdout", "stderr"), ("stdout",), (), ()]
    assert [row.is_handler for row in rows] == [False, False, False, True]


def test_unreachable_only_for_an_open_condition() -> None:
    condition: JsonObject = {"type": "Reachable", "status": "Unknown", "reason": "LeaseOverdue"}
    record = fakes.record(extra={"conditions": [{"type": "Runnable"}, condition]})
    assert present.unreachable(record) == "LeaseOverdue"
    condition["status"] = "True"
    assert present.unreachable(record) == ""
    assert present.unreachable(fakes.record(extra={"conditions": None})) == ""


def test_picture_follows_the_record_and_ignores_unknown_names() -> None:
    record = fakes.record(
        nodes=[
            fakes.node("a", NodeStatus.SUCCEEDED),
            fakes.node("b" * 40, NodeStatus.RUNNING, depends=["a", "nobody"]),
        ]
    )
    picture = present.record_picture(record, fakes.NOW_MS)
    assert [node.badge.group for node in picture.nodes] == ["green", "run"]
    assert picture.nodes[1].short.endswith("…")
    assert [group for _, group in picture.edges] == ["green"]


LOAD_ERROR = """failed to load DAG from /d/b.yaml: [4:5] mapping key "x" already defined at [3:5]
   3 |     x: echo hi
>  4 |     x: y
           ^
  /d/b.yaml:4:5: mapping key "x" already defined at [3:5]"""


def test_short_error_keeps_the_line_with_the_place() -> None:
    expected = 'b.yaml:4:5: mapping key "x" already defined at [3:5]'
    assert present.short_error(LOAD_ERROR, "/d") == expected
    assert present.short_error("cannot read it\nmore", "/d") == "cannot read it"
    assert present.short_error("", "/d") == ""


def test_error_lines_are_those_of_the_file() -> None:
    assert present.error_lines(LOAD_ERROR) == {4}
    assert present.error_lines("cannot read it") == frozenset()


def test_a_long_execution_is_told_by_its_first_telling_line() -> None:
    text = "#!/bin/sh\n# rotate\nset -eu\n\ncd /var/log && ls\nmore"
    assert present.execution_summary(text) == "cd /var/log && ls"
    assert present.execution_summary("# only words") == "# only words"
    assert len(present.execution_summary("x" * 200)) == 70
