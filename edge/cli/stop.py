"""`edge stop`: record the request, then tell the process that runs it (spec 12 section 10)."""

from __future__ import annotations

from edge.cli.flags import Command, Flag, Parsed
from edge.core.errors import UserError
from edge.core.ids import RunRef

__all__ = ["command", "run"]


def command(name: str) -> Command:
    """Return the arguments of the command."""
    return Command(
        name,
        "<DAG name>",
        "Stop the running runs of a workflow, or one run. Does not wait for their end.",
        (Flag("run-id", "r", help="the run to stop (default: every live run of the workflow)"),),
        1,
        1,
    )


def run(parsed: Parsed) -> int:
    """Request the stop; 0 also when nothing was running."""
    import os

    from edge.config.dagfiles import dag_name_of, load_dag_file, resolve_dag_file
    from edge.config.home import prepare_home
    from edge.config.runtime import runtime_dir
    from edge.engine.control_client import request_stop
    from edge.store import Store

    settings = parsed.settings()
    argument, run_id = parsed.positionals[0], parsed.text("run-id")
    if run_id:
        name = dag_name_of(argument, settings)
    else:
        path = resolve_dag_file(argument, settings)
        name = load_dag_file(path, settings, shown=argument).name
    prepare_home(settings)
    store = Store.open(settings.paths.store_file, page_size=settings.storage.page_size)
    try:
        if run_id and store.load_record(RunRef(name, run_id)) is None:
            raise UserError(
                f"failed to find the record for dag-run ID {run_id}: dag-run ID not found: {run_id}"
            )
        wanted = [item for item in store.active_local_runs(name) if run_id in ("", item.ref.run_id)]
        if run_id:
            # A run on a worker has no process here; its coordinator sees the recorded request.
            store.request_abort(RunRef(name, run_id))
        for item in wanted:
            store.request_abort(item.ref)
            request_stop(item.pid, item.ref, runtime_dir(os.environ))
    finally:
        store.close()
    return 0
