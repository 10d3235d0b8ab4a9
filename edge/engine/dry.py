"""A walk through a workflow that runs nothing (spec 12 section 15, `dry`)."""

from __future__ import annotations

import os
import tempfile
from collections import deque
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from edge.actions.invocation import select_shell
from edge.config.environment import step_environment
from edge.config.log import get_logger
from edge.core.clock import SystemClock
from edge.core.ids import RunRef, attempt_id_from, run_id_from
from edge.core.record import RunRecord
from edge.engine import events as ev
from edge.engine.attempt import AttemptSpec, new_record, run_files
from edge.engine.check_command import CheckCommand
from edge.engine.conditions import check_all
from edge.engine.environment import step_dir, step_scope
from edge.engine.machine import RunMachine
from edge.engine.plan import build_plan
from edge.engine.processes import Spawner
from edge.engine.runner import open_record
from edge.workflow.model import DAG, Precondition, Step
from edge.workflow.params import ResolvedParams
from edge.workflow.values import Scope

if TYPE_CHECKING:
    from edge.config.settings import Settings

__all__ = ["dry_run"]


async def dry_run(settings: Settings, dag: DAG, params: ResolvedParams) -> tuple[RunRecord, str]:
    """Return the record of a run whose steps all succeed, and its error (exit code 1).

    Preconditions are evaluated, in a work directory that is gone afterwards. Nothing is recorded.
    Raises: UserError for a cyclic DAG.
    """
    now_ms = SystemClock().now_ms()
    ref = RunRef(dag.name, run_id_from(now_ms, os.urandom(10)))
    attempt_id = attempt_id_from(os.urandom(3))
    spec = AttemptSpec(
        dag=dag,
        ref=ref,
        attempt_id=attempt_id,
        params=params,
        files=run_files(settings, dag, ref, attempt_id, now_ms),
        step_environ=step_environment(os.environ, settings),
        process_environ=step_environment(
            os.environ, replace(settings, env_passthrough=tuple(os.environ))
        ),
        default_shell=settings.default_shell,
        created_ms=now_ms,
    )
    with tempfile.TemporaryDirectory(prefix="edge-dry-") as folder:
        spec = replace(spec, files=replace(spec.files, work_dir=Path(folder)))
        walk = _Walk(spec, now_ms)
        error = await walk.run()
    return walk.record, error


class _Walk:
    """Plays the runner's part, without processes for steps."""

    def __init__(self, spec: AttemptSpec, now_ms: int) -> None:
        self.record = new_record(spec)
        self._spec = spec
        self._scope = open_record(spec, self.record, now_ms)
        self._plan = build_plan(spec.dag)
        self._machine = RunMachine(spec.dag, self._plan, self.record)
        self._log = get_logger().bind(dag=spec.dag.name, run_id=spec.ref.run_id)
        self._inbox: deque[ev.Event] = deque([ev.Began()])
        self._statuses: dict[str, str] = {}
        self._error = ""

    async def run(self) -> str:
        while self._inbox:
            now = ev.Moment(SystemClock().now_ms(), trio.current_time())
            for effect in self._machine.handle(self._inbox.popleft(), now):
                await self._carry_out(effect)
        if not self._error:
            self._log.info("Dry-run completed", params=self._spec.params.as_list())
        return self._error

    async def _carry_out(self, effect: ev.Effect) -> None:
        match effect:
            case ev.StartStep(key=key):
                self._log.info("Step started", step=self._step(key).name)
                self._inbox.append(ev.NodePrepared(key=key))
            case ev.StartHandler(key=key, run_status=status):
                self._statuses[key] = status
                self._inbox.append(ev.NodePrepared(key=key))
            case ev.ExecuteNode(key=key):
                self._inbox.append(ev.NodeExited(key, 0))
            case ev.CheckPreconditions(key=key):
                self._inbox.append(await self._check(key))
            case ev.StartTimer(timer="delay"):
                self._inbox.append(ev.TimerFired("delay"))
            case ev.Note(message=message, fields=fields):
                self._log.info(message, **fields)
            case ev.Finish(error=error):
                self._error = error

    def _step(self, key: str) -> Step:
        if key.isdigit():
            return self._plan.steps[int(key)]
        return self._spec.dag.handlers.configured()[key]

    async def _check(self, key: str) -> ev.ConditionsChecked:
        spec, base = self._spec, self.record.working_dir
        step: Step | None = None
        scope: Scope = self._scope
        conditions: tuple[Precondition, ...] = spec.dag.preconditions
        cwd = base
        if key != ev.DAG_KEY:
            step = self._step(key)
            conditions = step.preconditions
            cwd = step_dir(step, base, scope)
            word = self._statuses.get(key)
            extra = {"DAG_RUN_STATUS": word} if word else None
            name = step.name if key.isdigit() else key
            scope = step_scope(scope, step, name=name, cwd=cwd, extra=extra)
        spawner = Spawner(None)
        try:
            result = await check_all(
                conditions,
                scope=scope,
                shell=select_shell(step, spec.dag, scope, spec.default_shell),
                cwd=cwd,
                run=CheckCommand(spawner, spec.ref.run_id, scope.environ(), cwd),
            )
        finally:
            spawner.close()
        return ev.ConditionsChecked(key, result.verdict, result.errors)
