"""The order of a run: a DAG's steps as indices with their dependents. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from edge.core.errors import UserError
from edge.workflow.identity import find_cycle
from edge.workflow.model import DAG, Step

__all__ = ["Plan", "build_plan"]


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps by position, the positions each one depends on, and those that depend on it."""

    steps: tuple[Step, ...]
    depends: tuple[tuple[int, ...], ...]
    dependents: tuple[tuple[int, ...], ...]


def build_plan(dag: DAG) -> Plan:
    """Return the plan of a fresh attempt.

    Raises: UserError `failed to setup execution plan: ...` for a cycle or an unknown step (spec 12
    section 3).
    """
    position = {step.name: index for index, step in enumerate(dag.steps)}
    depends: list[tuple[int, ...]] = []
    dependents: list[list[int]] = [[] for _ in dag.steps]
    for index, step in enumerate(dag.steps):
        found = []
        for name in dict.fromkeys(step.depends):
            if name not in position:
                raise UserError(
                    f"failed to setup execution plan: step {step.name} depends on non-existent"
                    f" step {name}"
                )
            found.append(position[name])
            dependents[position[name]].append(index)
        depends.append(tuple(found))
    cycle = find_cycle(dag)
    if cycle:
        raise UserError(
            "failed to setup execution plan: cyclic plan detected",
            hint=f"the cycle is {' -> '.join(cycle)}",
        )
    return Plan(dag.steps, tuple(depends), tuple(map(tuple, dependents)))
