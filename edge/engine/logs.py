"""The log files of an attempt (spec 12 section 18, DESIGN sections 4 and 10).

A stream's file is made at its first byte, or when something may name it; it is opened for append
and written without a buffer of ours. Beyond its cap the head stays, the last part is kept in
memory, and a line between them says how much is missing.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from edge.engine.masking import MaskStream

__all__ = ["Capture", "LineMatcher", "OutputSink", "SchedulerLog", "StreamLog"]

_FILE_MODE = 0o640
_DIR_MODE = 0o750
_TAIL_BYTES = 1024
_KEPT_END_BYTES = 256 * 1024
_LINE_MAX_BYTES = 64 * 1024


class StreamLog:
    """One log file of a node: of one stream, or of both when they are merged.

    `on_growth` is called with the file's size after each write. Writing never raises: a full disk
    must not end a step whose work goes on, so the first error is kept in `error`.
    """

    def __init__(
        self, path: Path, *, max_bytes: int, on_growth: Callable[[int], None] | None = None
    ) -> None:
        self.path = path
        self.size = 0
        self.error = ""
        self.matcher: LineMatcher | None = None
        self._on_growth = on_growth
        self._max_bytes = max_bytes
        self._fd = -1
        self._end: bytearray | None = None
        self._end_limit = min(_KEPT_END_BYTES, max_bytes // 4)
        self._dropped = 0

    def create(self) -> None:
        """Make the file now. Raises: OSError."""
        if self._fd < 0:
            self.path.parent.mkdir(mode=_DIR_MODE, parents=True, exist_ok=True)
            self._fd = _open(self.path)
            self.size = os.fstat(self._fd).st_size

    def write(self, data: bytes) -> None:
        """Append output."""
        if self.matcher is not None:
            self.matcher.feed(data)
        try:
            self._append(data)
        except OSError as exc:
            self.error = self.error or f"{self.path}: {exc.strerror}"

    def _append(self, data: bytes) -> None:
        if self._fd < 0:
            self.create()
        room = self._max_bytes - self._end_limit - self.size
        if self._end is None and len(data) <= room:
            _write_all(self._fd, data)
            self.size += len(data)
        else:
            if self._end is None:
                self._end = bytearray()
                head, data = data[: max(room, 0)], data[max(room, 0) :]
                _write_all(self._fd, head)
                self.size += len(head)
            self._keep_end(data)
        if self._on_growth is not None:
            self._on_growth(self.size)

    def _keep_end(self, data: bytes) -> None:
        assert self._end is not None
        self._end += data
        # Cut rarely: each cut moves what stays.
        if len(self._end) > 2 * self._end_limit:
            self._cut_end()

    def _cut_end(self) -> None:
        assert self._end is not None
        gone = max(len(self._end) - self._end_limit, 0)
        del self._end[:gone]
        self._dropped += gone

    def close(self) -> None:
        """Write what was kept of the end, and close. Safe to call twice."""
        try:
            if self._end is not None and self._fd >= 0:
                self._cut_end()
                mark = f"\ndropped {self._dropped} bytes\n".encode() if self._dropped else b""
                end = mark + bytes(self._end)
                _write_all(self._fd, end)
                self.size += len(end)
                if self._on_growth is not None:
                    self._on_growth(self.size)
        except OSError as exc:
            self.error = self.error or f"{self.path}: {exc.strerror}"
        self._end = None
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class Capture:
    """Keeps what a stream holds, up to a limit; what comes after it is counted out, not kept."""

    def __init__(self, limit_bytes: int) -> None:
        self.data = bytearray()
        self.is_over = False
        self._limit_bytes = limit_bytes

    def write(self, data: bytes) -> None:
        if len(self.data) + len(data) > self._limit_bytes:
            self.is_over = True
            self.data.clear()
        if not self.is_over:
            self.data += data

    def restart(self) -> None:
        self.data.clear()
        self.is_over = False


class OutputSink:
    """Takes one stream of a step: to its log, to the author's copy, and its end for the error.

    What a `Capture` keeps is the stream as it is; everything else has its secrets masked.
    """

    def __init__(self, log: StreamLog, mask: MaskStream | None = None) -> None:
        self.log = log
        #: last bytes of the current execution
        self.tail = b""
        self.capture: Capture | None = None
        self._mask = mask
        self._copy_fd = -1

    def copy_to(self, path: str) -> None:
        """Append a copy of the stream to another file, too. Raises: OSError."""
        if self._copy_fd < 0:
            self._copy_fd = _open(path)

    def write(self, data: bytes) -> None:
        """Append output; never raises, as `StreamLog.write`."""
        if self.capture is not None:
            self.capture.write(data)
        if self._mask is not None:
            data = self._mask.feed(data)
        if data:
            self._write(data)

    def flush(self) -> None:
        """Write what was held back because it might have become a secret."""
        if self._mask is not None and (rest := self._mask.flush()):
            self._write(rest)

    def _write(self, data: bytes) -> None:
        self.tail = (self.tail + data[-_TAIL_BYTES:])[-_TAIL_BYTES:]
        if self._copy_fd >= 0:
            try:
                _write_all(self._copy_fd, data)
            except OSError as exc:
                self.log.error = self.log.error or f"copy of {self.log.path}: {exc.strerror}"
        self.log.write(data)

    def restart(self) -> None:
        """Begin another execution: tail, capture and matches belong to the last one only."""
        self.tail = b""
        if self.capture is not None:
            self.capture.restart()
        if self.log.matcher is not None:
            self.log.matcher.reset()

    def close(self) -> None:
        """Close log and copy. Safe to call twice."""
        self.flush()
        self.log.close()
        if self._copy_fd >= 0:
            os.close(self._copy_fd)
            self._copy_fd = -1


class LineMatcher:
    """Watches a stream for the lines of `continue_on.output`.

    Lines are bounded at 64 KB: a longer one is looked at in pieces. Raises: re.error on making one
    with a pattern that cannot be read.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self.matched = False
        self._texts: list[str] = []
        self._patterns: list[re.Pattern[str]] = []
        for pattern in patterns:
            if pattern.startswith("re:"):
                self._patterns.append(re.compile(pattern[3:]))
            else:
                self._texts.append(pattern)
        self._rest = b""

    def feed(self, data: bytes) -> None:
        if self.matched:
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _LINE_MAX_BYTES:
            lines.append(self._rest)
            self._rest = b""
        self.matched = any(self._is_match(line) for line in lines)

    def finish(self) -> bool:
        """Return whether a line matched, the last, unfinished one included."""
        self.matched = self.matched or self._is_match(self._rest)
        return self.matched

    def reset(self) -> None:
        self.matched = False
        self._rest = b""

    def _is_match(self, line: bytes) -> bool:
        text = line.decode("utf-8", "replace")
        return any(part in text for part in self._texts) or any(
            pattern.search(text) for pattern in self._patterns
        )


class SchedulerLog:
    """The run's own log: one JSON object a line, the form of spec 30 section 2.10."""

    def __init__(
        self, path: Path, fields: dict[str, object], on_growth: Callable[[int], None]
    ) -> None:
        self._stream = StreamLog(path, max_bytes=64 * 1024 * 1024, on_growth=on_growth)
        self._fields = fields

    @property
    def size(self) -> int:
        return self._stream.size

    @property
    def error(self) -> str:
        return self._stream.error

    def create(self) -> None:
        """Make the file. Raises: OSError."""
        self._stream.create()

    def write(self, level: str, message: str, fields: dict[str, object], *, bound: bool) -> None:
        now_ns = time.time_ns()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now_ns // 1_000_000_000))
        line: dict[str, object] = {
            "time": f"{stamp}.{now_ns % 1_000_000_000:09d}Z",
            "level": level,
            "msg": message,
        }
        if bound:
            line.update(self._fields)
        line.update((key.replace("_", "-"), value) for key, value in fields.items())
        text = json.dumps(line, ensure_ascii=False, separators=(",", ":"), default=str)
        self._stream.write(text.encode("utf-8", "replace") + b"\n")

    def close(self) -> None:
        self._stream.close()


def _open(path: Path | str) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, _FILE_MODE)


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
