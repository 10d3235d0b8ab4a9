"""What people answer a waiting run, as a change of its record (spec 12 section 14). Pure.

The store applies these functions to the latest record inside one transaction, so that of two
people who answer at the same time exactly one wins. A refusal is a UserError; nothing is changed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from edge.core.clock import format_rfc3339
from edge.core.errors import NotFoundError, UserError
from edge.core.jsontypes import JsonObject, JsonValue
from edge.core.record import NodeRecord, RunRecord
from edge.core.status import NodeStatus, RunStatus, TriggerType
from edge.engine.run_outputs import camel_case
from edge.workflow.model import DAG
from edge.workflow.records import step_record

__all__ = ["Person", "approve", "canonical", "enqueue_resume", "push_back", "reject"]


@dataclass(frozen=True, slots=True)
class Person:
    """Who answers, and when."""

    name: str
    #: `os:<uid>` on this host
    id: str
    at_ms: int

    @property
    def at(self) -> str:
        return format_rfc3339(self.at_ms)


def approve(record: RunRecord, name: str, inputs: Mapping[str, str], by: Person) -> bool:
    """Let the step count as a success; return whether the run goes on now."""
    node, approval = _waiting(record, name)
    _check_required(approval, inputs)
    node.status = NodeStatus.SUCCEEDED
    node.extra.update(approvedAt=by.at, approvedBy=by.name, approvedById=by.id)
    if inputs:
        node.extra["approvalInputs"] = {camel_case(key): inputs[key] for key in inputs}
        for key, value in inputs.items():
            node.output_variables[key] = f"{key}={value}"
    if any(other.status is NodeStatus.WAITING for other in record.nodes):
        return False
    enqueue_resume(record, by.at_ms)
    return True


def reject(record: RunRecord, name: str, reason: str, by: Person) -> None:
    """End the run; no handler runs."""
    node, _ = _waiting(record, name)
    node.status = NodeStatus.REJECTED
    node.extra.update(rejectedAt=by.at, rejectedBy=by.name, rejectedById=by.id)
    if reason:
        node.extra["rejectionReason"] = reason
    record.status = RunStatus.REJECTED
    record.finished_ms = by.at_ms


def push_back(record: RunRecord, dag: DAG, name: str, inputs: Mapping[str, str], by: Person) -> int:
    """Let the step, or the one that `rewind_to` names, run again with everything behind it.

    Returns the number of the iteration. The run goes on at once.
    """
    node, approval = _waiting(record, name)
    _check_required(approval, inputs)
    allowed = approval.get("input")
    given: JsonObject = {
        key: value
        for key, value in inputs.items()
        if not isinstance(allowed, list) or not allowed or key in allowed
    }
    before = node.extra.get("approvalIteration")
    iteration = (before if isinstance(before, int) else 0) + 1
    entry: JsonObject = {"iteration": iteration, "by": by.name, "byId": by.id, "at": by.at}
    if given:
        entry["inputs"] = given
    past = node.extra.get("pushBackHistory")
    history = [*(past if isinstance(past, list) else []), entry]
    rewind = approval.get("rewindTo")
    start = _find(record, str(rewind)) if rewind else node
    steps = {step.name: step for step in dag.steps}
    for at in _behind(record, start):
        old = record.nodes[at]
        step = steps.get(old.name)
        record.nodes[at] = NodeRecord(
            step=old.step if step is None else step_record(step, dag),
            extra={
                "approvalIteration": iteration,
                "pushBackInputs": dict(given),
                "pushBackHistory": list(history),
                "pushBackPreviousStdout": old.stdout,
            },
        )
    enqueue_resume(record, by.at_ms)
    return iteration


def enqueue_resume(record: RunRecord, now_ms: int) -> None:
    """Let the run wait for its next attempt."""
    record.status = RunStatus.QUEUED
    record.trigger_type = TriggerType.RETRY
    record.queued_ms = now_ms


def _waiting(record: RunRecord, name: str) -> tuple[NodeRecord, Mapping[str, JsonValue]]:
    """Return the node that waits for approval, and what its step says. Raises: UserError."""
    node = _find(record, name)
    if record.status is not RunStatus.WAITING:
        raise UserError(f"dag-run is not waiting for approval (status: {record.status.word})")
    if "humanTask" in node.step:
        raise UserError(f"step {name} is a human task; complete it instead")
    approval = node.step.get("approval")
    if node.status is not NodeStatus.WAITING or not isinstance(approval, dict):
        raise UserError(f"step {name} is not waiting for approval (status: {node.status.word})")
    return node, approval


def _find(record: RunRecord, name: str) -> NodeRecord:
    for member in ("name", "id"):
        for node in record.nodes:
            if node.step.get(member) == name:
                return node
    raise NotFoundError(f'step "{name}" not found in DAG-run {record.run_id}')


def _check_required(approval: Mapping[str, JsonValue], inputs: Mapping[str, str]) -> None:
    required = approval.get("required")
    names = [str(name) for name in required] if isinstance(required, list) else []
    missing = [name for name in names if not inputs.get(name, "").strip()]
    if missing:
        raise UserError(f"missing required inputs: [{' '.join(missing)}]")


def _behind(record: RunRecord, start: NodeRecord) -> list[int]:
    """Return the positions of a node and of everything that depends on it."""
    found = {start.name}
    grows = True
    while grows:
        grows = False
        for node in record.nodes:
            depends = node.step.get("depends")
            if (
                node.name not in found
                and isinstance(depends, list)
                and found & set(map(str, depends))
            ):
                found.add(node.name)
                grows = True
    return [at for at, node in enumerate(record.nodes) if node.name in found]


def canonical(values: JsonObject) -> str:
    """Return JSON with sorted keys, to compare answers."""
    return json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
