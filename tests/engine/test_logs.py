"""Log files: first byte, append, cap, line matching."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.engine.logs import LineMatcher, OutputSink, SchedulerLog, StreamLog


def test_a_file_is_made_at_the_first_byte_private_to_the_group(tmp_path: Path) -> None:
    sizes: list[int] = []
    log = StreamLog(tmp_path / "d" / "a.out", max_bytes=1 << 20, on_growth=sizes.append)
    assert not log.path.parent.exists()
    log.write(b"one\n")
    log.write(b"two\n")
    log.close()
    assert log.path.read_bytes() == b"one\ntwo\n"
    assert sizes == [4, 8]
    assert log.path.stat().st_mode & 0o007 == 0


def test_an_existing_file_is_continued(tmp_path: Path) -> None:
    path = tmp_path / "a.out"
    for text in (b"one\n", b"two\n"):
        log = StreamLog(path, max_bytes=1 << 20)
        log.write(text)
        log.close()
        log.close()
    assert path.read_bytes() == b"one\ntwo\n"
    assert log.size == 8


def test_beyond_the_cap_head_and_end_stay_with_a_line_between(tmp_path: Path) -> None:
    log = StreamLog(tmp_path / "a.out", max_bytes=4_000)
    lines = [f"line {number:06d}\n".encode() for number in range(5_000)]
    for line in lines:
        log.write(line)
    log.close()
    data = log.path.read_bytes()
    head, mark, end = data.partition(b"\ndropped ")
    assert mark
    dropped = int(end.split(b" bytes\n")[0])
    end = end.split(b" bytes\n", 1)[1]
    whole = b"".join(lines)
    assert whole.startswith(head)
    assert whole.endswith(end)
    assert len(head) + dropped + len(end) == len(whole)
    assert len(head) == 3_000
    assert len(end) >= 1_000
    assert log.size == len(data) <= 4_200


def test_output_just_over_the_head_loses_nothing(tmp_path: Path) -> None:
    log = StreamLog(tmp_path / "a.out", max_bytes=4_000)
    for _ in range(39):
        log.write(b"x" * 100)
    log.close()
    assert log.path.read_bytes() == b"x" * 3_900


def test_one_write_far_over_the_cap_keeps_memory_bounded(tmp_path: Path) -> None:
    log = StreamLog(tmp_path / "a.out", max_bytes=4_000)
    log.write(b"a" * 3_000 + b"b" * 100_000 + b"c" * 1_000)
    log.close()
    data = log.path.read_bytes()
    assert data.startswith(b"a" * 3_000)
    assert data.endswith(b"c" * 1_000)
    assert b"dropped 100000 bytes" in data


def test_a_full_disk_does_not_raise_and_is_remembered(tmp_path: Path) -> None:
    log = StreamLog(Path("/dev/full"), max_bytes=1 << 20)
    log.write(b"x")
    log.write(b"y")
    log.close()
    assert log.error == "/dev/full: No space left on device"


def test_a_sink_copies_and_keeps_the_last_kilobyte(tmp_path: Path) -> None:
    sink = OutputSink(StreamLog(tmp_path / "a.err", max_bytes=1 << 20))
    sink.copy_to(str(tmp_path / "copy"))
    sink.write(b"a" * 600)
    sink.write(b"b" * 600)
    assert sink.tail == b"a" * 424 + b"b" * 600
    sink.write(b"c" * 2_000)
    assert sink.tail == b"c" * 1_024
    sink.restart()
    assert sink.tail == b""
    sink.close()
    assert (tmp_path / "copy").read_bytes() == sink.log.path.read_bytes()


@pytest.mark.parametrize(
    ("patterns", "text", "found"),
    [
        (["stop here"], "x\nplease stop here now\n", True),
        (["stop here"], "stop\nhere\n", False),
        (["re:^abc[0-9]+$"], "abc123\n", True),
        (["re:^abc[0-9]+$"], "xabc123\n", False),
        (["b", "a"], "no end of line a", True),
        (["x"], "", False),
    ],
)
def test_lines_are_matched(patterns: list[str], text: str, found: bool) -> None:
    matcher = LineMatcher(patterns)
    matcher.feed(text.encode())
    assert matcher.finish() is found


@given(st.lists(st.sampled_from([b"ab", b"c\n", b"\n", b"needle", b"nee", b"dle"]), max_size=12))
def test_matching_does_not_depend_on_how_output_is_cut(pieces: list[bytes]) -> None:
    cut, whole = LineMatcher(["re:^needle$"]), LineMatcher(["re:^needle$"])
    for piece in pieces:
        cut.feed(piece)
    whole.feed(b"".join(pieces))
    assert cut.finish() is whole.finish()


def test_an_endless_line_is_looked_at_in_pieces() -> None:
    matcher = LineMatcher(["zz"])
    for _ in range(20):
        matcher.feed(b"x" * 10_000)
    assert len(matcher._rest) <= 64 * 1024 + 10_000
    matcher.feed(b"zz")
    assert matcher.finish()


def test_the_scheduler_log_is_json_with_the_run_on_each_bound_line(tmp_path: Path) -> None:
    sizes: list[int] = []
    log = SchedulerLog(tmp_path / "s.log", {"dag": "t"}, sizes.append)
    log.create()
    log.write("INFO", "one", {"exit_code": 1}, bound=True)
    log.write("INFO", "two", {}, bound=False)
    log.close()
    first, second = map(json.loads, (tmp_path / "s.log").read_text().splitlines())
    assert (first["msg"], first["dag"], first["exit-code"]) == ("one", "t", 1)
    assert "dag" not in second
    assert sizes[-1] == log.size == os.path.getsize(tmp_path / "s.log")
