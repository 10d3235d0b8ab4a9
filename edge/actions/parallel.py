"""`dag.run` with `parallel`: one child run for each item (spec 12 section 12)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import trio

from edge.actions.base import ActionContext, Outcome
from edge.actions.children import ChildEnd, ChildError
from edge.actions.dag import exit_code_of
from edge.core.gojson import GoRecord, go_json
from edge.core.jsontypes import JsonValue
from edge.core.status import RunStatus
from edge.core.subruns import StatusDetail, SubRun
from edge.workflow.fan_items import MAX_ITEMS, split_items
from edge.workflow.field_policy import policy_of
from edge.workflow.json_text import compact
from edge.workflow.model import Parallel
from edge.workflow.params_text import quoted
from edge.workflow.values import Scope, Source, resolve

__all__ = ["OUTPUTS_MAX_BYTES", "run_parallel"]

#: what the outputs of all children may have together: they are held until the last has ended
OUTPUTS_MAX_BYTES = 16 * 1024 * 1024

_SET_UP = "failed to set up step: "


async def run_parallel(context: ActionContext) -> Outcome:
    """Run the children, a few at a time, to the end of all; print the results."""
    fan = context.step.parallel
    assert fan is not None
    items = _items(fan, context.scope)
    if not items:
        return Outcome(1, f"{_SET_UP}parallel execution requires at least one item")
    if len(items) > MAX_ITEMS:
        return Outcome(1, f"{_SET_UP}parallel execution exceeds maximum limit")
    fan_out = _FanOut(context, _calls(context, items))
    context.children.note(fan_out.calls)
    await fan_out.look_up()
    async with trio.open_nursery() as nursery:
        for _ in range(min(fan.max_concurrent, len(fan_out.calls))):
            nursery.start_soon(fan_out.work)
    try:
        context.write_stdout(fan_out.printed())
    except ValueError as exc:
        return Outcome(1, f"the results of the sub-DAGs cannot be printed: {exc}")
    return fan_out.outcome()


def _items(fan: Parallel, scope: Scope) -> list[tuple[str, str]]:
    """Return each item as (text, what it is as parameters)."""
    policy = policy_of("steps[].parallel")
    if fan.variable:
        return [(text, text) for text in split_items(resolve(fan.variable, policy, scope))]
    found = []
    for item in fan.items:
        if isinstance(item, Mapping):
            values: dict[str, JsonValue] = {}
            words = []
            for key in sorted(item):
                value = resolve(item[key], policy, scope)
                values[key] = value
                words.append(f"{key}={quoted(value)}")
            found.append((compact(values), " ".join(words)))
        else:
            text = resolve(item, policy, scope)
            found.append((text, text))
    return found


def _calls(context: ActionContext, items: list[tuple[str, str]]) -> list[SubRun]:
    """Return the child runs: equal calls are one (spec 12 section 1)."""
    target = context.step.sub_dag
    assert target is not None
    first: dict[tuple[str, str], str] = {}
    found: dict[tuple[str, str, str], SubRun] = {}
    for item, own in items:
        scope = context.scope.child([("ITEM", item)], Source.STEP_ENV)
        name = resolve(target.name, policy_of("steps[].with.dag"), scope)
        params = own
        if target.params:
            params = resolve(target.params, policy_of("steps[].with.params"), scope)
        extra = "" if first.setdefault((name, params), item) == item else f"\0{item}"
        if (name, params, item) not in found:
            run_id = context.children.run_id(name, params, extra)
            found[name, params, item] = SubRun(run_id=run_id, name=name, params=params, item=item)
    return list(found.values())


class _FanOut:
    """The children of one execution and how they ended."""

    def __init__(self, context: ActionContext, calls: list[SubRun]) -> None:
        self.calls = calls
        self._children = context.children
        self._todo: Iterator[int] = iter(range(len(calls)))
        self._ends: dict[int, ChildEnd] = {}
        #: why some could not start
        self._refused: dict[int, str] = {}
        self._errors = 0
        self._last_error = ""
        self._bytes = 0

    async def look_up(self) -> None:
        """Find each target once, not once for each child that starts at the same time."""
        for name in dict.fromkeys(call.name for call in self.calls):
            try:
                await self._children.find(name)
            except ChildError:
                # each of its children says why
                continue

    async def work(self) -> None:
        """Take one child after the other; a stop lets no further one start."""
        for index in self._todo:
            if self._children.is_stopped:
                return
            call = self.calls[index]
            try:
                end = await self._children.run(call)
            except ChildError as exc:
                self._refused[index] = str(exc)
                self._failed(call, str(exc))
                continue
            self._take(index, end)
            if end.status is not RunStatus.WAITING and not end.status.is_success:
                self._failed(call, end.reason)

    def _take(self, index: int, end: ChildEnd) -> None:
        self._bytes += sum(map(len, end.outputs.values())) + len(compact(end.values))
        if self._bytes > OUTPUTS_MAX_BYTES:
            end = replace(end, outputs={}, values={})
        self._ends[index] = end

    def _failed(self, call: SubRun, reason: str) -> None:
        self._errors += 1
        self._last_error = f"sub DAG {call.run_id} failed: {reason}"

    def printed(self) -> bytes:
        """Return the results as text: what has ended, in the order of the items."""
        ends = [self._ends[index] for index in sorted(self._ends)]
        good = [end for end in ends if end.status.is_success]
        bad = [end for end in ends if not end.status.is_success]
        summary, found = GoRecord(), GoRecord()
        summary["total"] = len(self.calls)
        summary["succeeded"] = len(good)
        summary["failed"] = sum(end.status is not RunStatus.WAITING for end in bad)
        found["summary"] = summary
        found["results"] = [end.to_json() for end in ends]
        found["outputs"] = [dict(end.outputs) for end in good]
        text = go_json(found, indent="  ")
        return text.encode("utf-8", "surrogateescape") + b"\n"

    def outcome(self) -> Outcome:
        """Return how the step ends: failed if any child is, else partial if any is."""
        details = tuple(self._details())
        if self._errors:
            error = f"parallel execution failed with {self._errors} errors: {self._last_error}"
            return Outcome(exit_code_of(error), error, details=details)
        if len(self._ends) < len(self.calls):
            error = "the run was stopped before all sub-DAGs could start"
            return Outcome(1, error, details=details)
        if self._bytes > OUTPUTS_MAX_BYTES:
            error = f"outputs exceeded maximum size limit of {OUTPUTS_MAX_BYTES} bytes"
            return Outcome(1, error, details=details)
        is_partial = any(end.status is RunStatus.PARTIALLY_SUCCEEDED for end in self._ends.values())
        return Outcome(0, is_partial=is_partial, details=details)

    def _details(self) -> Iterator[StatusDetail]:
        for index, call in enumerate(self.calls):
            end = self._ends.get(index)
            if end is None and index not in self._refused:
                continue
            params = call.params if end is None else end.params
            has_params = len(self.calls) > 1 and params
            label = f"{call.name} ({params})" if has_params else call.name
            yield StatusDetail(label, int(RunStatus.FAILED if end is None else end.status))
