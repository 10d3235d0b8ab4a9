"""Turn records into what a page shows: words, rows and colours. Pure.

Nothing here produces HTML; every text may come from a stranger and is escaped by the templates.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edge.core.clock import from_ms
from edge.core.durations import summary_duration
from edge.core.execution import execution_summary, execution_text
from edge.core.jsontypes import JsonValue
from edge.core.record import NodeRecord, RunRecord
from edge.core.status import NodeStatus, RunStatus, display_status
from edge.core.subruns import SubRun
from edge.web.graph import BOX_HEIGHT, BOX_WIDTH, lay_out

__all__ = [
    "Badge",
    "Moment",
    "Picture",
    "StepRow",
    "ago",
    "badge",
    "dag_picture",
    "elapsed",
    "error_lines",
    "moment",
    "record_picture",
    "short_error",
    "step_rows",
    "unreachable",
]

#: status word -> (colour group of spec 31 section 11.2, sign); the label stands beside both
_LOOKS = {
    "not_started": ("grey", "○"),
    "skipped": ("grey", "↷"),
    "queued": ("grey", "≡"),
    "running": ("run", "●"),
    "succeeded": ("green", "✓"),
    "failed": ("red", "✕"),
    "rejected": ("red", "✕"),
    "aborted": ("amber", "■"),
    "partially_succeeded": ("amber", "◐"),
    "waiting": ("amber", "…"),
    "retrying": ("amber", "↻"),
}
_NAME_CHARS = 21
#: `file:line:column: message`, the line of an error that says where
_PLACED = re.compile(r"^\s*(\S.*?):(\d+):\d+: ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Badge:
    """A status for the eye: colour group, sign, and always the label."""

    word: str
    label: str
    group: str
    sign: str


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time: `text` and `offset` for people, `iso` for machines."""

    iso: str
    text: str
    offset: str


@dataclass(frozen=True, slots=True)
class StepRow:
    """One row of the step table. `key` is the step's index, or the handler's name."""

    key: str
    number: str
    name: str
    description: str
    execution: str
    #: its most telling line, where the whole is long
    execution_line: str
    badge: Badge
    started: Moment | None
    duration: str
    retries: int
    error: str
    #: conditions that were not met, and why
    conditions: tuple[str, ...]
    #: which streams have a log: `stdout`, `stderr`
    streams: tuple[str, ...]
    is_handler: bool
    #: its child runs: (run id, what they are called by)
    children: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class PictureNode:
    """One box of the picture."""

    key: str
    name: str
    short: str
    badge: Badge
    note: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Picture:
    """What the SVG template draws."""

    width: float
    height: float
    box_width: int
    box_height: int
    nodes: tuple[PictureNode, ...]
    #: (path data, colour group of the step it comes from)
    edges: tuple[tuple[str, str], ...]


def badge(status: RunStatus | NodeStatus) -> Badge:
    """Return how a status looks."""
    group, sign = _LOOKS[status.word]
    return Badge(status.word, display_status(status.word), group, sign)


def moment(value_ms: int | None, zone: dt.tzinfo | None) -> Moment | None:
    """Return the time in the configured zone; None stays None."""
    if not value_ms:
        return None
    value = from_ms(value_ms, zone)
    text = value.isoformat(sep=" ", timespec="seconds")
    return Moment(value.isoformat(timespec="seconds"), text[:19], text[19:])


def elapsed(started_ms: int | None, finished_ms: int | None, now_ms: int) -> str:
    """Return the duration so far, empty when nothing started."""
    if started_ms is None:
        return ""
    return summary_duration(max(0, (finished_ms or now_ms) - started_ms) / 1000)


def ago(value_ms: int | None, now_ms: int) -> str:
    """Return `12 s ago`, `in 3 min`: one unit is enough for a glance."""
    if not value_ms:
        return ""
    seconds = abs(now_ms - value_ms) // 1000
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size * 2 or (unit == "d" and seconds >= size):
            text = f"{seconds // size} {unit}"
            break
    else:
        text = f"{seconds} s"
    return f"in {text}" if value_ms > now_ms else f"{text} ago"


def step_rows(record: RunRecord, zone: dt.tzinfo | None, now_ms: int) -> list[StepRow]:
    """Return the table: steps in order, then the handlers that are configured."""
    rows = [
        _row(node, str(index), str(index + 1), zone, now_ms, is_handler=False)
        for index, node in enumerate(record.nodes)
    ]
    for key, node in record.handlers.items():
        rows.append(_row(node, key, "", zone, now_ms, is_handler=True))
    return rows


def _row(
    node: NodeRecord,
    key: str,
    number: str,
    zone: dt.tzinfo | None,
    now_ms: int,
    *,
    is_handler: bool,
) -> StepRow:
    started = node.status not in (NodeStatus.NOT_STARTED, NodeStatus.SKIPPED)
    streams = [("stdout", node.stdout), ("stderr", node.stderr)]
    if node.stdout == node.stderr:
        streams.pop()
    text = execution_text(node.step)
    return StepRow(
        key=key,
        number=number,
        name=node.name or key,
        description=_text(node.step.get("description")),
        execution=text,
        execution_line=execution_summary(text),
        badge=badge(node.status),
        started=moment(node.started_ms, zone),
        duration=elapsed(node.started_ms, node.finished_ms, now_ms),
        retries=node.retry_count,
        error=node.error,
        conditions=tuple(unmet_conditions(_list(node.step.get("preconditions")))),
        streams=tuple(name for name, path in streams if path and started),
        is_handler=is_handler,
        children=tuple((child.run_id, _child(child, node)) for child in node.children),
    )


def _child(child: SubRun, node: NodeRecord) -> str:
    """Return what a link to a child run says."""
    name = child.name or child.run_id
    if len(node.children) == 1:
        return name
    return f"{name} ({_shorten(child.item or child.params or child.run_id)})"


def unmet_conditions(conditions: Iterable[JsonValue]) -> list[str]:
    """Return one line for each condition that was not met."""
    return [
        f"{_text(item.get('condition')) or _text(item.get('eval'))}: {_text(item['error'])}"
        for item in conditions
        if isinstance(item, dict) and item.get("error")
    ]


def unreachable(record: RunRecord) -> str:
    """Return what is known of a remote run that nobody hears from, else empty text.

    Spec 20 section 18a: the condition `Reachable` with the time of the last contact.
    """
    for item in _list(record.extra.get("conditions")):
        if isinstance(item, dict) and item.get("type") == "Reachable":
            if item.get("status") == "True":
                return ""
            reason = _text(item.get("message")) or _text(item.get("reason")) or "no contact"
            when = _text(item.get("checkedAt"))
            return f"{reason} (as of {when})" if when else reason
    return ""


def record_picture(record: RunRecord, now_ms: int) -> Picture:
    """Return the picture of a run."""
    names = [node.name for node in record.nodes]
    depends = [[_text(d) for d in _list(node.step.get("depends"))] for node in record.nodes]
    badges = [badge(node.status) for node in record.nodes]
    notes = [elapsed(node.started_ms, node.finished_ms, now_ms) for node in record.nodes]
    return _picture(names, depends, badges, notes)


def dag_picture(steps: Sequence[tuple[str, Sequence[str]]]) -> Picture:
    """Return the picture of a definition: (name, depends) pairs, nothing started."""
    waiting = badge(NodeStatus.NOT_STARTED)
    names = [name for name, _ in steps]
    return _picture(names, [d for _, d in steps], [waiting] * len(steps), [""] * len(steps))


def _picture(
    names: Sequence[str],
    depends: Sequence[Sequence[str]],
    badges: Sequence[Badge],
    notes: Sequence[str],
) -> Picture:
    index = {name: at for at, name in enumerate(names)}
    layout = lay_out(tuple(tuple(index[d] for d in deps if d in index) for deps in depends))
    nodes = tuple(
        PictureNode(
            key=str(box.index),
            name=names[box.index],
            short=_shorten(names[box.index]),
            badge=badges[box.index],
            note=notes[box.index],
            x=box.x,
            y=box.y,
        )
        for box in layout.boxes
    )
    edges = tuple((edge.path, badges[edge.source].group) for edge in layout.edges)
    return Picture(layout.width, layout.height, BOX_WIDTH, BOX_HEIGHT, nodes, edges)


def _shorten(name: str) -> str:
    return name if len(name) <= _NAME_CHARS else name[: _NAME_CHARS - 1] + "…"


def short_error(text: str, directory: str) -> str:
    """Return the lines of a load error that say where (at most three), else its first line.

    Paths inside `directory` are shown from there.
    """
    lines = [line.strip() for line in text.splitlines() if _PLACED.match(line)]
    chosen = lines[:3] or text.strip().splitlines()[:1]
    return "\n".join(line.replace(directory.rstrip("/") + "/", "") for line in chosen)


def error_lines(text: str) -> frozenset[int]:
    """Return the line numbers that a load error names."""
    return frozenset(int(match[2]) for match in _PLACED.finditer(text))


def _text(value: JsonValue) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else str(value)


def _list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []
