"""The framing of a container's output, and of the engine's progress (spec 13 section 4.1). Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

__all__ = ["FrameError", "FrameReader", "LineWatch", "ProgressReader"]

_HEAD_BYTES = 8
_STREAMS = (0, 1, 2)
_STDERR = 2
_LINE_MAX_BYTES = 1 << 20
_LOG_LINE_MAX_BYTES = 64 * 1024


class FrameError(Exception):
    """What came is no framed output."""


class FrameReader:
    """Takes pieces of a stream and gives (is stderr, data); a frame may come in many pieces.

    Byte 0 of a frame's head is the stream, bytes 4 to 7 the length, the highest byte first. With
    `is_tty` there are no frames and all of it is stdout.
    """

    def __init__(self, *, is_tty: bool = False) -> None:
        self._is_tty = is_tty
        self._head = b""
        self._left = 0
        self._is_stderr = False

    def feed(self, data: bytes) -> Iterator[tuple[bool, bytes]]:
        """Yield what a piece holds. Raises: FrameError."""
        if self._is_tty:
            if data:
                yield False, data
            return
        at = 0
        while at < len(data):
            if self._left:
                part = data[at : at + self._left]
                self._left -= len(part)
                at += len(part)
                yield self._is_stderr, part
                continue
            need = _HEAD_BYTES - len(self._head)
            self._head += data[at : at + need]
            at += need
            if len(self._head) == _HEAD_BYTES:
                self._begin()

    def _begin(self) -> None:
        if self._head[0] not in _STREAMS:
            raise FrameError(f"unrecognized stream: {self._head[0]}")
        self._is_stderr = self._head[0] == _STDERR
        self._left = int.from_bytes(self._head[4:], "big")
        self._head = b""


class ProgressReader:
    """Takes the progress of a pull, JSON objects one after another; keeps its error."""

    def __init__(self) -> None:
        self.error = ""
        self._rest = b""

    def feed(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _LINE_MAX_BYTES:
            self._rest = b""
        for line in lines:
            self._take(line)

    def finish(self) -> str:
        """Return the error that the engine reported; "" for none."""
        self._take(self._rest)
        self._rest = b""
        return self.error

    def _take(self, line: bytes) -> None:
        if not line.strip():
            return
        try:
            report = json.loads(line)
        except (ValueError, RecursionError):
            return
        if not isinstance(report, dict):
            return
        detail = report.get("errorDetail")
        said = report.get("error") or (detail.get("message") if isinstance(detail, dict) else "")
        if said and not self.error:
            self.error = str(said)


class LineWatch:
    """Looks for a line of a log; lines are bounded."""

    def __init__(self, wanted: re.Pattern[str]) -> None:
        self.has_matched = False
        self._wanted = wanted
        self._rest = b""

    def feed(self, data: bytes) -> bool:
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[-_LOG_LINE_MAX_BYTES:]
        self.has_matched = self.has_matched or any(map(self._is_match, lines))
        return self.has_matched

    def finish(self) -> bool:
        return self._is_match(self._rest)

    def _is_match(self, line: bytes) -> bool:
        return self._wanted.search(line.decode("utf-8", "replace")) is not None
