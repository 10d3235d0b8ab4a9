"""One claimed task on a worker, from its definition to its terminal report (spec 20 section 5).

The run is an ordinary run of `edge.engine`, with another reporter and with its files in temporary
directories that are gone afterwards. Whatever goes wrong before the first step is reported as a
failed run.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from edge.cluster.peers import Peers
from edge.cluster.running import RunningRun
from edge.cluster.runreporter import CoordinatorReporter, TaskIdentity
from edge.cluster.wire import pb
from edge.config.log import get_logger
from edge.core.errors import EdgeError, UserError
from edge.core.ids import RunRef, safe_name
from edge.core.record import RunRecord
from edge.core.status import NodeStatus, RunStatus, TriggerType

if TYPE_CHECKING:
    from edge.config.log import Logger
    from edge.config.settings import Settings
    from edge.core.clock import WallClock
    from edge.engine.attempt import AttemptSpec, RunFiles
    from edge.engine.processes import Spawner
    from edge.store import HostIdentity
    from edge.workflow.model import DAG
    from edge.workflow.params import ResolvedParams

__all__ = ["TaskRunner", "plan_task", "scratch_dir"]

_CLEANUP_S = 5.0


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a task asks for, understood."""

    dag: DAG
    params: ResolvedParams


def plan_task(task: pb.Task, base_text: str) -> _Plan:
    """Load the DAG and the parameters of a task. Raises: EdgeError, the text of the report."""
    from edge.engine.support import check_runnable
    from edge.workflow.load import load_dag
    from edge.workflow.params import ResolvedParams, parse_override_text, stored_params

    _check_supported(task)
    previous = _previous(task)
    try:
        dag = load_dag(
            task.definition,
            name=task.target,
            base_text=task.base_config or base_text,
            source_file=task.source_file,
        )
    except EdgeError as exc:
        raise UserError(f'failed to load DAG "{task.target}": {exc.message}') from exc
    check_runnable(dag, on_worker=True)
    if any(step.dependencies for step in dag.steps):
        # Only dispatched runs get these files; without them the run would be another one.
        raise UserError("dependencies is not available in this build of edge")
    if previous is not None:
        return _Plan(dag, ResolvedParams.from_list(previous.params_list))
    return _Plan(dag, stored_params(dag, parse_override_text(task.params)))


def scratch_dir(worker_id: str, run_id: str, attempt_id: str) -> Path:
    """Return the directory of an attempt's temporary files, below one that only we can enter.

    `<tmp>/edge`, or `<tmp>/edge-<uid>` where that is somebody else's. Raises: UserError.
    """
    uid = os.geteuid()
    root = Path(tempfile.gettempdir())
    for name in ("edge", f"edge-{uid}"):
        root = Path(tempfile.gettempdir(), name)
        try:
            root.mkdir(mode=0o700, exist_ok=True)
            found = root.lstat()
        except OSError:
            continue
        # In a directory that everybody can write to, a name may be a trap.
        if stat.S_ISDIR(found.st_mode) and found.st_uid == uid:
            return root / "worker-logs" / safe_name(worker_id) / run_id / safe_name(attempt_id)
    raise UserError(f"{root}: no directory of our own for temporary files")


class TaskRunner:
    """Runs tasks of one worker."""

    def __init__(
        self,
        settings: Settings,
        peers: Peers,
        spawner: Spawner,
        clock: WallClock,
        host: HostIdentity,
        *,
        worker_id: str,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._settings = settings
        self._peers = peers
        self._spawner = spawner
        self._clock = clock
        self._host = host
        self._worker_id = worker_id
        self._environ = dict(os.environ if environ is None else environ)

    async def execute(self, task: pb.Task, run: RunningRun) -> None:
        """Run a task and deliver its end; never raises for what a task can do wrong."""
        log = get_logger().bind(dag=task.target, run_id=task.dag_run_id, attempt_id=task.attempt_id)
        identity = self._identity(task, run)
        reporter = CoordinatorReporter(
            self._peers,
            identity,
            log=log,
            on_lost=lambda error: self._lost(run, error, log),
        )
        log.info("Run started")
        files: list[Path] = []
        try:
            async with trio.open_nursery() as nursery:
                await nursery.start(reporter.run)
                status = await self._run(task, run, reporter, files, log)
                nursery.cancel_scope.cancel()
            log.info("Run ended", status=status.word)
        finally:
            with trio.move_on_after(_CLEANUP_S, shield=True):
                await trio.to_thread.run_sync(_remove, files)

    async def _run(
        self,
        task: pb.Task,
        run: RunningRun,
        reporter: CoordinatorReporter,
        made: list[Path],
        log: Logger,
    ) -> RunStatus:
        """Run the attempt; the directories that were made are added to `made`."""
        from edge.engine.runner import Runner

        try:
            base_text = await trio.to_thread.run_sync(self._own_base)
            plan = plan_task(task, base_text)
            folder = scratch_dir(self._worker_id, task.dag_run_id, task.attempt_id)
            made.append(folder)
            files = await trio.to_thread.run_sync(self._files, folder, task)
            runner = Runner(
                self._spec(task, plan, files),
                reporter=reporter,
                spawner=self._spawner,
                clock=self._clock,
                log=log,
            )
        except (EdgeError, OSError) as exc:
            error = exc.message if isinstance(exc, EdgeError) else f"{exc.filename}: {exc.strerror}"
            log.error("Run cannot start", error=error)
            await reporter.finished(self._failed(task, error))
            return RunStatus.FAILED
        run.attach(
            lambda reason: runner.request_stop(signal.SIGTERM, allow_override=True, reason="")
        )
        result = await runner.run()
        return result.status

    def _identity(self, task: pb.Task, run: RunningRun) -> TaskIdentity:
        return TaskIdentity(
            worker_id=self._worker_id,
            owner=run.owner,
            dag_name=task.target,
            run_id=task.dag_run_id,
            root_name=task.root_dag_run_name or task.target,
            root_run_id=task.root_dag_run_id or task.dag_run_id,
            attempt_id=task.attempt_id,
            attempt_key=task.attempt_key,
            source_file=task.source_file,
            labels=task.labels,
        )

    def _spec(self, task: pb.Task, plan: _Plan, files: RunFiles) -> AttemptSpec:
        from edge.config.environment import engine_environment, step_environment
        from edge.engine.attempt import AttemptSpec

        settings = self._settings
        ref = RunRef(task.target, task.dag_run_id)
        return AttemptSpec(
            dag=plan.dag,
            ref=ref,
            attempt_id=task.attempt_id,
            attempt_key=task.attempt_key,
            claim_key=task.attempt_key,
            root=_root(task),
            parent=None,
            params=plan.params,
            trigger_type=TriggerType.UNKNOWN,
            trigger_actor=task.trigger_actor,
            schedule_time=task.schedule_time,
            worker_id=self._worker_id,
            labels=tuple(part for part in task.labels.split(",") if part),
            files=files,
            step_environ=step_environment(self._environ, settings),
            process_environ=engine_environment(self._environ),
            default_shell=settings.default_shell,
            created_ms=self._clock.now_ms(),
            definition_id=task.definition_id or Path(task.source_file).stem or task.target,
            pid=self._host.pid,
            pid_started_ms=self._host.pid_started_ms,
        )

    def _files(self, folder: Path, task: pb.Task) -> RunFiles:
        """Create the run's temporary directories and name its files."""
        from edge.engine.attempt import RunFiles

        steps = folder / f"steps_{safe_name(task.attempt_id)}"
        work = folder / "work"
        for path in (steps, work):
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
        return RunFiles(log=folder / "scheduler.log", step_log_dir=steps, work_dir=work)

    def _own_base(self) -> str:
        path = self._settings.paths.base_config
        try:
            return path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""

    def _failed(self, task: pb.Task, error: str) -> RunRecord:
        now_ms = self._clock.now_ms()
        return RunRecord(
            name=task.target,
            run_id=task.dag_run_id,
            attempt_id=task.attempt_id,
            attempt_key=task.attempt_key,
            claim_key=task.attempt_key,
            root=_root(task),
            status=RunStatus.FAILED,
            worker_id=self._worker_id,
            trigger_actor=task.trigger_actor,
            created_ms=now_ms,
            started_ms=now_ms,
            finished_ms=now_ms,
            definition_id=task.definition_id,
            params=task.params,
            error=error,
        )

    def _lost(self, run: RunningRun, error: str, log: Logger) -> None:
        log.warning("The coordinator rejected the status: stopping the run", error=error)
        run.cancel(error)


def _root(task: pb.Task) -> RunRef:
    if task.root_dag_run_id:
        return RunRef(task.root_dag_run_name, task.root_dag_run_id)
    return RunRef(task.target, task.dag_run_id)


def _check_supported(task: pb.Task) -> None:
    """Refuse what this version cannot run, by name. Raises: UserError."""
    if task.operation not in (pb.OPERATION_START, pb.OPERATION_RETRY):
        name = pb.Operation.Name(task.operation) if task.operation < 3 else str(task.operation)
        raise UserError(f"unsupported operation: {name}")
    if task.workspace_bundle_digest:
        raise UserError("workspace bundles are not supported")
    if task.parent_dag_run_id:
        raise UserError("sub-DAG runs on workers are not supported in this version of edge yet")
    if task.step or task.retry_path or task.external_step_retry:
        raise UserError("step retries on workers are not supported in this version of edge yet")
    if task.profile_name:
        raise UserError("profiles are not supported in this version of edge yet")


def _previous(task: pb.Task) -> RunRecord | None:
    """Return the previous status of a RETRY task; None for START. Raises: UserError."""
    if task.operation != pb.OPERATION_RETRY:
        return None
    text = task.previous_status.json_data
    if not text:
        raise UserError("retry requires previous_status in task")
    try:
        previous = RunRecord.from_json(json.loads(text))
    except (ValueError, TypeError) as exc:
        raise UserError(f"previous_status cannot be read: {exc}") from exc
    # The first execution of a queued run is a RETRY too; it has no node that has begun.
    if any(node.status is not NodeStatus.NOT_STARTED for node in previous.nodes):
        raise UserError("retries on workers are not supported in this version of edge yet")
    return previous


def _remove(folders: Iterable[Path]) -> None:
    """Remove directories, and those above them that are empty now."""
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
        for parent in list(folder.parents)[:2]:
            try:
                parent.rmdir()
            except OSError:
                break
