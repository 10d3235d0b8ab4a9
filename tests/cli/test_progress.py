"""The live view: what it shows, in what order, and that it never leaves its place."""

from __future__ import annotations

import io
import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.cli.progress import Progress, frame
from edge.core.record import NodeRecord
from edge.core.status import NodeStatus, RunStatus
from tests.cli.records import T0, node, run

_COLOR = re.compile(r"\x1b\[\d+m")


def plain(lines: list[str]) -> list[str]:
    return [_COLOR.sub("", line) for line in lines]


def shown(*nodes: NodeRecord, width: int = 80, height: int = 24) -> list[str]:
    return plain(frame(run(*nodes), T0 + 12_000, width, height))


def test_header_tells_the_run_its_age_and_its_progress() -> None:
    header = shown(
        node("a", NodeStatus.SUCCEEDED, 0, 1),
        node("b", NodeStatus.FAILED, 1, 2),
        node("c", NodeStatus.RUNNING, 2),
        node("d"),
    )[0]
    assert header == "Running  pumps  r1  12.0s  2/4 done, 1 failed"


def test_running_steps_come_first_then_the_newest_end() -> None:
    lines = shown(
        node("old", NodeStatus.SUCCEEDED, 0, 1),
        node("new", NodeStatus.FAILED, 1, 9),
        node("busy", NodeStatus.RUNNING, 2),
        node("again", NodeStatus.RETRYING, 3),
        node("later"),
    )
    assert [line.split()[2] for line in lines[1:]] == ["busy", "again", "new", "old"]
    assert lines[1].split() == ["▶", "running", "busy", "10.0s"]
    assert lines[3].split() == ["✗", "failed", "new", "8.0s"]


def test_handlers_are_rows_but_no_steps() -> None:
    record = run(node("a", NodeStatus.SUCCEEDED, 0, 1))
    record.handlers["onExit"] = node("onExit", NodeStatus.RUNNING, 2)
    lines = plain(frame(record, T0 + 3_000, 80, 24))
    assert "1/1 done" in lines[0]
    assert lines[1].split()[2] == "onExit"


@pytest.mark.parametrize(("height", "rows"), [(24, 20), (100, 20), (13, 10), (2, 1)])
def test_rows_fit_and_the_rest_is_counted(height: int, rows: int) -> None:
    lines = shown(
        *[node(f"s{i}", NodeStatus.SUCCEEDED, i, i + 1) for i in range(30)], height=height
    )
    assert len(lines) == 1 + rows + 1
    assert lines[-1] == f"  ... {30 - rows} more"
    assert lines[1].split()[2] == "s29"


def test_a_status_is_told_by_glyph_word_and_colour() -> None:
    lines = frame(run(node("a", NodeStatus.FAILED, 0, 1)), T0, 80, 24)
    assert lines[1].startswith("\x1b[31m  ✗ failed")


def test_control_characters_of_a_name_do_not_reach_the_terminal() -> None:
    text = "".join(shown(node("a\x1b[2Jb\rc\nd", NodeStatus.RUNNING, 0)))
    assert "a\ufffd[2Jb\ufffdc\ufffdd" in text


def test_wide_characters_count_twice() -> None:
    line = shown(node("温" * 60, NodeStatus.RUNNING, 0), width=60)[1]
    name = line.split()[2]
    assert name.endswith("…")
    assert len(line) + name.count("温") <= 59


@given(
    st.text(min_size=1, max_size=200),
    st.sampled_from(list(NodeStatus)),
    st.integers(1, 200),
    st.integers(1, 60),
)
def test_no_line_ever_reaches_the_last_column(
    name: str, status: NodeStatus, width: int, height: int
) -> None:
    lines = plain(frame(run(node(name, status, 0)), T0 + 1, width, height))
    assert all(len(line) <= max(1, width - 1) for line in lines)
    assert len(lines) <= max(3, height - 1)
    assert not any("\n" in line or "\x1b" in line for line in lines)


@pytest.fixture
def size(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """The size of the terminal, to be changed in the test."""
    values = {"columns": 80, "lines": 24}
    monkeypatch.setattr(
        "shutil.get_terminal_size",
        lambda *_: os.terminal_size((values["columns"], values["lines"])),
    )
    return values


def test_an_update_paints_over_the_last_one(size: dict[str, int]) -> None:
    stream = io.StringIO()
    record = run(node("a", NodeStatus.RUNNING, 0), node("b"))
    progress = Progress(stream, record, lambda: T0)
    progress.update()
    first = stream.getvalue()
    assert not first.startswith("\x1b[2F")
    record.status = RunStatus.SUCCEEDED
    progress.update()
    assert stream.getvalue()[len(first) :].startswith("\x1b[2F\x1b[J")


def test_a_narrower_terminal_has_broken_the_old_lines(size: dict[str, int]) -> None:
    stream = io.StringIO()
    progress = Progress(stream, run(node("a" * 60, NodeStatus.RUNNING, 0)), lambda: T0)
    progress.update()
    painted = len(stream.getvalue())
    size["columns"] = 40
    progress.update()
    assert stream.getvalue()[painted:].startswith("\x1b[3F\x1b[J")


def test_close_leaves_nothing_behind(size: dict[str, int]) -> None:
    stream = io.StringIO()
    progress = Progress(stream, run(node("a", NodeStatus.RUNNING, 0)), lambda: T0)
    progress.update()
    progress.close()
    assert stream.getvalue().endswith("\x1b[2F\x1b[J")
    before = stream.getvalue()
    progress.close()
    assert stream.getvalue() == before


def test_a_terminal_that_went_away_does_not_end_the_run(size: dict[str, int]) -> None:
    stream = io.StringIO()
    progress = Progress(stream, run(), lambda: T0)
    stream.close()
    progress.update()
    progress.close()
