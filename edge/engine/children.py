"""The child runs of one node, seen from its run (spec 12 sections 10 and 12)."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from edge.actions.children import BodyCall, BodyEnd, ChildEnd, ChildError
from edge.core.errors import EdgeError
from edge.core.ids import sub_run_id
from edge.core.jsontypes import JsonObject
from edge.core.record import NodeRecord, RunRecord
from edge.core.subruns import StatusDetail, SubRun
from edge.engine.attempt import AttemptSpec
from edge.engine.events import ChildrenNoted
from edge.workflow.values import Source

if TYPE_CHECKING:
    from edge.engine.run_context import RunContext
    from edge.engine.runner import Runner
    from edge.workflow.model import DAG, Step

__all__ = ["ChildCall", "ChildHost", "EndedChild", "NodeChildren", "StopPolicy"]

#: children of a loop's bodies that its record names
CHILDREN_KEPT = 1000
#: handlers in the order in which their outputs count (spec 12 section 11)
_BEFORE = ("onInit",)
_AFTER = ("onWait", "onSuccess", "onFailure", "onAbort", "onExit")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildCall:
    """What a child run is started with."""

    parent: AttemptSpec
    dag: DAG
    run: SubRun
    #: what the child finds in its environment below everything of its own
    environment: Mapping[str, str]
    #: those of its values that no record may show
    secrets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EndedChild:
    """A child of an earlier attempt that need not run again."""

    record: RunRecord


class ChildHost(Protocol):
    """Starts child runs in this process."""

    async def find(self, parent: DAG, name: str) -> DAG:
        """Return the DAG that a name means to a parent. Raises: ChildError."""
        ...

    async def start(self, call: ChildCall) -> Runner | EndedChild:
        """Record a child run; its runner is to be run by the caller. Raises: ChildError."""
        ...

    def left(self, runner: Runner) -> None:
        """Take note that a child run is over."""
        ...


class StopPolicy:
    """How a run was stopped: its children are stopped alike."""

    __slots__ = ("allow_override",)

    def __init__(self) -> None:
        self.allow_override = True


class NodeChildren:
    """Implements `edge.actions.children.Children` for one node."""

    def __init__(self, run: RunContext, key: str, step: Step) -> None:
        self._run = run
        self._key = key
        self._step = step
        self._spec = run.spec
        self._host = run.children
        #: that of the run: children see nothing of a single step
        self._scope = run.scope
        self._masker = run.masker
        self._post = run.post
        self._policy = run.stop_policy
        self._view = run.view
        self._found: dict[str, DAG] = {}
        self._inner: dict[str, SubRun] = {}
        self._live: set[Runner] = set()
        self._signal = 0
        self._is_killed = False

    @property
    def is_stopped(self) -> bool:
        return bool(self._signal)

    def run_id(self, name: str, params: str, extra: str = "") -> str:
        index = int(self._key) if self._key.isdigit() else None
        if self._view.is_repeated(index):
            extra += f":{os.urandom(8).hex()}"
        return sub_run_id(self._spec.ref.run_id, self._step.name, name, params, extra=extra)

    async def find(self, name: str) -> None:
        if name in self._found:
            return
        if self._host is None:
            raise ChildError("sub-DAGs on a worker are not available in this build of edge")
        if self._step.worker_selector:
            raise ChildError(
                "worker_selector of a sub-DAG step is not available in this build of edge"
            )
        self._found[name] = await self._host.find(self._spec.dag, name)

    def note(self, children: Sequence[SubRun]) -> None:
        text = self._masker.text
        shown = tuple(
            SubRun(
                run_id=child.run_id,
                name=text(child.name),
                params=text(child.params),
                item=text(child.item),
            )
            for child in children
        )
        self._post(ChildrenNoted(self._key, shown))

    def shown(self, details: Sequence[StatusDetail]) -> tuple[StatusDetail, ...]:
        """Return how children ended, as the record may show it."""
        text = self._masker.text
        return tuple(StatusDetail(text(item.label), item.status) for item in details)

    async def run(self, child: SubRun) -> ChildEnd:
        await self.find(child.name)
        assert self._host is not None
        if self.is_stopped:
            raise ChildError("the run was stopped before the sub-DAG could start")
        started = await self._host.start(self._call(child))
        if isinstance(started, EndedChild):
            return child_end(started.record, "")
        self._live.add(started)
        try:
            if self.is_stopped:
                # the stop came while the run was recorded
                self._pass_on(started)
            result = await started.run()
        except EdgeError as exc:
            raise ChildError(exc.message) from exc
        finally:
            self._live.discard(started)
            self._host.left(started)
        return child_end(started.record, result.error)

    def _call(self, child: SubRun) -> ChildCall:
        environment = self._scope.inherited()
        if child.item:
            environment["ITEM"] = child.item
        secrets = self._scope.of_source(Source.SECRET).values()
        return ChildCall(
            parent=self._spec,
            dag=self._found[child.name],
            run=child,
            environment=environment,
            secrets=tuple(dict.fromkeys((*self._spec.inherited_secrets, *secrets))),
        )

    async def run_body(self, call: BodyCall) -> BodyEnd:
        # the runner imports this module
        from edge.engine.bodies import BodyRunner

        runner = BodyRunner(self._run, self._step, call, self._note_inner)
        self._live.add(runner)
        try:
            if self.is_stopped:
                self._pass_on(runner)
            return await runner.run_body()
        finally:
            self._live.discard(runner)

    def _note_inner(self, children: tuple[SubRun, ...]) -> None:
        """Record child runs of a body's steps with the loop: bodies have no record."""
        known = len(self._inner)
        self._inner.update((child.run_id, child) for child in children)
        if len(self._inner) > known:
            self._post(ChildrenNoted(self._key, tuple(self._inner.values())[-CHILDREN_KEPT:]))

    def stop(self, number: int) -> None:
        """Stop the children as root runs are stopped; start no further one."""
        if not self._signal:
            self._signal = number
            for runner in self._live:
                self._pass_on(runner)

    def kill(self) -> None:
        """End the children now, without grace and handlers."""
        self._signal = self._signal or 9
        self._is_killed = True
        for runner in list(self._live):
            runner.request_kill()

    def _pass_on(self, runner: Runner) -> None:
        if self._is_killed:
            runner.request_kill()
        else:
            runner.request_stop(self._signal, allow_override=self._policy.allow_override)


def child_end(record: RunRecord, error: str) -> ChildEnd:
    """Return what a finished child hands to its parent, from the record: secrets stay stars."""
    outputs: dict[str, str] = {}
    values: JsonObject = {}
    for node in _in_order(record):
        for name, pair in node.output_variables.items():
            outputs[name] = pair.removeprefix(f"{name}=")
        values.update(_object(node.outputs_value))
    return ChildEnd(
        run_id=record.run_id,
        name=record.name,
        status=record.status,
        params=record.params,
        outputs=outputs,
        values=values,
        error=error,
    )


def _in_order(record: RunRecord) -> list[NodeRecord]:
    nodes = [record.handlers[key] for key in _BEFORE if key in record.handlers]
    nodes += record.nodes
    return nodes + [record.handlers[key] for key in _AFTER if key in record.handlers]


def _object(text: str) -> JsonObject:
    try:
        value = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
