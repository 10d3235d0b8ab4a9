"""The order of a run: a DAG's steps as indices with their dependents. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from edge.core.errors import UserError
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
    cycle = _find_cycle(depends)
    if cycle:
        names = " -> ".join(dag.steps[index].name for index in cycle)
        raise UserError(
            "failed to setup execution plan: cyclic plan detected", hint=f"the cycle is {names}"
        )
    return Plan(dag.steps, tuple(depends), tuple(map(tuple, dependents)))


def _find_cycle(depends: list[tuple[int, ...]]) -> list[int]:
    """Return the positions along one cycle, first one repeated; empty when there is none.

    Iterative: a chain of thousands of steps must not meet the recursion limit.
    """
    state = [0] * len(depends)
    for root in range(len(depends)):
        if state[root]:
            continue
        path = [root]
        pending = [iter(depends[root])]
        state[root] = 1
        while path:
            following = next(pending[-1], None)
            if following is None:
                state[path.pop()] = 2
                pending.pop()
            elif state[following] == 1:
                return [*path[path.index(following) :], following]
            elif state[following] == 0:
                state[following] = 1
                path.append(following)
                pending.append(iter(depends[following]))
    return []
