from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.web import logview
from edge.web.logview import LogWindow, open_log, plain_text, read_window


def write(path: Path, count: int, width: int = 0) -> str:
    path.write_text("".join(f"{n}{'x' * width}\n" for n in range(1, count + 1)))
    return str(path)


def test_missing_and_empty_files_read_as_empty(tmp_path: Path) -> None:
    assert read_window(str(tmp_path / "none"), tail=5) == LogWindow()
    assert read_window("", tail=5) == LogWindow()
    (tmp_path / "empty").touch()
    window = read_window(str(tmp_path / "empty"), tail=5)
    assert window.exists
    assert window.lines == ()


def test_tail_beats_head_beats_offset(tmp_path: Path) -> None:
    path = write(tmp_path / "a", 20)
    assert read_window(path, tail=2, head=3, offset=4).lines == ("19", "20")
    assert read_window(path, head=3, offset=4).lines == ("1", "2", "3")
    window = read_window(path, offset=4, limit=2)
    assert (window.lines, window.first, window.has_more) == (("4", "5"), 4, True)
    assert read_window(path, tail=-1, head=0, offset=19).lines == ("19", "20")


def test_window_at_the_end_has_no_more_only_when_it_is_all(tmp_path: Path) -> None:
    path = write(tmp_path / "a", 3)
    assert not read_window(path, tail=3).has_more
    assert read_window(path, tail=2).has_more
    assert not read_window(path, head=3).has_more
    assert read_window(path, offset=3, limit=9).has_more
    assert read_window(path, offset=9, limit=9).lines == ()


def test_last_line_without_end_counts(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one\ntwo")
    window = read_window(str(tmp_path / "a"), tail=10)
    assert (window.lines, window.total, window.first) == (("one", "two"), 2, 1)


@given(st.lists(st.text("ab\u00e9", max_size=12), min_size=1, max_size=40), st.integers(1, 50))
@settings(max_examples=60, deadline=None)
def test_tail_equals_the_plain_answer(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], count: int
) -> None:
    path = tmp_path_factory.mktemp("log") / "a"
    path.write_text("\n".join(lines) + "\n")
    old, logview._BLOCK_BYTES = logview._BLOCK_BYTES, 7
    try:
        window = read_window(str(path), tail=count)
    finally:
        logview._BLOCK_BYTES = old
    assert list(window.lines) == lines[-count:]
    assert window.first == max(1, len(lines) - count + 1)


def test_tail_reads_only_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "big"
    with path.open("wb") as file:
        file.truncate(2 * 1024**3)
        file.seek(0, os.SEEK_END)
        file.write(b"\nlast\n")
    read = 0
    real = os.pread

    def counting(fd: int, size: int, at: int) -> bytes:
        nonlocal read
        data = real(fd, size, at)
        read += len(data)
        return data

    monkeypatch.setattr(os, "pread", counting)
    window = read_window(str(path), tail=1)
    assert window.lines == ("last",)
    assert window.is_estimate
    assert window.first is None
    assert read < 4 * 1024 * 1024


def test_growth_is_counted_without_reading_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    write(path, 100_000, 10)
    assert read_window(str(path), tail=1).total == 100_000
    read = 0
    real = os.pread

    def counting(fd: int, size: int, at: int) -> bytes:
        nonlocal read
        read += size
        return real(fd, size, at)

    monkeypatch.setattr(os, "pread", counting)
    with path.open("a") as file:
        file.write("more\n")
    window = read_window(str(path), tail=1)
    assert (window.total, window.lines) == (100_001, ("more",))
    assert read < 200_000


def test_a_file_that_shrank_is_counted_anew(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write(path, 100)
    assert read_window(str(path), tail=1).total == 100
    os.truncate(path, 4)
    assert read_window(str(path), tail=1).total == 2


def test_long_lines_are_cut_and_do_not_shift_the_count(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"first\n" + b"y" * 300_000 + b"\nthird\n")
    head = read_window(str(path), head=10)
    assert [line[:5] for line in head.lines] == ["first", "yyyyy", "third"]
    assert head.lines[1].endswith("[line cut at 64 KiB]")
    assert len(head.lines[1]) < 66_000
    assert read_window(str(path), tail=2).lines == head.lines[1:]
    assert read_window(str(path), offset=3, limit=1).lines == ("third",)


def test_a_window_is_bounded_in_bytes(tmp_path: Path) -> None:
    path = write(tmp_path / "a", 400, 60_000)
    for window in (read_window(path, tail=400), read_window(path, head=400)):
        assert window.has_more
        assert sum(map(len, window.lines)) < 5 * 1024 * 1024


def test_escapes_controls_and_bad_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(
        b"\x1b[1;31mred\x1b[0m \x1b]0;title\x07ok\n10%\r50%\r100%\n"
        b"bad \xff\x00\nrtl \xe2\x80\xae!\nwin\r\n"
    )
    assert read_window(str(path), head=9).lines == (
        "red ok",
        "100%",
        "bad \ufffd\ufffd",
        "rtl \ufffd!",
        "win",
    )


def test_plain_text_leaves_ordinary_text() -> None:
    assert plain_text("a\tb <é> 😀") == "a\tb <é> 😀"


def test_a_fifo_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        open_log(str(tmp_path / "pipe"))
