"""`edge restart`: stop a running run, then run it again here (spec 30 section 1.8)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from edge.cli.flags import Command, Flag, Parsed
from edge.core.errors import UserError
from edge.core.ids import RunRef
from edge.core.status import RunStatus, TriggerType

if TYPE_CHECKING:
    from edge.config.settings import Settings
    from edge.engine.resuming import StoredRun
    from edge.store import Store

__all__ = ["command", "run"]

_POLL_S = 0.1


def command(name: str) -> Command:
    """Return the arguments of the command."""
    return Command(
        name,
        "<DAG name>",
        "Stop the running run of a workflow and run it again here, with a new id.",
        (
            Flag("run-id", "r", help="the run (default: the latest)"),
            Flag("schedule-time", help="nominal time of the run, RFC 3339"),
        ),
        1,
        1,
    )


def run(parsed: Parsed) -> int:
    """Stop, wait, run; the exit code is that of the new run."""
    from edge.cli.start import check_schedule_time, wants_progress
    from edge.config.dagfiles import dag_name_of
    from edge.config.home import prepare_home
    from edge.engine.watcher import fork_watcher
    from edge.store import Store

    check_schedule_time(parsed.text("schedule-time"))
    settings = parsed.settings()
    argument = parsed.positionals[0]
    name = dag_name_of(argument, settings).rpartition("/")[2]
    prepare_home(settings)
    # Before the store is open: a fork must not share its file (and trio must not have begun).
    watcher = fork_watcher()
    store = Store.open(settings.paths.store_file, page_size=settings.storage.page_size)
    try:
        stored = _running(store, settings, name, parsed.text("run-id"))
        _stop(store, settings, stored)
    finally:
        store.close()
    if stored.dag.restart_wait_s > 0:
        time.sleep(stored.dag.restart_wait_s)
    import trio

    from edge.cli.foreground import ForegroundRun
    from edge.workflow.params import ResolvedParams

    foreground = ForegroundRun(
        settings,
        stored.dag,
        ResolvedParams.from_list(stored.record.params_list),
        run_id=None,
        trigger_type=TriggerType.UNKNOWN,
        schedule_time=parsed.text("schedule-time"),
        labels=stored.record.labels,
        quiet=parsed.flag("quiet"),
        progress=wants_progress(parsed),
        restarts=True,
    )
    return trio.run(foreground.run, watcher)


def _running(store: Store, settings: Settings, name: str, run_id: str) -> StoredRun:
    """Return the run to restart. Raises: UserError."""
    from edge.engine.resuming import load_run
    from edge.store.host import this_host

    if not run_id:
        latest = store.latest_record(name)
        if latest is None:
            raise UserError(
                f"failed to find the latest execution history for DAG {name}: no status data"
            )
        run_id = latest.run_id
    stored = load_run(store, settings, this_host(), RunRef(name, run_id))
    if stored is None:
        raise UserError(
            f"failed to find the run for dag-run ID {run_id}: dag-run ID not found: {run_id}"
        )
    if stored.record.status is not RunStatus.RUNNING:
        word = stored.record.status.word
        raise UserError(f"DAG {name} is not running, current status: {word}")
    return stored


def _stop(store: Store, settings: Settings, stored: StoredRun) -> None:
    """Stop the run as `edge stop` does and wait until it has ended."""
    import os

    from edge.config.log import get_logger
    from edge.config.runtime import runtime_dir
    from edge.engine.control_client import request_stop
    from edge.store.host import this_host
    from edge.store.view import as_seen

    ref, host = stored.record.ref, this_host()
    get_logger().info("Stopping DAG", dag=ref.name)
    store.request_abort(ref)
    request_stop(stored.record.pid, ref, runtime_dir(os.environ))
    while True:
        record = store.load_record(ref)
        if record is None or as_seen(record, host).status is not RunStatus.RUNNING:
            return
        # another process ends it, and its record is all that tells; no event loop runs here yet
        time.sleep(_POLL_S)
