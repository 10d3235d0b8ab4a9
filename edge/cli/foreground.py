"""One run in the foreground: what `edge start` does between loading and the exit code."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import trio

from edge.cli.output import print_refused, print_tree
from edge.config.log import configure, get_logger
from edge.config.runtime import control_socket, runtime_dir
from edge.core.clock import SystemClock
from edge.core.errors import DuplicateRunError, UserError
from edge.core.ids import RunRef, run_id_from
from edge.core.record import NodeRecord
from edge.core.status import TriggerType
from edge.engine.control import serve_control
from edge.engine.host import RunHost
from edge.engine.plan import build_plan
from edge.engine.processes import Spawner
from edge.engine.support import check_runnable
from edge.store import Store
from edge.store.host import this_host
from edge.store.writer import StoreWriter
from edge.workflow.params import ResolvedParams
from edge.workflow.records import step_record

if TYPE_CHECKING:
    from edge.config.log import Logger
    from edge.config.settings import Settings
    from edge.engine.attempt import AttemptResult
    from edge.engine.resuming import StoredRun
    from edge.engine.retry_plan import Resumption
    from edge.engine.runner import Runner
    from edge.engine.watcher import Watcher
    from edge.workflow.model import DAG

__all__ = ["ForegroundRun", "Retry"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PROGRESS_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """A stored run, and what a new attempt of it takes over."""

    run: StoredRun
    resumed: Resumption
    step: str = ""
    trigger_actor: str = ""


class ForegroundRun:
    """Executes one DAG in this process; its end is the process's end."""

    def __init__(
        self,
        settings: Settings,
        dag: DAG,
        params: ResolvedParams,
        *,
        run_id: str | None,
        trigger_type: TriggerType,
        schedule_time: str,
        labels: Sequence[str],
        quiet: bool,
        progress: bool,
        params_text: str = "",
        retry: Retry | None = None,
        restarts: bool = False,
        from_run_id: str = "",
    ) -> None:
        """`params_text`: the parameters as the caller wrote them, for the log.

        `restarts`: the run stands for one that was stopped; its summary is printed when it fails.
        """
        self._settings = settings
        self._dag = dag
        self._params = params
        self._params_text = params_text
        self._retry = retry
        self._restarts = restarts
        self._from_run_id = from_run_id
        self._clock = SystemClock()
        self._run_id = run_id or run_id_from(self._clock.now_ms(), os.urandom(10))
        self._trigger_type = trigger_type
        self._schedule_time = schedule_time
        self._labels = labels
        self._quiet = quiet
        self._progress = progress
        self._was_killed = False
        #: signals so far; those that come before there is a runner are kept for it
        self._received: list[int] = []
        self._runner: Runner | None = None

    @classmethod
    def of_retry(
        cls, settings: Settings, retry: Retry, *, quiet: bool, progress: bool
    ) -> ForegroundRun:
        """Return what executes a new attempt of a stored run."""
        record = retry.run.record
        return cls(
            settings,
            retry.run.dag,
            ResolvedParams.from_list(record.params_list),
            run_id=record.run_id,
            trigger_type=TriggerType.RETRY,
            schedule_time=record.schedule_time,
            labels=record.labels,
            quiet=quiet,
            progress=progress,
            retry=retry,
        )

    async def run(self, watcher: Watcher | None) -> int:
        """Run to the end; print the tree and return the exit code of spec 12 section 8."""
        log = get_logger().bind(dag=self._dag.name, run_id=self._run_id)
        if self._progress:
            # The live view takes the place of the log lines.
            configure(quiet=True)
        self._announce(log)
        self._check_plan()
        storage = self._settings.storage
        store = Store.open(self._settings.paths.store_file, page_size=storage.page_size)
        try:
            runner, result = await self._execute(store, watcher)
        finally:
            store.close()
        if not self._quiet and (result.error or not self._restarts):
            print_tree(runner.record, blank=True)
        if self._was_killed:
            return 1
        if result.error and not self._quiet:
            log.error("Failed to execute dag-run", err=result.error)
            sys.stdout.flush()
            what = (
                "dag-run failed"
                if self._restarts
                else f"failed to execute the dag-run {self._dag.name} (dag-run ID: {self._run_id})"
            )
            print(f"Error: {what}: {result.error}", file=sys.stderr)
        return result.exit_code

    def _announce(self, log: Logger) -> None:
        if self._restarts:
            log.info("Dag-run restart initiated")
        elif self._from_run_id:
            origin = self._from_run_id
            log.info("Rescheduling dag-run", from_dag_run_id=origin, params=self._params_text)
        elif self._retry is None:
            log.info("Executing root dag-run", params=self._params_text)
        else:
            step = {"step": self._retry.step} if self._retry.step else {}
            log.info("Dag-run retry initiated", **step, file=self._retry.run.record.log)

    def _check_plan(self) -> None:
        """Refuse what cannot run before anything is written, with the summary of such a run.

        Raises: UserError naming the cycle (spec 10 section 6.2) or what is not built (spec 13).
        """
        try:
            build_plan(self._dag)
            check_runnable(self._dag)
        except UserError:
            if not self._quiet:
                steps = [NodeRecord(step=step_record(step, self._dag)) for step in self._dag.steps]
                print_refused(self._dag.name, self._run_id, steps)
            raise

    async def _execute(self, store: Store, watcher: Watcher | None) -> tuple[Runner, AttemptResult]:
        host = this_host()
        writer = StoreWriter(store, self._settings.storage.commit_window_ms / 1000)
        async with trio.open_nursery() as outer:
            await outer.start(writer.run)
            now_ms = self._clock.now_ms()
            if store.dead_runs(host):
                await writer.commit(lambda inner: inner.recover(host, now_ms))
            runs = RunHost(self._settings, store, writer, Spawner(watcher), self._clock, host)
            async with trio.open_nursery() as nursery:
                await nursery.start(runs.run)
                socket = control_socket(runtime_dir(os.environ), host.pid)
                await nursery.start(serve_control, socket, runs)
                await nursery.start(self._listen)
                ref = await self._start(runs)
                runner = self._runner = runs.active[ref]
                for order in range(len(self._received)):
                    self._pass_on(runner, order)
                if self._progress:
                    nursery.start_soon(self._show_progress, runner)
                result = await runs.wait(ref)
                nursery.cancel_scope.cancel()
            outer.cancel_scope.cancel()
        return runner, result

    async def _start(self, runs: RunHost) -> RunRef:
        retry = self._retry
        if retry is not None:
            return await runs.resume(
                self._dag, retry.run.record, retry.resumed, trigger_actor=retry.trigger_actor
            )
        try:
            return await runs.start(
                self._dag,
                self._params,
                run_id=self._run_id,
                trigger_type=self._trigger_type,
                schedule_time=self._schedule_time,
                labels=self._labels,
            )
        except DuplicateRunError as exc:
            raise DuplicateRunError(f"local execution already exists: {exc.message}") from exc

    async def _listen(self, *, task_status: trio.TaskStatus[None]) -> None:
        with trio.open_signal_receiver(*_SIGNALS) as received:
            task_status.started()
            async for number in received:
                self._received.append(number)
                if self._runner is not None:
                    self._pass_on(self._runner, len(self._received) - 1)

    def _pass_on(self, runner: Runner, order: int) -> None:
        """The first signal goes to the steps, a second one kills them (spec 30 section 1.6)."""
        number = self._received[order]
        if order == 0:
            # A hang-up counts as a request to end.
            passed = signal.SIGTERM if number == signal.SIGHUP else number
            runner.request_stop(passed, allow_override=False)
        else:
            self._was_killed = True
            runner.request_kill()

    async def _show_progress(self, runner: Runner) -> None:
        from edge.cli.progress import Progress

        progress = Progress(sys.stderr, runner.record, self._clock.now_ms)
        try:
            while True:
                progress.update()
                await trio.sleep(_PROGRESS_S)
        finally:
            progress.close()
