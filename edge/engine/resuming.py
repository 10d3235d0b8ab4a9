"""From a stored run to a new attempt of it: what is loaded, and what is refused.

Spec 12 section 15 and spec 30 section 1.8. Reads the store, writes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge.config.dagfiles import load_options
from edge.config.runtime import control_socket
from edge.core.errors import NotFoundError, UserError
from edge.core.ids import RunRef
from edge.core.status import RunStatus
from edge.engine.plan import build_plan
from edge.engine.retry_plan import Resumption, check_retry, plan_full, plan_step
from edge.store.view import as_seen
from edge.workflow.load import load_dag

if TYPE_CHECKING:
    from edge.config.settings import Settings
    from edge.store import HostIdentity, Store, StoredRecord
    from edge.workflow.model import DAG

__all__ = ["StoredRun", "load_run", "plan_retry"]


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run as it was left, with the DAG as it was when the run began."""

    record: StoredRecord
    dag: DAG


def load_run(
    store: Store | None, settings: Settings, host: HostIdentity, ref: RunRef
) -> StoredRun | None:
    """Return the latest attempt of a run as a reader sees it; None when there is no such run.

    Raises: UserError when the stored workflow cannot be read.
    """
    record = store.load_record(ref) if store is not None else None
    if store is None or record is None:
        return None
    snapshot = store.snapshot_of(ref)
    if snapshot is None:
        raise UserError(f"the stored workflow of dag-run {ref} cannot be read")
    dag = load_dag(
        snapshot.yaml,
        name=ref.name,
        base_text=snapshot.base_yaml,
        source_file=snapshot.source_file,
        options=load_options(settings),
    )
    return StoredRun(as_seen(record, host), dag)


def plan_retry(
    run: StoredRun | None, ref: RunRef, *, runtime: Path, step: str = "", downstream: bool = False
) -> Resumption:
    """Return what a retry of the run takes over. Raises: UserError, NotFoundError."""
    if run is None:
        raise NotFoundError(
            f"failed to find the record for dag-run ID {ref.run_id}: dag-run ID not found:"
            f" {ref.run_id}"
        )
    record, dag = run.record, run.dag
    if record.status in (RunStatus.RUNNING, RunStatus.NOT_STARTED):
        where = f"worker={record.worker_id}"
        if record.worker_id in ("", "local"):
            where = f"socket={control_socket(runtime, record.pid)}"
        raise UserError(f"already running. dag-run ID={ref.run_id}, {where}")
    check_retry(dag, record, step)
    plan = build_plan(dag)
    if step:
        return plan_step(dag, plan, record, step, downstream=downstream)
    return plan_full(dag, plan, record)
