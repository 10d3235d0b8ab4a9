"""Child runs as runs of the same process, below their root (spec 12 sections 12, 13 and 18)."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from edge.actions.children import ChildError
from edge.config.dagfiles import load_dag_file, load_options, resolve_dag_file
from edge.config.log import get_logger
from edge.core.errors import EdgeError, UserError
from edge.core.ids import RunRef, attempt_id_from, attempt_key
from edge.core.status import TriggerType
from edge.engine.attempt import AttemptSpec, child_files, new_record, run_files
from edge.engine.children import ChildCall, EndedChild
from edge.engine.plan import build_plan
from edge.engine.reporter import StoreReporter
from edge.engine.retry_plan import plan_full
from edge.engine.run_params import settle_params
from edge.engine.runner import Runner, open_record
from edge.engine.support import check_runnable
from edge.store import HostIdentity, Snapshot, Store
from edge.workflow.changes import replace as replace_dag
from edge.workflow.human import HUMAN_TASK
from edge.workflow.params import parse_override_text

if TYPE_CHECKING:
    from edge.config.settings import Settings
    from edge.core.clock import WallClock
    from edge.engine.processes import Spawner
    from edge.store.writer import StoreWriter
    from edge.workflow.model import DAG
    from edge.workflow.params import ResolvedParams

__all__ = ["MAX_DEPTH", "LocalChildren"]

#: runs in one line from the root to a child: a DAG that calls itself must end
MAX_DEPTH = 32


class LocalChildren:
    """Starts child runs; each is a task of the node that called it."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        writer: StoreWriter,
        spawner: Spawner,
        clock: WallClock,
        host: HostIdentity,
    ) -> None:
        #: the live ones
        self.runners: set[Runner] = set()
        self._settings = settings
        self._store = store
        self._writer = writer
        self._spawner = spawner
        self._clock = clock
        self._host = host

    async def find(self, parent: DAG, name: str) -> DAG:
        """Return a document of the parent's file, else a DAG of the store (spec 10 section 2)."""
        dag = parent.local_dags.get(name)
        if dag is not None:
            # a local document sees its siblings
            dag = replace_dag(dag, local_dags=parent.local_dags)
        else:
            dag = await trio.to_thread.run_sync(self._load, name)
        if any(step.action == HUMAN_TASK for step in dag.steps):
            raise ChildError(f"human task steps are not allowed in sub-DAGs: {name}")
        if any(step.approval is not None for step in dag.steps):
            # Nobody could answer: only root runs wait for people here.
            raise ChildError(
                f"approval in the sub-DAG {name} is not available in this build of edge"
            )
        if dag.is_distributed:
            raise ChildError(
                f"worker_selector of the sub-DAG {name} is not available in this build of edge"
            )
        try:
            build_plan(dag)
            check_runnable(dag)
        except UserError as exc:
            raise ChildError(exc.message) from exc
        return dag

    def _load(self, name: str) -> DAG:
        failed = f'failed to find DAG "{name}": '
        try:
            path = resolve_dag_file(name, self._settings)
            if not path.is_file():
                raise ChildError(f"{failed}failed to locate DAG {name}: DAG is not found")
            return load_dag_file(
                path, self._settings, options=load_options(self._settings, as_child=True)
            )
        except EdgeError as exc:
            raise ChildError(failed + exc.message) from exc
        except (OSError, ValueError) as exc:
            # a name that no path can have
            raise ChildError(f"{failed}failed to locate DAG {name}: {exc}") from exc

    async def start(self, call: ChildCall) -> Runner | EndedChild:
        """Record an attempt of the child below its root, durably; one that succeeded is reused."""
        parent, dag = call.parent, call.dag
        if parent.depth >= MAX_DEPTH:
            raise ChildError(
                f"sub-DAG {call.run.name} would be more than {MAX_DEPTH} runs below the root run:"
                " does a DAG call itself?"
            )
        root = parent.root or parent.ref
        read = partial(self._store.load_child, root, call.run.run_id)
        try:
            before = await trio.to_thread.run_sync(read)
            if before is not None and before.status.is_success:
                return EndedChild(before)
            params = await self._params(call)
            now_ms = self._clock.now_ms()
            created_ms = now_ms if before is None else before.created_ms
            spec = self._spec(call, root, params, created_ms)
            if before is not None:
                # only what has not succeeded runs again
                again = plan_full(dag, build_plan(dag), before)
                spec = replace(spec, resumed=again, working_dir=before.working_dir)
            record = new_record(spec)
            if call.run.item:
                record.extra["parallelItem"] = call.run.item
            prepared = open_record(spec, record, now_ms)
            snapshot = Snapshot(dag.text, dag.base_text, dag.source_file)
            attempt = await self._writer.commit(
                lambda store: store.begin_attempt(
                    record, snapshot, self._host, new_run=before is None
                )
            )
        except EdgeError as exc:
            raise ChildError(exc.message) from exc
        runner = Runner(
            spec,
            reporter=StoreReporter(self._writer, attempt, is_open=True),
            spawner=self._spawner,
            clock=self._clock,
            log=get_logger(),
            record=record,
            prepared=prepared,
            children=self,
        )
        self.runners.add(runner)
        return runner

    def left(self, runner: Runner) -> None:
        """Forget a child run that is over."""
        self.runners.discard(runner)

    async def _params(self, call: ChildCall) -> ResolvedParams:
        return await settle_params(
            call.dag,
            parse_override_text(call.run.params),
            spawner=self._spawner,
            environ=call.parent.process_environ,
            default_shell=call.parent.default_shell,
        )

    def _spec(
        self, call: ChildCall, root: RunRef, params: ResolvedParams, created_ms: int
    ) -> AttemptSpec:
        parent, dag = call.parent, call.dag
        ref = RunRef(dag.name, call.run.run_id)
        attempt_id = attempt_id_from(os.urandom(3))
        own = run_files(self._settings, dag, ref, attempt_id, created_ms)
        is_local = call.run.name in parent.dag.local_dags
        stem = Path(dag.source_file).stem if dag.source_file and not is_local else ""
        # By name, not as a changed copy: what belongs to the parent's own attempt stays there.
        return AttemptSpec(
            dag=dag,
            ref=ref,
            attempt_id=attempt_id,
            attempt_key=attempt_key(root, ref, attempt_id),
            root=root,
            parent=parent.stored_ref,
            params=params,
            trigger_type=TriggerType.SUBDAG,
            trigger_actor=parent.trigger_actor,
            labels=dag.labels,
            files=child_files(own, parent.files, ref.run_id),
            step_environ=parent.step_environ,
            process_environ=parent.process_environ,
            default_shell=parent.default_shell,
            step_log_max_bytes=parent.step_log_max_bytes,
            state=parent.state,
            created_ms=created_ms,
            definition_id=stem or dag.name,
            pid=self._host.pid,
            pid_started_ms=self._host.pid_started_ms,
            inherited=dict(call.environment),
            inherited_secrets=call.secrets,
            depth=parent.depth + 1,
        )
