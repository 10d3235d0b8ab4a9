"""A dry run: the real machine and real precondition checks, but no step and no record (spec 12 15).

It uses the runner with an execution that succeeds at once, so order, gates, skips and handlers are
those of a real run.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edge.config.environment import engine_environment, step_environment
from edge.config.log import get_logger
from edge.core.clock import SystemClock
from edge.core.ids import RunRef, attempt_id_from, run_id_from
from edge.core.record import RunRecord
from edge.engine import events as ev
from edge.engine.attempt import AttemptSpec, run_files
from edge.engine.processes import Spawner
from edge.engine.runner import Runner
from edge.engine.support import check_runnable

if TYPE_CHECKING:
    from edge.config.settings import Settings
    from edge.workflow.model import DAG
    from edge.workflow.params import ResolvedParams

__all__ = ["dry_run"]


class _NoReporter:
    """Nobody learns of a dry run."""

    async def opened(self, record: RunRecord) -> None: ...

    def changed(self, record: RunRecord, keys: Sequence[str]) -> None: ...

    def log_grew(self, key: str, stream: str, path: Path, size: int) -> None: ...

    async def log_closed(self, key: str, stream: str, path: Path, size: int) -> None: ...

    async def finished(self, record: RunRecord) -> bool:
        return True


class _DryRunner(Runner):
    """Lets every step and handler succeed without a process."""

    async def _execute_node(self, key: str) -> None:
        self.post(ev.NodeExited(key, 0))

    def _say(self, message: str, fields: dict[str, object], *, bound: bool = True) -> None:
        if message == "Step started":
            ref = self.spec.ref
            get_logger().info(message, dag=ref.name, run_id=ref.run_id, **fields)


async def dry_run(settings: Settings, dag: DAG, params: ResolvedParams) -> tuple[RunRecord, str]:
    """Walk through the DAG; return the record it would have and the kept run error.

    Leaves nothing behind but the (empty) log that the tree names. Raises: UserError on a cycle and
    for what this build cannot run.
    """
    check_runnable(dag)
    clock = SystemClock()
    now_ms = clock.now_ms()
    ref = RunRef(dag.name, run_id_from(now_ms, os.urandom(10)))
    attempt_id = attempt_id_from(os.urandom(3))
    spec = AttemptSpec(
        dag=dag,
        ref=ref,
        attempt_id=attempt_id,
        params=params,
        files=run_files(settings, dag, ref, attempt_id, now_ms),
        step_environ=step_environment(os.environ, settings),
        process_environ=engine_environment(os.environ),
        default_shell=settings.default_shell,
        created_ms=now_ms,
        definition_id=dag.name,
    )
    runner = _DryRunner(
        spec, reporter=_NoReporter(), spawner=Spawner(None), clock=clock, log=get_logger()
    )
    result = await runner.run()
    made = [spec.files.step_log_dir, spec.files.work_dir, spec.files.work_dir.parent]
    if spec.artifact_dir:
        # that of this run alone; files of streams are opened when a step is prepared
        shutil.rmtree(spec.artifact_dir, ignore_errors=True)
        made.append(Path(spec.artifact_dir).parent)
    for folder in made:
        try:
            folder.rmdir()
        except OSError:
            # It is used, or was never made.
            continue
    get_logger().info("Dry-run completed", dag=ref.name, run_id=ref.run_id, params=params.as_list())
    return runner.record, result.error
