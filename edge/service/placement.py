"""Here or on a worker (spec 20 section 13, spec 30 section 3.10). Pure."""

from __future__ import annotations

from edge.workflow.model import DAG

__all__ = ["goes_to_worker"]


def goes_to_worker(dag: DAG, *, coordinator_enabled: bool, default_mode: str) -> bool:
    """Tell whether a run that a service starts is dispatched.

    `default_mode` is `default_execution_mode`. A selector without labels asks for nothing.
    """
    if dag.worker_selector == "local" or not coordinator_enabled:
        return False
    return dag.is_distributed or default_mode == "distributed"
