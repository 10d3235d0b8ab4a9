"""`edge start --dispatch`: place a run on a worker and follow it (spec 20 section 13)."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import trio

from edge.cli.output import print_tree
from edge.cluster.client import dispatch_and_follow, failure_text
from edge.config.log import get_logger
from edge.core.clock import SystemClock
from edge.core.errors import UserError
from edge.core.ids import run_id_from
from edge.core.record import RunRecord
from edge.workflow.selector import resolve_selector

if TYPE_CHECKING:
    from edge.config.settings import Settings
    from edge.workflow.model import DAG
    from edge.workflow.params import ResolvedParams

__all__ = ["DispatchedRun"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class DispatchedRun:
    """A run that a worker executes while this process waits for its end."""

    def __init__(
        self,
        settings: Settings,
        dag: DAG,
        params: ResolvedParams,
        *,
        run_id: str | None,
        labels: tuple[str, ...],
        quiet: bool,
    ) -> None:
        self._settings = settings
        self._dag = dag
        self._params = params
        self._run_id = run_id or run_id_from(SystemClock().now_ms(), os.urandom(10))
        self._labels = labels
        self._quiet = quiet
        self._log = get_logger().bind(dag=dag.name, run_id=self._run_id)
        self._shown = ""

    async def run(self) -> int:
        """Dispatch and follow; 0 when the run succeeded. A signal cancels the run.

        Raises: PeerError when there is no coordinator or no worker for it; UserError when it
        failed.
        """
        self._log.info(
            "Dispatching dag-run",
            params=self._params.raw,
            selector=resolve_selector(self._dag, self._params.as_dict(), os.environ),
        )
        record: RunRecord | None = None
        async with trio.open_nursery() as nursery:
            with trio.CancelScope() as following:
                await nursery.start(self._listen, following)
                record = await dispatch_and_follow(
                    self._settings,
                    self._dag,
                    self._params,
                    run_id=self._run_id,
                    labels=self._labels,
                    on_status=self._note,
                )
            nursery.cancel_scope.cancel()
        if record is None:
            raise UserError(f"cancelled; the worker was asked to stop run {self._run_id}")
        if not self._quiet:
            print_tree(record, blank=True)
        failure = failure_text(record)
        if failure and not self._quiet:
            raise UserError(failure)
        return 1 if failure else 0

    def _note(self, record: RunRecord) -> None:
        if record.status.word != self._shown:
            self._shown = record.status.word
            self._log.info("DAG run status", status=self._shown, worker_id=record.worker_id)

    async def _listen(
        self, following: trio.CancelScope, *, task_status: trio.TaskStatus[None]
    ) -> None:
        with trio.open_signal_receiver(*_SIGNALS) as received:
            task_status.started()
            async for _ in received:
                following.cancel()
