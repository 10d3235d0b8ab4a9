"""What an attempt takes over from the one before it (spec 12 section 15). Pure.

A node that runs again begins anew; any other one keeps its state, its logs and its verdicts. Step
definitions come from the DAG as it was stored, never from the current file.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edge.core.errors import UserError
from edge.core.record import NodeRecord, RunRecord
from edge.core.status import NodeStatus, RunStatus
from edge.engine.plan import Plan
from edge.engine.rules import lets_pass
from edge.workflow.human import HUMAN_TASK
from edge.workflow.model import DAG, Step
from edge.workflow.records import step_record

__all__ = ["Resumption", "check_retry", "find_step", "plan_full", "plan_step"]

_AGAIN = (
    NodeStatus.FAILED,
    NodeStatus.ABORTED,
    NodeStatus.REJECTED,
    NodeStatus.RETRYING,
    NodeStatus.RUNNING,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumption:
    """The nodes of a new attempt, and what it leaves alone."""

    nodes: tuple[NodeRecord, ...]
    #: positions of nodes that this attempt does not touch
    kept: frozenset[int]
    #: of the attempt before, which stays where kept nodes allow no better one
    status: RunStatus
    attempt_id: str = ""


def plan_full(dag: DAG, plan: Plan, previous: RunRecord) -> Resumption:
    """Run again what has not succeeded, and everything behind it; resuming is the same."""
    old = _old_nodes(dag, previous)
    again = _with_descendants(
        plan, (at for at, node in enumerate(old) if node is not None and node.status in _AGAIN)
    )
    nodes: list[NodeRecord] = []
    kept = set()
    for at, step in enumerate(dag.steps):
        node = old[at]
        if node is None or at in again:
            nodes.append(NodeRecord(step=step_record(step, dag)))
            continue
        nodes.append(_carried(node))
        if node.status is not NodeStatus.NOT_STARTED:
            kept.add(at)
    return _resumption(nodes, kept, previous)


def plan_step(
    dag: DAG, plan: Plan, previous: RunRecord, name: str, *, downstream: bool
) -> Resumption:
    """Run one step again, with `downstream` also what is reachable from it.

    Raises: UserError for a step that is not there, or that its dependencies do not let pass.
    """
    index = find_step(dag, name, previous.run_id)
    old = _old_nodes(dag, previous)
    _check_dependencies(dag, plan, old, index, name)
    again = _with_descendants(plan, (index,)) if downstream else frozenset((index,))
    nodes = []
    for at, step in enumerate(dag.steps):
        node = old[at]
        if node is not None and at not in again:
            nodes.append(_carried(node))
            continue
        fresh = NodeRecord(step=step_record(step, dag))
        if at == index and node is not None:
            # What is left of the budget, not a new one.
            fresh.retry_count = node.retry_count
        nodes.append(fresh)
    if downstream:
        for at in again - {index}:
            for other in plan.depends[at]:
                if other not in again and nodes[other].status is NodeStatus.SKIPPED:
                    nodes[other].is_skipped_by_retry = True
    kept = set(range(len(dag.steps))) - again
    return _resumption(nodes, kept, previous)


def check_retry(dag: DAG, previous: RunRecord, name: str = "") -> None:
    """Refuse what people have to answer instead (spec 12 section 14). Raises: UserError."""
    if name:
        step = dag.steps[find_step(dag, name, previous.run_id)]
        if step.action == HUMAN_TASK:
            raise UserError(f'human task step "{step.id}" cannot be retried directly')
    actions = {step.name: step.action for step in dag.steps}
    for node in previous.nodes:
        if node.status is NodeStatus.WAITING and actions.get(node.name) == HUMAN_TASK:
            raise UserError(
                f"DAG-run {previous.name}:{previous.run_id} is waiting on a human-task checkpoint;"
                " complete or resume it instead"
            )


def find_step(dag: DAG, name: str, run_id: str) -> int:
    """Return the position of a step by its name or id. Raises: UserError."""
    for at, step in enumerate(dag.steps):
        if step.name == name:
            return at
    for at, step in enumerate(dag.steps):
        if step.id == name:
            return at
    raise UserError(f'step "{name}" not found in DAG-run {run_id}')


def _check_dependencies(
    dag: DAG, plan: Plan, old: Sequence[NodeRecord | None], index: int, name: str
) -> None:
    for at in plan.depends[index]:
        node = old[at]
        step: Step = dag.steps[at]
        if node is None or lets_pass(step, node) is not True:
            raise UserError(
                f'cannot retry step "{name}": its dependency "{step.name}" has not succeeded'
            )


def _old_nodes(dag: DAG, previous: RunRecord) -> list[NodeRecord | None]:
    """Return the stored node of each step; None where there is none."""
    by_name = {node.name: node for node in previous.nodes}
    return [by_name.get(step.name) for step in dag.steps]


def _carried(node: NodeRecord) -> NodeRecord:
    """Return a node for the new attempt's record; the old record stays as it is."""
    carried = copy.copy(node)
    carried.pgid = None
    carried.extra = dict(node.extra)
    carried.output_variables = dict(node.output_variables)
    return carried


def _with_descendants(plan: Plan, start: Iterable[int]) -> frozenset[int]:
    found = set(start)
    waiting = list(found)
    while waiting:
        for at in plan.dependents[waiting.pop()]:
            if at not in found:
                found.add(at)
                waiting.append(at)
    return frozenset(found)


def _resumption(nodes: list[NodeRecord], kept: set[int], previous: RunRecord) -> Resumption:
    return Resumption(
        nodes=tuple(nodes),
        kept=frozenset(kept),
        status=previous.status,
        attempt_id=previous.attempt_id,
    )
