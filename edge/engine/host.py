"""The runs of one process: `edge start` has one, the service many (DESIGN sections 3 and 10)."""

from __future__ import annotations

import os
import signal as signals
import sys
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import trio

from edge.config.environment import engine_environment, step_environment
from edge.config.log import get_logger
from edge.config.settings import Settings
from edge.core.clock import WallClock
from edge.core.errors import EdgeError, UserError
from edge.core.ids import RunRef, attempt_id_from, attempt_key, check_run_id, run_id_from
from edge.core.status import RunStatus, TriggerType
from edge.engine.attempt import AttemptResult, AttemptSpec, new_record, run_files
from edge.engine.child_host import LocalChildren
from edge.engine.plan import build_plan
from edge.engine.processes import Spawner
from edge.engine.reporter import StoreReporter
from edge.engine.retry_plan import Resumption
from edge.engine.run_params import settle_params
from edge.engine.runner import Runner, open_record
from edge.engine.state import StoreState
from edge.engine.support import check_runnable
from edge.store import HostIdentity, Snapshot, Store, StoredRecord
from edge.store.writer import StoreWriter
from edge.workflow.model import DAG
from edge.workflow.params import ParamOverrides, ResolvedParams

__all__ = ["RunHost"]

_ABORT_POLL_S = 5.0
_RESULTS_KEPT = 256
#: after a stop at the end of a drain: signals, SIGKILL, abort and exit handlers
_STOP_LIMIT_S = 20.0
_KILL_LIMIT_S = 5.0


@dataclass(slots=True)
class _Active:
    """A run of this process."""

    runner: Runner
    attempt: int
    ended: trio.Event = field(default_factory=trio.Event)


class RunHost:
    """Owns the nursery of all runs of this process.

    Resource handling: `run` owns every run; cancelling it kills the processes of all of them.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        writer: StoreWriter,
        spawner: Spawner,
        clock: WallClock,
        host: HostIdentity,
        artifact_base: str = "",
    ) -> None:
        """`artifact_base`: where a relative `artifacts.dir` starts; "" = the current directory."""
        self.settings = settings
        self._artifact_base = artifact_base
        self.active: dict[RunRef, Runner] = {}
        self._runs: dict[RunRef, _Active] = {}
        self._results: OrderedDict[RunRef, AttemptResult] = OrderedDict()
        self._store = store
        self._writer = writer
        self._spawner = spawner
        self._clock = clock
        self._host = host
        self._children = LocalChildren(settings, store, writer, spawner, clock, host)
        self._nursery: trio.Nursery | None = None
        self._is_draining = False
        self._idle = trio.Event()
        self._step_environ = step_environment(os.environ, settings)
        self._step_environ.setdefault("DAGU_EXECUTABLE", sys.executable)
        self._process_environ = engine_environment(os.environ)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Own the runs until cancelled."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            task_status.started()
            await self._poll_aborts()

    async def settle_params(self, dag: DAG, overrides: ParamOverrides) -> ResolvedParams:
        """Return the parameters of a new run, evaluated and checked. Raises: UserError."""
        return await settle_params(
            dag,
            overrides,
            spawner=self._spawner,
            environ=self._process_environ,
            default_shell=self.settings.default_shell,
        )

    async def start(
        self,
        dag: DAG,
        params: ResolvedParams,
        *,
        run_id: str | None = None,
        trigger_type: TriggerType = TriggerType.MANUAL,
        trigger_actor: str = "",
        schedule_time: str = "",
        labels: Sequence[str] = (),
    ) -> RunRef:
        """Record a new run durably and start it; return its reference.

        Raises: UserError for a bad id, a cyclic DAG, one that this build cannot run, too little
        free space or a host that is draining; DuplicateRunError; StoreError.
        """
        if self._nursery is None or self._is_draining:
            raise UserError("no new run is started: the service is stopping")
        check_free_space(self.settings)
        build_plan(dag)
        check_runnable(dag)
        now_ms = self._clock.now_ms()
        ref = RunRef(dag.name, check_run_id(run_id) if run_id is not None else self._new_id(now_ms))
        spec = self._spec(
            dag, params, ref, now_ms, trigger_type, trigger_actor, schedule_time, tuple(labels)
        )
        return await self._begin(spec, now_ms)

    async def resume(
        self,
        dag: DAG,
        previous: StoredRecord,
        resumed: Resumption,
        *,
        trigger_actor: str = "",
    ) -> RunRef:
        """Record a new attempt of a run durably and start it (spec 12 section 15).

        `dag` is the stored one. Raises: as `start`; StaleAttemptError when the run has gone on.
        """
        if self._nursery is None or self._is_draining:
            raise UserError("no new run is started: the service is stopping")
        check_free_space(self.settings)
        build_plan(dag)
        check_runnable(dag)
        now_ms = self._clock.now_ms()
        params = ResolvedParams.from_list(previous.params_list)
        spec = self._spec(
            dag,
            params,
            previous.ref,
            now_ms,
            TriggerType.RETRY,
            trigger_actor,
            previous.schedule_time,
            tuple(previous.labels),
        )
        files = spec.files
        if previous.log:
            # The scheduler log goes on; the logs of steps get a directory of their own.
            log = Path(previous.log)
            files = replace(files, log=log, step_log_dir=log.parent / files.step_log_dir.name)
        if previous.archive_dir:
            files = replace(files, artifact_dir=Path(previous.archive_dir))
        spec = replace(
            spec,
            files=files,
            created_ms=previous.created_ms,
            queued_ms=previous.queued_ms,
            definition_id=previous.definition_id,
            working_dir=previous.working_dir,
            resumed=resumed,
        )
        return await self._begin(spec, now_ms, after=previous.attempt_row)

    async def _begin(self, spec: AttemptSpec, now_ms: int, *, after: int | None = None) -> RunRef:
        assert self._nursery is not None
        dag, ref = spec.dag, spec.ref
        record = new_record(spec)
        # Recorded as running at once: one durable commit before the first step, not two.
        prepared = open_record(spec, record, now_ms)
        snapshot = Snapshot(dag.text, dag.base_text, dag.source_file)
        attempt = await self._writer.commit(
            lambda store: store.begin_attempt(
                record, snapshot, self._host, new_run=after is None, after=after
            )
        )
        runner = Runner(
            spec,
            reporter=StoreReporter(self._writer, attempt, is_open=True),
            spawner=self._spawner,
            clock=self._clock,
            log=get_logger(),
            record=record,
            prepared=prepared,
            children=self._children,
        )
        self._runs[ref] = _Active(runner, attempt)
        self.active[ref] = runner
        self._nursery.start_soon(self._run_one, ref)
        return ref

    def _new_id(self, now_ms: int) -> str:
        return run_id_from(now_ms, os.urandom(10))

    def _spec(
        self,
        dag: DAG,
        params: ResolvedParams,
        ref: RunRef,
        now_ms: int,
        trigger_type: TriggerType,
        trigger_actor: str,
        schedule_time: str,
        labels: tuple[str, ...],
    ) -> AttemptSpec:
        attempt_id = attempt_id_from(os.urandom(3))
        return AttemptSpec(
            dag=dag,
            ref=ref,
            attempt_id=attempt_id,
            attempt_key=attempt_key(ref, ref, attempt_id),
            root=ref,
            params=params,
            trigger_type=trigger_type,
            trigger_actor=trigger_actor,
            schedule_time=schedule_time,
            labels=tuple(dict.fromkeys((*dag.labels, *labels))),
            files=run_files(
                self.settings, dag, ref, attempt_id, now_ms, artifact_base=self._artifact_base
            ),
            step_environ=self._step_environ,
            process_environ=self._process_environ,
            default_shell=self.settings.default_shell,
            step_log_max_bytes=self.settings.storage.step_log_max_bytes,
            created_ms=now_ms,
            definition_id=Path(dag.source_file).stem if dag.source_file else dag.name,
            pid=self._host.pid,
            pid_started_ms=self._host.pid_started_ms,
            state=StoreState(self._writer),
        )

    async def _run_one(self, ref: RunRef) -> None:
        active = self._runs[ref]
        result = AttemptResult(RunStatus.FAILED, "the run was interrupted")
        try:
            result = await active.runner.run()
        except EdgeError as exc:
            # The store took no final status; recovery will say what became of the run.
            get_logger().error("Failed to record dag-run", dag=ref.name, run_id=ref.run_id, err=exc)
            result = AttemptResult(RunStatus.FAILED, str(exc))
        finally:
            self._results[ref] = result
            while len(self._results) > _RESULTS_KEPT:
                self._results.popitem(last=False)
            del self._runs[ref], self.active[ref]
            active.ended.set()
            if not self._runs:
                self._idle.set()
                self._idle = trio.Event()

    def stop(
        self,
        ref: RunRef,
        *,
        signal: int = signals.SIGTERM,
        allow_override: bool = True,
        reason: str = "",
    ) -> bool:
        """Stop a run of this process (spec 12 section 10); False when it is not one."""
        active = self._runs.get(ref)
        if active is None:
            return False
        active.runner.request_stop(signal, allow_override=allow_override, reason=reason)
        return True

    async def wait(self, ref: RunRef) -> AttemptResult:
        """Return how a run ended. Raises: KeyError when this process does not know it."""
        active = self._runs.get(ref)
        if active is not None:
            await active.ended.wait()
        return self._results[ref]

    async def drain(self, deadline_s: float, reason: str) -> None:
        """Start nothing more; let runs end, then stop them, then kill them."""
        self._is_draining = True
        with trio.move_on_after(deadline_s):
            await self._wait_idle()
        for active in list(self._runs.values()):
            active.runner.request_stop(signals.SIGTERM, allow_override=True, reason=reason)
        with trio.move_on_after(_STOP_LIMIT_S):
            await self._wait_idle()
        for active in list(self._runs.values()):
            active.runner.request_kill()
        with trio.move_on_after(_KILL_LIMIT_S):
            await self._wait_idle()

    async def _wait_idle(self) -> None:
        while self._runs:
            await self._idle.wait()

    async def _poll_aborts(self) -> None:
        """Look for stop requests that were recorded but whose sender could not reach us."""
        while True:
            await trio.sleep(_ABORT_POLL_S)
            attempts = [(ref, active.attempt) for ref, active in self._runs.items()]
            if not attempts:
                continue
            try:
                found = await trio.to_thread.run_sync(self._aborted, attempts)
            except EdgeError as exc:
                get_logger().error("Failed to read stop requests", err=exc)
                continue
            for ref in found:
                self.stop(ref)

    def _aborted(self, attempts: list[tuple[RunRef, int]]) -> list[RunRef]:
        return [ref for ref, attempt in attempts if self._store.abort_requested(attempt)]


def check_free_space(settings: Settings) -> None:
    """Refuse a start on a disk that is nearly full. Raises: UserError."""
    floor_mb = settings.storage.free_space_floor_mb
    for folder in dict.fromkeys((settings.paths.data_dir, settings.paths.log_dir)):
        try:
            found = os.statvfs(folder)
        except FileNotFoundError:
            continue
        free_mb = found.f_bavail * found.f_frsize // (1024 * 1024)
        if free_mb < floor_mb:
            raise UserError(
                f"no new run is started: {folder} has {free_mb} MB free, the floor is"
                f" {floor_mb} MB",
                hint="free some space or lower edge.storage.free_space_floor_mb",
            )
