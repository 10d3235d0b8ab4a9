"""One attempt of a run: what it is made of, where its files lie, how it ended."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from edge.core.clock import from_ms
from edge.core.ids import RunRef, dag_dir_name, run_dir_hash, safe_name
from edge.core.record import NodeRecord, RunRecord
from edge.core.status import RunStatus, TriggerType
from edge.workflow.model import DAG
from edge.workflow.params import ResolvedParams
from edge.workflow.records import precondition_record, step_record

if TYPE_CHECKING:
    from edge.actions.base import StateStore
    from edge.config.settings import Settings
    from edge.engine.retry_plan import Resumption

__all__ = [
    "STEP_LOG_MAX_BYTES",
    "AttemptResult",
    "AttemptSpec",
    "RunFiles",
    "child_files",
    "log_stamp",
    "new_record",
    "run_files",
]

STEP_LOG_MAX_BYTES = 10 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class RunFiles:
    """Where an attempt writes (spec 12 sections 13 and 18)."""

    #: the scheduler log
    log: Path
    step_log_dir: Path
    work_dir: Path
    #: where artifacts go when the DAG has any; None = this engine keeps none
    artifact_dir: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptSpec:
    """Everything the engine needs to run one attempt."""

    dag: DAG
    ref: RunRef
    attempt_id: str
    attempt_key: str = ""
    root: RunRef | None = None
    parent: RunRef | None = None
    params: ResolvedParams
    trigger_type: TriggerType = TriggerType.MANUAL
    trigger_actor: str = ""
    schedule_time: str = ""
    worker_id: str = "local"
    claim_key: str = ""
    labels: tuple[str, ...] = ()
    files: RunFiles
    #: what a step inherits (layer 1 of spec 11 section 7.1)
    step_environ: Mapping[str, str] = field(default_factory=dict)
    #: the engine's own environment, the last resort of some fields
    process_environ: Mapping[str, str] = field(default_factory=dict)
    #: shell of steps that name none; "" = `$SHELL`, then `sh`
    default_shell: str = ""
    created_ms: int = 0
    queued_ms: int | None = None
    definition_id: str = ""
    pid: int = 0
    pid_started_ms: int = 0
    step_log_max_bytes: int = STEP_LOG_MAX_BYTES
    #: state between runs; None = none is kept here
    state: StateStore | None = None
    #: the run in whose record this one's nodes are, where it has none of its own (a loop's body)
    stored_as: RunRef | None = None
    #: what a child run takes over of its parent's environment, and which of it are secrets
    inherited: Mapping[str, str] = field(default_factory=dict)
    inherited_secrets: tuple[str, ...] = ()
    #: runs above this one
    depth: int = 0
    #: the directory that steps start from, as an earlier attempt recorded it; "" = find it
    working_dir: str = ""
    #: what an earlier attempt of the run has left
    resumed: Resumption | None = None

    @property
    def artifact_dir(self) -> str:
        """Return the run's artifact directory; "" when the DAG has no artifacts."""
        folder = self.files.artifact_dir
        return str(folder) if self.dag.artifacts.enabled and folder is not None else ""

    @property
    def stored_ref(self) -> RunRef:
        """Return the run that has a record."""
        return self.stored_as or self.ref


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """How an attempt ended; `error` is the kept run error."""

    status: RunStatus
    error: str = ""

    @property
    def exit_code(self) -> int:
        """Return the exit code of `start`: it mirrors the error, not the status (section 8)."""
        return 1 if self.error else 0


def run_files(
    settings: Settings,
    dag: DAG,
    ref: RunRef,
    attempt_id: str,
    started_ms: int,
    *,
    artifact_base: str = "",
) -> RunFiles:
    """Return where the files of a root run's attempt lie; creates nothing.

    `artifact_base` is where a relative `artifacts.dir` starts; "" = the current directory.
    """
    stamp = from_ms(started_ms, dt.UTC).strftime("%Y%m%d_%H%M%SZ")
    base = settings.paths.log_dir
    if dag.log_dir:
        base = Path(os.path.abspath(os.path.expanduser(dag.log_dir)))
    run_dir = base / safe_name(ref.name) / f"dag-run_{stamp}_{ref.run_id}"
    work = settings.paths.data_dir / "dag-run-work" / dag_dir_name(ref.name)
    artifacts = settings.paths.artifact_dir
    if dag.artifacts.dir:
        own = os.path.expanduser(dag.artifacts.dir)
        artifacts = Path(os.path.abspath(os.path.join(artifact_base, own)))
    return RunFiles(
        log=run_dir / f"dag-run_{log_stamp(started_ms)}.{ref.run_id[:8]}.log",
        step_log_dir=run_dir / f"run_{stamp}_{attempt_id}",
        work_dir=work / run_dir_hash(ref.run_id) / "root",
        artifact_dir=artifacts / safe_name(ref.name) / f"dag-run_{stamp}_{ref.run_id}",
    )


def child_files(own: RunFiles, parent: RunFiles, run_id: str) -> RunFiles:
    """Return where a child run writes: beside the logs of its root, and directories of its own.

    `own` is where it would write as a root run.
    """
    folder = parent.log.parent
    return RunFiles(
        log=folder / f"{run_id}.log",
        step_log_dir=folder / own.step_log_dir.name,
        work_dir=parent.work_dir.parent / run_dir_hash(run_id),
        artifact_dir=own.artifact_dir,
    )


def log_stamp(at_ms: int) -> str:
    """Return the local time in a log's name: `20261122.185717.195`."""
    return f"{from_ms(at_ms):%Y%m%d.%H%M%S}.{at_ms % 1000:03d}"


def new_record(spec: AttemptSpec) -> RunRecord:
    """Return the record of an attempt that has not started: every node, configured handlers."""
    dag, resumed = spec.dag, spec.resumed
    return RunRecord(
        name=spec.ref.name,
        run_id=spec.ref.run_id,
        attempt_id=spec.attempt_id,
        attempt_key=spec.attempt_key,
        claim_key=spec.claim_key,
        root=spec.root or spec.ref,
        parent=spec.parent,
        trigger_type=spec.trigger_type,
        trigger_actor=spec.trigger_actor,
        worker_id=spec.worker_id,
        pid=spec.pid,
        pid_started_ms=spec.pid_started_ms,
        nodes=(
            [NodeRecord(step=step_record(step, dag)) for step in dag.steps]
            if resumed is None
            else list(resumed.nodes)
        ),
        handlers={
            key: NodeRecord(step=step_record(step, dag))
            for key, step in dag.handlers.configured().items()
        },
        created_ms=spec.created_ms,
        queued_ms=spec.queued_ms,
        schedule_time=spec.schedule_time,
        proc_group=dag.proc_group,
        definition_id=spec.definition_id,
        log=str(spec.files.log),
        archive_dir=spec.artifact_dir,
        params=spec.params.raw,
        params_list=spec.params.as_list(),
        preconditions=[precondition_record(entry) for entry in dag.preconditions],
        labels=list(spec.labels),
    )
