"""Live view of a run on a terminal, in place of the log lines (spec 30 section 1.8, `start`).

It only paints: the record is read, never changed, and a terminal that goes away ends the painting
and not the run. The cursor stays visible, so nothing has to be put back after a kill.
"""

from __future__ import annotations

import heapq
import shutil
import unicodedata
from collections.abc import Callable
from typing import TextIO

from edge.core.durations import summary_duration
from edge.core.record import NodeRecord, RunRecord
from edge.core.status import NodeStatus, RunStatus, display_status

__all__ = ["Progress", "frame"]

_MAX_ROWS = 20
#: lines of a frame beside the rows: header, "... N more", and the line of the cursor
_OTHER_LINES = 3
_LIVE = (NodeStatus.RUNNING, NodeStatus.RETRYING, NodeStatus.WAITING)
_GLYPHS = {
    NodeStatus.RUNNING: ("▶", "36"),
    NodeStatus.RETRYING: ("↻", "33"),
    NodeStatus.WAITING: ("‖", "33"),
    NodeStatus.SUCCEEDED: ("✓", "32"),
    NodeStatus.PARTIALLY_SUCCEEDED: ("✓", "33"),
    NodeStatus.FAILED: ("✗", "31"),
    NodeStatus.REJECTED: ("✗", "31"),
    NodeStatus.ABORTED: ("■", "33"),
    NodeStatus.SKIPPED: ("-", "2"),
}
_RUN_COLORS = {
    RunStatus.RUNNING: "36",
    RunStatus.SUCCEEDED: "32",
    RunStatus.FAILED: "31",
    RunStatus.REJECTED: "31",
}
_WORD_WIDTH = max(len(status.word) for status in _GLYPHS)


class Progress:
    """The painted block at the bottom of a terminal; one writer at a time."""

    def __init__(self, stream: TextIO, record: RunRecord, now_ms: Callable[[], int]) -> None:
        self._stream = stream
        self._record = record
        self._now_ms = now_ms
        #: columns of each line on the screen
        self._drawn: list[int] = []
        self._is_gone = False

    def update(self) -> None:
        """Paint the record as it is now. The caller limits how often (10 per second)."""
        width, height = shutil.get_terminal_size()
        lines = frame(self._record, self._now_ms(), width, height)
        self._write(self._erasure(width) + "".join(line + "\n" for line in lines))
        self._drawn = [_columns(_without_color(line)) for line in lines]

    def close(self) -> None:
        """Erase the block; what is printed next starts where it stood. Idempotent."""
        self._write(self._erasure(shutil.get_terminal_size().columns))
        self._drawn = []

    def _erasure(self, width: int) -> str:
        """Return what moves to the block's first line and clears from there on.

        A terminal that was made narrower has broken our lines: count them at its width of now.
        """
        rows = sum(max(1, -(-columns // max(1, width))) for columns in self._drawn)
        return f"\x1b[{rows}F\x1b[J" if rows else ""

    def _write(self, text: str) -> None:
        if self._is_gone or not text:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            self._is_gone = True


def frame(record: RunRecord, now_ms: int, width: int, height: int) -> list[str]:
    """Return the lines for a terminal of that size, each shorter than `width` columns.

    First what runs, then what ended, newest first; at most 20 rows, and never more than fit.
    """
    limit = max(1, min(_MAX_ROWS, height - _OTHER_LINES))
    live: list[tuple[str, NodeRecord]] = []
    ended: list[tuple[str, NodeRecord]] = []
    done = failed = 0
    for name, node in record.all_nodes():
        if node.status in _LIVE:
            live.append((name, node))
        elif node.status.is_done:
            ended.append((name, node))
    for node in record.nodes:
        done += node.status.is_done
        failed += node.status in (NodeStatus.FAILED, NodeStatus.REJECTED)
    shown = live[:limit]
    if len(shown) < limit:
        shown += heapq.nlargest(limit - len(shown), ended, key=lambda item: _ended_ms(item[1]))
    cells = max(1, width - 1)
    lines = [_header(record, now_ms, cells, done, failed)]
    lines += [_row(name, node, now_ms, cells) for name, node in shown]
    hidden = len(live) + len(ended) - len(shown)
    if hidden:
        lines.append(_cut(f"  ... {hidden} more", cells))
    return lines


def _header(record: RunRecord, now_ms: int, cells: int, done: int, failed: int) -> str:
    label = display_status(record.status.word)
    text = f"{_clean(record.name)}  {record.run_id}  {_elapsed(record, now_ms)}"
    text += f"  {done}/{len(record.nodes)} done" + (f", {failed} failed" if failed else "")
    if len(label) + 2 >= cells:
        return _cut(label, cells)
    rest = _cut(text, cells - len(label) - 2)
    return f"{_paint(label, _RUN_COLORS.get(record.status, '33'))}  {rest}"


def _row(name: str, node: NodeRecord, now_ms: int, cells: int) -> str:
    glyph, color = _GLYPHS[node.status]
    state = f"  {glyph} {node.status.word:<{_WORD_WIDTH}}"
    time = _elapsed(node, now_ms)
    room = cells - len(state) - 2 - (2 + len(time) if time else 0)
    if room < 8:
        return _cut(f"  {glyph} {_clean(name)}", cells)
    tail = f"  {time}" if time else ""
    return f"{_paint(state, color)}  {_cut(_clean(name), room)}{tail}"


def _ended_ms(node: NodeRecord) -> int:
    return node.finished_ms or node.started_ms or 0


def _elapsed(item: RunRecord | NodeRecord, now_ms: int) -> str:
    if item.started_ms is None:
        return ""
    end = now_ms if item.finished_ms is None else item.finished_ms
    return summary_duration(max(0, end - item.started_ms) / 1000)


def _clean(text: str) -> str:
    """Replace what would move the cursor."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text)


def _columns(text: str) -> int:
    """Return how many columns a terminal gives to a text without control characters."""
    if text.isascii():
        return len(text)
    return sum(map(_char_columns, text))


def _char_columns(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _cut(text: str, cells: int) -> str:
    """Return the text in at most `cells` columns, the last one `…` where something is missing."""
    if _columns(text) <= cells:
        return text
    out, used = "", 0
    for char in text:
        used += _char_columns(char)
        if used > cells - 1:
            break
        out += char
    return out + "…"


def _paint(text: str, code: str) -> str:
    return f"\x1b[{code}m{text}\x1b[0m"


def _without_color(line: str) -> str:
    """Return a line of `frame` without the codes of `_paint`."""
    parts = line.split("\x1b[")
    return parts[0] + "".join(part.partition("m")[2] for part in parts[1:])
