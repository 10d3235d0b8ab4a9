"""The `schedule` field (spec 10 section 12, spec 30 section 3.1)."""

from __future__ import annotations

import datetime as dt
import re
from typing import NoReturn

from edge.workflow.cron import parse_cron, step_warnings
from edge.workflow.model import Schedule, ScheduleEntry
from edge.workflow.nodes import ListNode, MapNode, Node, ScalarNode, go_type
from edge.workflow.problems import Fault, FaultError

__all__ = ["read_schedule", "schedule_warnings"]

_AT = r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:00(?:Z|[+-]\d{2}:\d{2})"
_PROFILE = r"[a-z0-9][a-z0-9._-]*"
_KINDS = ("start", "stop", "restart")


def read_schedule(node: Node, field: str = "schedule") -> Schedule:
    """Return the schedules of all shapes. Raises: FaultError (a decoding fault)."""
    if _is_null(node):
        return Schedule()
    if not isinstance(node, MapNode):
        return Schedule(start=_entries(node, field, "schedule: ", listed="schedule", start=True))
    found: dict[str, tuple[ScheduleEntry, ...]] = {}
    for key, value in node.entries.items():
        if key not in _KINDS:
            _bad(
                value,
                field,
                f'schedule: unknown key "{key}" (expected start, stop, or restart)',
            )
        found[key] = _entries(value, field, f"schedule.{key}: ", start=key == "start")
    return Schedule(
        start=found.get("start", ()), stop=found.get("stop", ()), restart=found.get("restart", ())
    )


def schedule_warnings(schedule: Schedule) -> list[str]:
    """Return the warnings about steps that do not divide the hour or the day."""
    entries = (*schedule.start, *schedule.stop, *schedule.restart)
    return [
        text for entry in entries if entry.cron is not None for text in step_warnings(entry.cron)
    ]


def _entries(
    node: Node, field: str, where: str, *, listed: str = "", start: bool
) -> tuple[ScheduleEntry, ...]:
    if isinstance(node, ListNode):
        found = []
        for index, item in enumerate(node.items):
            prefix = f"{listed}[{index}]: " if listed else f"{where}[{index}]: "
            entry = _entry(item, field, prefix, where, start=start)
            if entry is not None:
                found.append(entry)
        return tuple(found)
    entry = _entry(node, field, where, where, start=start)
    return () if entry is None else (entry,)


def _entry(node: Node, field: str, prefix: str, where: str, *, start: bool) -> ScheduleEntry | None:
    if isinstance(node, ScalarNode) and isinstance(node.value, str):
        return _cron(node, field, prefix, node.value) if node.value.strip() else None
    if isinstance(node, MapNode):
        return _object(node, field, prefix, where, start=start)
    _bad(node, field, f"{prefix}schedule must be string, array, or map, got {go_type(node)}")


def _object(node: MapNode, field: str, prefix: str, where: str, *, start: bool) -> ScheduleEntry:
    texts: dict[str, str] = {}
    for key, value in node.entries.items():
        if key not in ("kind", "expression", "at", "profile"):
            _bad(value, field, f'{prefix}unknown key "{key}"')
        if key == "profile" and _is_null(value):
            continue
        if not isinstance(value, ScalarNode) or not isinstance(value.value, str):
            _bad(value, field, f"{prefix}{key} must be a string, got {go_type(value)}")
        texts[key] = value.value
    profile = texts.get("profile", "").strip()
    if profile and not re.fullmatch(_PROFILE, profile, re.ASCII):
        _bad(node.entries["profile"], field, f'{prefix}invalid profile name: "{profile}"')
    kind = texts.get("kind", "")
    if kind not in ("", "cron", "at"):
        _bad(node, field, f'{prefix}unsupported schedule kind "{kind}"')
    if "expression" in texts and "at" in texts:
        _bad(node, field, f"{prefix}schedule object must not include both expression and at")
    if kind == "at" and "at" not in texts:
        _bad(node, field, f"{prefix}one-off schedules must include at")
    if kind == "cron" and "expression" not in texts:
        _bad(node, field, f"{prefix}cron schedules must include expression")
    if "expression" in texts:
        return _cron(node.entries["expression"], field, prefix, texts["expression"], profile)
    if "at" not in texts:
        _bad(node, field, f"{prefix}schedule object must include either expression or at")
    if not start:
        _bad(node, field, f"{where}one-off schedules are only supported for start schedules")
    return _one_off(node.entries["at"], field, prefix, texts["at"], profile)


def _cron(node: Node, field: str, prefix: str, text: str, profile: str = "") -> ScheduleEntry:
    try:
        return ScheduleEntry(cron=parse_cron(text), profile=profile)
    except ValueError as exc:
        _bad(node, field, f'{prefix}invalid cron expression "{text}": {exc}')


def _one_off(node: Node, field: str, prefix: str, text: str, profile: str) -> ScheduleEntry:
    try:
        if re.fullmatch(_AT, text, re.ASCII):
            return ScheduleEntry(at=dt.datetime.fromisoformat(text), profile=profile)
    except ValueError:
        pass
    _bad(
        node,
        field,
        f'{prefix}one-off schedule "{text}" must be RFC 3339 with an explicit offset and minute'
        " precision",
    )


def _is_null(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.value is None


def _bad(node: Node, field: str, message: str) -> NoReturn:
    text = f"'{field}' failed to unmarshal from YAML: {message}"
    raise FaultError([Fault(node.line, node.column, field, text, bullet=text)], decoding=True)
