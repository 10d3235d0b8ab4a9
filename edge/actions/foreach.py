"""`foreach`: a body of steps for each item (spec 12 section 12, spec 11 section 8.7)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import trio

from edge.actions.base import ActionContext, ActionError, Outcome
from edge.actions.children import BodyCall
from edge.core.gojson import GoRecord, go_json
from edge.core.jsontypes import JsonObject, JsonValue
from edge.core.status import RunStatus
from edge.core.subruns import StatusDetail
from edge.workflow.fan_items import MAX_ITEMS
from edge.workflow.field_policy import policy_of
from edge.workflow.json_text import decode_json, foreach_values, insertion_text
from edge.workflow.model import Foreach
from edge.workflow.references import TOKEN, parse_reference
from edge.workflow.values import Scope, resolve

__all__ = ["OUTPUTS_MAX_BYTES", "run_foreach"]

#: what the collected values of all items may have together: they are held until the last has ended
OUTPUTS_MAX_BYTES = 16 * 1024 * 1024

_POLICY = policy_of("steps[].foreach")


@dataclass(frozen=True, slots=True)
class _Item:
    key: str
    label: str
    scope: Scope


async def run_foreach(context: ActionContext) -> Outcome:
    """Run the bodies, a few at a time, to the end of all; print the results."""
    loop = context.step.foreach
    assert loop is not None
    if any(step.approval is not None for step in loop.steps):
        # Nobody could answer: a body has no record.
        return Outcome(1, "approval in foreach.steps is not available in this build of edge")
    try:
        items = _items(loop, context.scope)
    except ActionError as exc:
        return Outcome(1, str(exc))
    work = _Loop(context, loop, items)
    async with trio.open_nursery() as nursery:
        for _ in range(min(loop.max_concurrent, len(items))):
            nursery.start_soon(work.work)
    context.write_stdout(work.printed())
    return work.outcome()


def _items(loop: Foreach, scope: Scope) -> list[_Item]:
    """Return the items with their keys. Raises: ActionError before any body starts."""
    values = _values(loop, scope)
    if len(values) > MAX_ITEMS:
        raise ActionError(f"foreach.items exceeds maximum limit of {MAX_ITEMS}")
    found = []
    seen: dict[str, int] = {}
    for index, value in enumerate(values):
        key = _key(loop, value, index, scope)
        if key in seen:
            raise ActionError(
                f'duplicate foreach item key "{key}" at item {index}; first seen at item'
                f" {seen[key]}"
            )
        seen[key] = index
        label = key if loop.key else insertion_text(value)
        inner = scope.with_foreach(foreach_values(loop.name, value, index, key))
        found.append(_Item(key, label, inner))
    return found


def _values(loop: Foreach, scope: Scope) -> list[JsonValue]:
    if not isinstance(loop.items, str):
        return [_resolved(item, scope) for item in loop.items]
    failed = "foreach.items string must resolve to a JSON array"
    try:
        value = decode_json(resolve(loop.items, _POLICY, scope))
    except ValueError as exc:
        raise ActionError(f"{failed}: {exc}") from None
    if not isinstance(value, list):
        raise ActionError(failed)
    return value


def _resolved(value: JsonValue, scope: Scope) -> JsonValue:
    if isinstance(value, str):
        return resolve(value, _POLICY, scope)
    if isinstance(value, list):
        return [_resolved(item, scope) for item in value]
    if isinstance(value, dict):
        return {key: _resolved(item, scope) for key, item in value.items()}
    return value


def _key(loop: Foreach, value: JsonValue, index: int, scope: Scope) -> str:
    if not loop.key:
        return str(index)
    inner = scope.with_foreach(foreach_values(loop.name, value, index, None))
    key = resolve(loop.key, _POLICY, inner)
    if not key:
        raise ActionError(f"foreach.key resolved to an empty text for item {index}")
    if left := _unresolved(key):
        raise ActionError(
            f"foreach.key resolved with unresolved reference for item {index}: {left}"
        )
    return key


def _unresolved(text: str) -> str:
    """Return the first strict reference that a resolved text still holds; "" for none."""
    for match in TOKEN.finditer(text):
        if match["braced"] is not None and parse_reference(match["braced"]) is not None:
            return match[0]
    return ""


class _Loop:
    """The bodies of one execution and how they ended."""

    def __init__(self, context: ActionContext, loop: Foreach, items: list[_Item]) -> None:
        self._context = context
        self._loop = loop
        self._items = items
        self._todo: Iterator[int] = iter(range(len(items)))
        self._status: dict[int, RunStatus] = {}
        self._outputs: dict[int, JsonObject] = {}
        self._errors: dict[int, str] = {}
        self._bytes = 0

    async def work(self) -> None:
        """Take one item after the other; a stop lets no further body start."""
        context = self._context
        for index in self._todo:
            if context.children.is_stopped:
                return
            item = self._items[index]
            end = await context.children.run_body(BodyCall(index, item.scope, context.cwd))
            self._status[index] = end.status
            if end.status is not RunStatus.SUCCEEDED:
                word = end.status.word
                self._errors[index] = end.error or f"foreach item body ended with status: {word}"
                continue
            try:
                self._outputs[index] = self._collect(end.scope)
            except ActionError as exc:
                self._status[index] = RunStatus.FAILED
                self._errors[index] = str(exc)

    def _collect(self, scope: Scope) -> JsonObject:
        found: JsonObject = {}
        for name, text in self._loop.collect.items():
            value = resolve(text, _POLICY, scope)
            if left := _unresolved(value):
                raise ActionError(
                    f"foreach.collect.{name} resolved with unresolved reference: {left}"
                )
            self._bytes += len(value)
            if self._bytes > OUTPUTS_MAX_BYTES:
                raise ActionError(
                    f"outputs exceeded maximum size limit of {OUTPUTS_MAX_BYTES} bytes"
                )
            found[name] = value
        return found

    def printed(self) -> bytes:
        """Return the result as text; what did not start is in `total` only."""
        found, summary = GoRecord(), GoRecord()
        summary["total"] = len(self._items)
        summary["succeeded"] = len(self._outputs)
        summary["failed"] = len(self._errors)
        found["summary"] = summary
        found["items"] = [self._item(index) for index in sorted(self._status)]
        found["outputs"] = [dict(self._outputs[index]) for index in sorted(self._outputs)]
        return go_json(found).encode("utf-8", "surrogateescape")

    def _item(self, index: int) -> GoRecord:
        found = GoRecord()
        found["index"] = index
        found["key"] = self._items[index].key
        if index in self._errors:
            found["status"] = RunStatus.FAILED.word
            found["error"] = self._errors[index]
        else:
            found["status"] = RunStatus.SUCCEEDED.word
            if self._outputs[index]:
                found["outputs"] = self._outputs[index]
        return found

    def outcome(self) -> Outcome:
        """Return how the step ends: failed if any body is."""
        details = tuple(
            StatusDetail(
                self._items[index].label,
                int(RunStatus.FAILED if index in self._errors else RunStatus.SUCCEEDED),
            )
            for index in sorted(self._status)
        )
        if self._errors:
            return Outcome(1, "one or more foreach item bodies failed", details=details)
        if len(self._status) < len(self._items):
            error = "the run was stopped before all foreach item bodies could start"
            return Outcome(1, error, details=details)
        return Outcome(0, details=details)
