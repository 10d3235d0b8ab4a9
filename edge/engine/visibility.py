"""What a step may see of the steps before it (spec 11 sections 8.2, 8.4 and 8.6).

A run's steps are looked at when a text names one, so a run whose texts name none pays nothing.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from edge.core.record import NodeRecord, RunRecord
from edge.core.status import NodeStatus
from edge.engine.plan import Plan
from edge.workflow.values import StepView

__all__ = ["RunView", "VisibleSteps", "touch"]

_PUBLISHES = (NodeStatus.SUCCEEDED, NodeStatus.FAILED, NodeStatus.PARTIALLY_SUCCEEDED)


class RunView:
    """The steps of a run, their order and what they have published so far.

    `touch` makes the file of a stream that has none yet (spec 12 section 4).
    """

    def __init__(self, plan: Plan, record: RunRecord, touch: Callable[[Path], None]) -> None:
        self._plan = plan
        self._record = record
        self._touch = touch
        self._has_variables = any(step.output or step.approval for step in plan.steps)
        self.by_id = {step.id: index for index, step in enumerate(plan.steps) if step.id}

    def ancestors(self, index: int) -> list[int]:
        """Return every step that `index` depends on: breadth first, each at its first visit."""
        seen: dict[int, None] = {}
        waiting = deque(self._plan.depends[index])
        while waiting:
            found = waiting.popleft()
            if found not in seen:
                seen[found] = None
                waiting.extend(self._plan.depends[found])
        return list(seen)

    def variables(self, index: int | None) -> dict[str, str]:
        """Return the output variables that a step sees, or a handler (None): of all steps.

        A later-visited predecessor wins, so an ancestor beats who depends on it (section 8.4).
        """
        if not self._has_variables:
            return {}
        indexes = range(len(self._plan.steps)) if index is None else self.ancestors(index)
        found: dict[str, str] = {}
        for at in indexes:
            node = self._record.nodes[at]
            outputs = node.outputs
            for name, value in _approval_inputs(node):
                found.pop(name, None)
                found[name] = value
            if outputs is None or not outputs.variable or node.status not in _PUBLISHES:
                continue
            found.pop(outputs.variable, None)
            found[outputs.variable] = outputs.value or ""
        return found

    def steps(self, index: int | None) -> Mapping[str, StepView]:
        """Return the steps that a step sees by their id; a handler (None) sees all."""
        return VisibleSteps(self, index)

    def is_repeated(self, index: int | None) -> bool:
        """Tell whether the repeat policy of a step has let it run again; never of a handler."""
        return index is not None and self._record.nodes[index].is_repeated

    def view(self, index: int) -> StepView:
        """Return one step as other texts see it."""
        node = self._record.nodes[index]
        outputs = node.outputs if node.status in _PUBLISHES else None
        published = json.loads(outputs.published) if outputs and outputs.published else None
        failed = node.status in (NodeStatus.FAILED, NodeStatus.ABORTED)
        return StepView(
            stdout=lambda: self._path(node, node.stdout),
            stderr=lambda: self._path(node, node.stderr),
            exit_code=node.exit_code if failed else 0,
            output=outputs.value if outputs else None,
            declared=outputs.declared if outputs else None,
            published=published,
        )

    def _path(self, node: NodeRecord, path: str) -> str | None:
        if not path:
            return None
        self._touch(Path(path))
        return path


def _approval_inputs(node: NodeRecord) -> Iterator[tuple[str, str]]:
    """Yield what people gave when they approved the step (spec 12 section 14)."""
    own = node.step.get("output")
    if "approvalInputs" in node.extra:
        for name, text in node.output_variables.items():
            if name != own and not name.startswith("DAGU_CONTINUE_ON."):
                yield name, text.partition("=")[2]


class VisibleSteps(Mapping[str, StepView]):
    """Steps by id, found when somebody asks."""

    def __init__(self, run: RunView, index: int | None) -> None:
        self._run = run
        self._index = index
        self._visible: frozenset[int] | None = None

    def _ids(self) -> dict[str, int]:
        if self._index is None:
            return self._run.by_id
        if self._visible is None:
            self._visible = frozenset(self._run.ancestors(self._index))
        return {name: at for name, at in self._run.by_id.items() if at in self._visible}

    def __getitem__(self, name: str) -> StepView:
        at = self._run.by_id[name]
        if self._index is not None:
            if self._visible is None:
                self._visible = frozenset(self._run.ancestors(self._index))
            if at not in self._visible:
                raise KeyError(name)
        return self._run.view(at)

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids())

    def __len__(self) -> int:
        return len(self._ids())


def touch(path: Path) -> None:
    """Make the file of an empty stream, which a text names; a full disk must not end the step."""
    try:
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        path.touch(mode=0o640)
    except OSError:
        pass
