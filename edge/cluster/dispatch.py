"""Dispatch: checks, attempt preparation, enqueue (spec 20 section 4.2).

The same code serves the RPC and the in-process caller. Attempt preparation is one transaction of
the store, which is the per-run lock.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from edge.cluster.board import TaskBoard
from edge.cluster.fencing import Latest
from edge.cluster.hub import Hub
from edge.cluster.rpc import Code, RpcError
from edge.cluster.selection import check_placement
from edge.cluster.wire import pb
from edge.core.errors import EdgeError
from edge.core.ids import RunRef, attempt_id_from, attempt_key
from edge.core.record import RunRecord
from edge.core.status import RunStatus, TriggerType
from edge.store import Snapshot, Store
from edge.workflow.params import is_dynamic
from edge.workflow.params_text import quoted
from edge.workflow.selector import resolve_selector

if TYPE_CHECKING:
    from edge.workflow.model import DAG
    from edge.workflow.params import ResolvedParams

__all__ = ["Dispatcher", "params_text", "task_for"]

_STALE = "failed to prepare attempt: stale queue dispatch: "


def params_text(dag: DAG, params: ResolvedParams) -> str:
    """Return the task's string form: `WHO="parent" N="2"`, positional values without a name.

    A position counts every word, so a positional value stands in its own place; where words before
    it are missing, a named one is repeated. A caller's JSON goes as it was, unless the other side
    could not complete it without evaluating something.
    """
    if params.json_text and not is_dynamic(dag):
        if not any(item.is_inherited for item in dag.params):
            return params.json_text
    named = [f"{name}={quoted(text)}" for name, text in params.items if not name.isdigit()]
    places = {int(name): quoted(text) for name, text in params.items if name.isdigit()}
    rest = iter(named)
    words: list[str] = []
    for place in range(1, max(places, default=0) + 1):
        words.append(places.get(place) or next(rest, named[-1] if named else '""'))
    return " ".join([*words, *rest])


def task_for(
    dag: DAG,
    params: ResolvedParams,
    *,
    run_id: str,
    labels: tuple[str, ...] = (),
    trigger_actor: str = "",
    schedule_time: str = "",
    selector: Mapping[str, str] | None = None,
) -> pb.Task:
    """Return the START task of a root run.

    The DAG's selector is resolved with the run's parameters unless `selector` is given. Raises:
    UserError for labels that cannot be.
    """
    if selector is None:
        selector = resolve_selector(dag, params.as_dict(), os.environ)
    return pb.Task(
        root_dag_run_name=dag.name,
        root_dag_run_id=run_id,
        dag_run_id=run_id,
        operation=pb.OPERATION_START,
        target=dag.name,
        params=params_text(dag, params),
        worker_selector=selector,
        definition=dag.text,
        labels=",".join(labels),
        base_config=dag.base_text,
        source_file=dag.source_file,
        trigger_actor=trigger_actor,
        schedule_time=schedule_time,
    )


class Dispatcher:
    """Turns a task into an attempt that waits for a worker."""

    def __init__(self, hub: Hub, board: TaskBoard) -> None:
        self._hub = hub
        self._board = board

    async def dispatch(
        self,
        task: pb.Task,
        *,
        must_be_new: bool = False,
        trigger: TriggerType = TriggerType.UNKNOWN,
    ) -> RunRef:
        """Check, prepare and enqueue a task; return the run.

        `must_be_new` refuses a run id that exists, as starting a run does everywhere else.
        Raises: RpcError with the codes of section 4.2; DuplicateRunError.
        """
        hub = self._hub
        if not task.definition:
            raise RpcError(
                Code.INVALID_ARGUMENT, "task.Definition is required for distributed execution"
            )
        now_ms = hub.now_ms()
        check_placement(
            hub.workers.seats(),
            task.worker_selector,
            task.target_worker_id,
            now_ms,
            hub.workers.legacy(now_ms),
        )
        if task.parent_dag_run_id or task.root_dag_run_id not in ("", task.dag_run_id):
            raise RpcError(
                Code.UNIMPLEMENTED,
                "sub-DAG runs cannot be dispatched to workers in this version of edge yet",
            )
        ref = RunRef(task.target, task.dag_run_id)
        labels = await self._labels(task)
        prepared = pb.Task()
        prepared.CopyFrom(task)
        prepared.labels = ",".join(labels)
        prepared.root_dag_run_name, prepared.root_dag_run_id = ref.name, ref.run_id
        new_id = attempt_id_from(hub.random_bytes(3))
        wall_ms = hub.wall_ms()
        attempt_id, is_new = await hub.writer.commit(
            lambda store: _prepare(
                store, prepared, new_id, wall_ms, must_be_new=must_be_new, trigger=trigger
            )
        )
        hub.untrack(ref)
        prepared.attempt_id = attempt_id
        prepared.attempt_key = attempt_key(ref, ref, attempt_id)
        try:
            await self._board.put(prepared)
        except EdgeError as exc:
            if is_new:
                await self.fail(
                    ref,
                    attempt_id,
                    f"failed to hand off distributed task to a worker: {exc.message}",
                )
            raise RpcError(Code.INTERNAL, f"failed to enqueue task: {exc.message}") from exc
        hub.log.info("Task queued for a worker", dag=ref.name, run_id=ref.run_id)
        return ref

    async def fail(self, ref: RunRef, attempt_id: str, error: str) -> bool:
        """Mark a `not_started` attempt as failed; any other state stays as it is."""
        wall_ms = self._hub.wall_ms()

        def apply(store: Store) -> bool:
            record = store.load_record(ref)
            if (
                record is None
                or record.attempt_id != attempt_id
                or record.status is not RunStatus.NOT_STARTED
            ):
                return False
            record.status, record.error, record.finished_ms = RunStatus.FAILED, error, wall_ms
            return store.finish(record.attempt_row, record)

        return await self._hub.writer.commit(apply)

    async def _labels(self, task: pb.Task) -> list[str]:
        """Return the run's labels: the task's, else the DAG's own; checks the definition."""
        from edge.workflow.load import load_dag

        try:
            dag = load_dag(
                task.definition,
                name=task.target,
                base_text=task.base_config,
                source_file=task.source_file,
            )
        except EdgeError as exc:
            raise RpcError(
                Code.INTERNAL,
                f"failed to prepare attempt: failed to parse DAG definition: {exc.message}",
            ) from exc
        return _split(task.labels) or list(dag.labels)


def _prepare(
    store: Store,
    task: pb.Task,
    new_id: str,
    wall_ms: int,
    *,
    must_be_new: bool,
    trigger: TriggerType,
) -> tuple[str, bool]:
    """Reuse the queued attempt or begin a new one; return its id and whether it is new."""
    ref = RunRef(task.target, task.dag_run_id)
    found = store.load_record(ref)
    latest = _latest(found)
    previous = _previous(task)
    if previous is not None and previous.status is RunStatus.QUEUED:
        _check_queued(previous, latest)
        return previous.attempt_id, False
    if latest is not None and latest.status is RunStatus.QUEUED and not must_be_new:
        return latest.attempt_id, False
    if task.operation == pb.OPERATION_RETRY and latest is None:
        raise RpcError(
            Code.INTERNAL,
            "failed to prepare attempt: failed to create attempt: failed to find execution:"
            f" dag-run ID not found: {ref.run_id}",
        )
    record = RunRecord(
        name=ref.name,
        run_id=ref.run_id,
        attempt_id=new_id,
        attempt_key=attempt_key(ref, ref, new_id),
        root=ref,
        status=RunStatus.NOT_STARTED,
        trigger_type=TriggerType.RETRY if latest is not None else trigger,
        trigger_actor=task.trigger_actor,
        created_ms=wall_ms,
        started_ms=wall_ms,
        schedule_time=task.schedule_time,
        definition_id=task.definition_id,
        params=task.params,
        labels=_split(task.labels),
    )
    snapshot = Snapshot(task.definition, task.base_config, task.source_file)
    store.begin_attempt(record, snapshot, None, new_run=must_be_new)
    return new_id, True


def _latest(record: RunRecord | None) -> Latest | None:
    if record is None:
        return None
    return Latest(
        attempt_id=record.attempt_id, attempt_key=record.attempt_key, status=record.status
    )


def _check_queued(previous: RunRecord, latest: Latest | None) -> None:
    """Refuse a dispatch whose queue item is out of date. Raises: RpcError."""
    reason = ""
    if not previous.attempt_id:
        reason = "queued attempt ID is missing"
    elif latest is None:
        reason = "dag-run is no longer queued"
    elif latest.attempt_id != previous.attempt_id:
        reason = "queued attempt was superseded"
    elif latest.status is not RunStatus.QUEUED:
        reason = f"latest attempt is {latest.status.word}"
    if reason:
        raise RpcError(Code.FAILED_PRECONDITION, _STALE + reason)


def _previous(task: pb.Task) -> RunRecord | None:
    text = task.previous_status.json_data
    if not text:
        return None
    try:
        data = json.loads(text)
        if not isinstance(data, dict):
            raise ValueError("expected an object")
        return RunRecord.from_json(data)
    except ValueError as exc:
        raise RpcError(Code.INVALID_ARGUMENT, f"failed to convert previous status: {exc}") from exc


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
