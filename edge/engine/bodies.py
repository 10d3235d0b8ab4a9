"""The body of a `foreach`: a private graph for each item (spec 12 section 12).

The same machine and the same runner as for a run, without a record, handlers and limits of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import trio

from edge.actions.children import BodyCall, BodyEnd
from edge.core.ids import RunRef, safe_name
from edge.core.record import RunRecord
from edge.core.subruns import SubRun
from edge.engine import events as ev
from edge.engine.attempt import AttemptResult, AttemptSpec
from edge.engine.plan import Plan
from edge.engine.run_context import RunContext
from edge.engine.runner import Runner
from edge.engine.visibility import RunView, touch
from edge.workflow.changes import replace as replace_dag
from edge.workflow.model import DAG, DAGType, Handlers, Step
from edge.workflow.values import StepView

__all__ = ["BodyRunner", "body_spec"]


def body_spec(spec: AttemptSpec, step: Step, index: int) -> AttemptSpec:
    """Return what the body of one item runs as; its run id is never stored (spec 12 section 1)."""
    assert step.foreach is not None
    folder = spec.files.step_log_dir / "foreach" / safe_name(step.name) / str(index)
    # By name, not as a changed copy: what an earlier attempt of the run has left is not the body's.
    return AttemptSpec(
        dag=_body_dag(spec.dag, step.foreach.steps),
        ref=RunRef(spec.ref.name, f"{spec.ref.run_id}-foreach-{index}"),
        stored_as=spec.stored_ref,
        attempt_id=spec.attempt_id,
        root=spec.root or spec.ref,
        parent=spec.parent,
        params=spec.params,
        trigger_type=spec.trigger_type,
        trigger_actor=spec.trigger_actor,
        worker_id=spec.worker_id,
        files=replace(spec.files, step_log_dir=folder),
        step_environ=spec.step_environ,
        process_environ=spec.process_environ,
        default_shell=spec.default_shell,
        step_log_max_bytes=spec.step_log_max_bytes,
        state=spec.state,
        created_ms=spec.created_ms,
        inherited=spec.inherited,
        inherited_secrets=spec.inherited_secrets,
        depth=spec.depth,
    )


def _body_dag(dag: DAG, steps: tuple[Step, ...]) -> DAG:
    """Return the DAG with other steps and nothing that belongs to a run as a whole."""
    return replace_dag(
        dag,
        type=DAGType.GRAPH,
        steps=steps,
        handlers=Handlers(),
        preconditions=(),
        timeout_s=0,
        delay_s=0,
        max_active_steps=0,
    )


class BodyRunner(Runner):
    """Runs the body for one item."""

    def __init__(
        self, outer: RunContext, step: Step, call: BodyCall, noted: Callable[..., None]
    ) -> None:
        """`noted` takes the child runs of the body's steps."""
        super().__init__(
            body_spec(outer.spec, step, call.index),
            reporter=_Silent(noted),
            spawner=outer.spawner,
            clock=outer.clock,
            log=outer.log,
            children=outer.children,
        )
        self._masker = outer.masker
        self._outer = outer
        self._call = call
        self._stop_policy = outer.stop_policy
        self._view = BodyView(self._plan, self.record, touch, call.scope.steps)

    async def run(self) -> AttemptResult:
        """Run the body to its end."""
        outer = self._outer
        self._run = RunContext(
            spec=self.spec,
            spawner=outer.spawner,
            scope=self._call.scope,
            base_dir=self._call.cwd,
            clock=outer.clock,
            log=outer.log,
            post=self.post,
            log_grew=self._reporter.log_grew,
            masker=outer.masker,
            view=self._view,
            children=outer.children,
            stop_policy=outer.stop_policy,
            container_id=outer.container_id,
        )
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            self.post(ev.Began())
            for event in self._early:
                self.post(event)
        self._nursery = None
        assert self._result is not None
        return self._result

    async def run_body(self) -> BodyEnd:
        """Run the body; return what `collect` can see, too."""
        result = await self.run()
        scope = self._call.scope.with_steps(self._view.steps(None))
        return BodyEnd(status=result.status, error=result.error, scope=scope)

    def _say(self, message: str, fields: dict[str, object], *, bound: bool = True) -> None:
        """Nothing: a thousand bodies would bury the log of the run."""

    def _warn(self, message: str) -> None:
        if self._call.scope.warn is not None:
            self._call.scope.warn(message)


class BodyView(RunView):
    """The steps of a body over those that the loop itself sees (spec 11 section 8.6)."""

    def __init__(
        self,
        plan: Plan,
        record: RunRecord,
        touch: Callable[[Path], None],
        outer: Mapping[str, StepView],
    ) -> None:
        super().__init__(plan, record, touch)
        self._outer = outer

    def steps(self, index: int | None) -> Mapping[str, StepView]:
        """Return the steps that a step of the body sees; None = all of the body."""
        return _Layered(super().steps(index), self._outer)


@dataclass(frozen=True, slots=True)
class _Layered(Mapping[str, StepView]):
    inner: Mapping[str, StepView]
    outer: Mapping[str, StepView]

    def __getitem__(self, name: str) -> StepView:
        try:
            return self.inner[name]
        except KeyError:
            return self.outer[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**dict.fromkeys(self.inner), **dict.fromkeys(self.outer)})

    def __len__(self) -> int:
        return len({*self.inner, *self.outer})


class _Silent:
    """Reports nothing but child runs: a body has no record that anybody reads."""

    def __init__(self, noted: Callable[[tuple[SubRun, ...]], None]) -> None:
        self._noted = noted

    async def opened(self, record: RunRecord) -> None: ...

    def changed(self, record: RunRecord, keys: Sequence[str]) -> None:
        for key in keys:
            if children := record.nodes[int(key)].children:
                self._noted(children)

    def log_grew(self, key: str, stream: str, path: Path, size: int) -> None: ...

    async def log_closed(self, key: str, stream: str, path: Path, size: int) -> None: ...

    async def finished(self, record: RunRecord) -> bool:
        return True
