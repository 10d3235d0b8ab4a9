"""Rules that need the names and the order of a document's steps (spec 10 sections 6.4, 7.7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from edge.workflow.build import Build
from edge.workflow.human import HUMAN_TASK
from edge.workflow.model import DAGType, Step
from edge.workflow.nodes import go_text
from edge.workflow.problems import Fault
from edge.workflow.shapes import fail

if TYPE_CHECKING:
    from edge.workflow.decode import Decoded
    from edge.workflow.identity import NamedStep

__all__ = ["check_dispatch", "check_rules"]

_SUB_DAG = frozenset(("dag", "subworkflow", "parallel", "dag_enqueue"))


def check_rules(
    steps: Sequence[Step], built: Sequence[NamedStep], build: Build, *, in_body: bool = False
) -> Iterable[Fault]:
    """Yield the faults; `steps` and `built` are the same steps, with and without their names."""
    for step, item in zip(steps, built, strict=True):
        if step.run is None and not step.type and not step.action:
            yield _fault(item, "command", "step command is required", "command")
        if step.parallel is not None and step.type not in _SUB_DAG:
            message = "parallel currently requires action: dag.run or dag.enqueue"
            yield _fault(item, "parallel", message, "parallel")
        if in_body and step.action == HUMAN_TASK:
            message = f"{HUMAN_TASK} cannot be used inside foreach.steps"
            yield _fault(item, "action", message, "foreach.steps")
        has_paths = bool(step.inputs) or any(output.path for output in step.outputs)
        if has_paths and build.dag_type is not DAGType.BUILD:
            key = "inputs" if step.inputs else "outputs"
            message = f'step {step.name} declares build paths but ir.DAG type is not "build"'
            yield _fault(item, key, message, "type")
        if step.approval is not None and step.approval.rewind_to:
            yield from _check_rewind(step, item, steps)
        if step.foreach is not None:
            yield from check_rules(step.foreach.steps, item.body, build, in_body=True)


def check_dispatch(fields: Decoded, steps: Sequence[Step], selector: object) -> None:
    """Refuse approvals in a DAG that asks for a worker. Raises: FaultError."""
    if not isinstance(selector, Mapping) or not selector:
        return
    if any(step.approval is not None for step in steps):
        message = "DAG with approval steps cannot be dispatched to workers"
        fail(fields.at("worker_selector"), "worker_selector", message)


def _check_rewind(step: Step, item: NamedStep, steps: Sequence[Step]) -> Iterable[Fault]:
    """Yield the fault of a rewind target that is neither the step nor before it."""
    assert step.approval is not None
    target = step.approval.rewind_to
    by_name = {other.name: other for other in steps}
    if target not in by_name:
        message = f"rewind_to references non-existent step {target}"
        yield _fault(item, "approval", message, "approval", target)
    elif target not in _upstream(step, by_name):
        message = "rewind_to must reference the step itself or an upstream dependency"
        yield _fault(item, "approval", message, "approval", target)


def _upstream(step: Step, by_name: Mapping[str, Step]) -> set[str]:
    """Return the step's name and those of all it depends on."""
    found = {step.name}
    waiting = [step]
    while waiting:
        for name in waiting.pop().depends:
            if name not in found and name in by_name:
                found.add(name)
                waiting.append(by_name[name])
    return found


def _fault(
    item: NamedStep, key: str, message: str, section: str, value: str | None = None
) -> Fault:
    node = item.fields.at(key)
    shown = go_text(node) if value is None else value
    return Fault(
        node.line,
        node.column,
        f"{item.path}.{key}",
        message,
        bullet=f"field '{section}': {message} (value: {shown}) ({item.path})",
    )
