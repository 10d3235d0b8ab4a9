"""Read windows of log files (spec 31 section 4.2) without loading the file.

Synchronous: callers run it in a worker thread. What comes back is plain text, with terminal escapes
removed; the templates escape it for HTML.
"""

from __future__ import annotations

import os
import re
import stat
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import BinaryIO

__all__ = ["LogWindow", "open_log", "plain_text", "read_window"]

MAX_LINES = 10_000
DEFAULT_LINES = 1000
_MAX_LINE_BYTES = 64 * 1024
#: one window never holds more than this; lines beyond it are left out and `has_more` says so
_MAX_WINDOW_BYTES = 4 * 1024 * 1024
_BLOCK_BYTES = 64 * 1024
_COUNT_BLOCK_BYTES = 256 * 1024
#: a file up to this size is counted exactly (once; then only its growth), a larger one estimated
_MAX_COUNTED_BYTES = 32 * 1024 * 1024
_SAMPLE_BYTES = 1024 * 1024
_CUT_MARK = " [line cut at 64 KiB]"

#: CSI, OSC and two-character escapes; then the control characters that mean nothing on a page
_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-Z\\-_]|\x1b[ -/]+[0-~]"
)
_CONTROLS = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)


@dataclass(frozen=True, slots=True)
class LogWindow:
    """Some lines of a file.

    `first` is the number of the first line, None where only an estimate of the count exists (tail
    of a very large file). `size` is the file's size when it was read.
    """

    lines: tuple[str, ...] = ()
    first: int | None = 1
    total: int = 0
    is_estimate: bool = False
    has_more: bool = False
    size: int = 0
    exists: bool = False


def plain_text(text: str) -> str:
    """Return `text` without terminal escapes, and of a rewritten line (`\\r`) what it ended as."""
    if "\x1b" in text:
        text = _ESCAPES.sub("", text)
    if "\r" in text:
        text = text.rstrip("\r").rsplit("\r", 1)[-1]
    return _CONTROLS.sub("\ufffd", text)


def open_log(path: str) -> BinaryIO | None:
    """Open a log for reading; None when it does not exist yet, which reads as empty.

    Raises: OSError for anything that is no readable regular file (a fifo would block for ever).
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(f"{path}: not a regular file")
    return os.fdopen(fd, "rb", buffering=_BLOCK_BYTES)


def read_window(
    path: str, *, tail: int = 0, head: int = 0, offset: int = 0, limit: int = 0
) -> LogWindow:
    """Read lines by the precedence `tail` > `head` > `offset`+`limit` > first `limit`.

    Numbers below 1 count as absent; at most 10,000 lines come back. Raises: OSError.
    """
    file = open_log(path) if path else None
    if file is None:
        return LogWindow()
    with file:
        status = os.fstat(file.fileno())
        size = status.st_size
        if size == 0:
            return LogWindow(exists=True)
        total, exact = _count_lines(file, (status.st_dev, status.st_ino), size)
        if tail > 0:
            lines = _tail(file, size, min(tail, MAX_LINES))
            first = total - len(lines) + 1 if exact else None
            more = total > len(lines) if exact else True
        else:
            wanted = head if head > 0 else limit if limit > 0 else DEFAULT_LINES
            start = 1 if head > 0 or offset < 1 else offset
            lines, at_end = _page(file, size, start, min(wanted, MAX_LINES))
            first = start
            more = start > 1 or not at_end
    return LogWindow(
        lines=tuple(plain_text(line) for line in lines),
        first=first,
        total=total,
        is_estimate=not exact,
        has_more=more,
        size=size,
        exists=True,
    )


def _decode(raw: bytes) -> str:
    if len(raw) > _MAX_LINE_BYTES:
        return raw[:_MAX_LINE_BYTES].decode(errors="replace") + _CUT_MARK
    return raw.decode(errors="replace")


def _tail(file: BinaryIO, size: int, count: int) -> list[str]:
    """Return the last `count` lines, reading backwards in blocks."""
    blocks: list[bytes] = []
    at, newlines, held = size, 0, 0
    while at > 0 and newlines <= count and held < _MAX_WINDOW_BYTES:
        step = min(_BLOCK_BYTES, at)
        at -= step
        block = os.pread(file.fileno(), step, at)
        blocks.append(block)
        newlines += block.count(b"\n")
        held += len(block)
    lines = b"".join(reversed(blocks)).split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    if at > 0 and len(lines) > 1:
        lines = lines[1:]  # the first one began before the window
    return [_decode(line) for line in lines[-count:]]


def _page(file: BinaryIO, size: int, start: int, count: int) -> tuple[list[str], bool]:
    """Return (`count` lines from line `start` on, whether the file ended there)."""
    lines: list[str] = []
    held, number, at_end = 0, 0, False
    while len(lines) < count and held < _MAX_WINDOW_BYTES and file.tell() < size:
        raw = file.readline(_MAX_LINE_BYTES + 1)
        if not raw:
            break
        number += 1
        ended = raw.endswith(b"\n")
        if number >= start:
            lines.append(_decode(raw[:-1] if ended else raw))
            held += len(raw)
        while not ended:
            rest = file.readline(_BLOCK_BYTES)
            ended = not rest or rest.endswith(b"\n")
    at_end = file.tell() >= size
    return lines, at_end


class _LineCounts:
    """How many line ends a file has up to a place, so that a growing log is counted once.

    At most 128 files are remembered. A file that shrank is counted anew.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[int, int], tuple[int, int]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: tuple[int, int], size: int) -> tuple[int, int]:
        with self._lock:
            at, lines = self._known.get(key, (0, 0))
        return (at, lines) if at <= size else (0, 0)

    def put(self, key: tuple[int, int], at: int, lines: int) -> None:
        with self._lock:
            self._known[key] = (at, lines)
            self._known.move_to_end(key)
            while len(self._known) > 128:
                self._known.popitem(last=False)


_counts = _LineCounts()


def _count_lines(file: BinaryIO, key: tuple[int, int], size: int) -> tuple[int, bool]:
    """Return (number of lines, whether that is exact)."""
    fd = file.fileno()
    at, lines = _counts.get(key, size)
    if size - at > _MAX_COUNTED_BYTES:
        first = os.pread(fd, _SAMPLE_BYTES, 0)
        last = os.pread(fd, _SAMPLE_BYTES, size - _SAMPLE_BYTES)
        per_byte = (first.count(b"\n") + last.count(b"\n")) / (len(first) + len(last))
        return max(1, int(size * per_byte * 1.05)), False
    while at < size:
        block = os.pread(fd, min(_COUNT_BLOCK_BYTES, size - at), at)
        if not block:
            break
        lines += block.count(b"\n")
        at += len(block)
    _counts.put(key, at, lines)
    unended = at > 0 and os.pread(fd, 1, at - 1) != b"\n"
    return lines + (1 if unended else 0), True
