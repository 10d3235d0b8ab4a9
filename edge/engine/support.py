"""What of a DAG this build cannot run yet (spec 13, beginning; spec 10 section 11).

The whole language is read; what is not executed must be refused by name and never be left out in
silence, because a plant that runs without its approval is worse than one that stands still. Pure.
"""

from __future__ import annotations

from edge.actions.table import is_built, missing_library
from edge.core.errors import UserError
from edge.workflow.human import HUMAN_TASK
from edge.workflow.model import DAG, DAGType, Step

__all__ = ["check_runnable", "missing_of_run", "missing_of_step", "unenforced"]

_ENDING = "is not available in this build of edge"


def check_runnable(dag: DAG, *, on_worker: bool = False) -> None:
    """Refuse a run that would differ from what its file says. Raises: UserError."""
    if text := missing_of_run(dag, on_worker=on_worker):
        raise UserError(text)


def missing_of_run(dag: DAG, *, on_worker: bool = False) -> str:
    """Return why no run of the DAG can start; "" when one can."""
    features = (
        ("type: build", dag.type is DAGType.BUILD),
        ("type: agent", dag.type is DAGType.AGENT),
        ("tools", "tools" in dag.later),
        ("tasks", "tasks" in dag.later),
        ("retry_policy of the DAG", dag.retry_policy is not None),
        ("artifacts on a worker", on_worker and bool(dag.artifacts.enabled)),
    )
    for name, is_used in features:
        if is_used:
            return f"{name} {_ENDING}"
    return ""


def missing_of_step(step: Step) -> str:
    """Return why a step cannot be carried out; "" when it can."""
    if step.action == HUMAN_TASK:
        # The engine itself opens it; no action does.
        return ""
    if is_built(step):
        return missing_library(step)
    return f'action "{step.action or step.type}" {_ENDING}'


def unenforced(dag: DAG) -> list[str]:
    """Return warnings for the run's log: what does not change which steps run or how they end."""
    found = []
    if dag.resources.cpu_millis or dag.resources.memory_bytes:
        found.append(f"resource limits requested but not enforced: a limit {_ENDING}")
    if "otel" in dag.later:
        found.append(f"no traces are sent: otel {_ENDING}")
    return found
