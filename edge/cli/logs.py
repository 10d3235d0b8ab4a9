"""`edge logs`: what a step or a run wrote."""

from __future__ import annotations

import sys
import time

from edge.cli.flags import Command, Flag, Parsed
from edge.core.errors import UserError
from edge.core.ids import RunRef
from edge.core.record import RunRecord

__all__ = ["command", "run"]


def command(name: str) -> Command:
    """Return the arguments of the command."""
    return Command(
        name,
        "<DAG name>",
        "Print the log of the latest run, or of a run or step that is named.",
        (
            Flag("run-id", "r", help="the run (default: the latest)"),
            Flag("step", help="name or id of a step (default: the log of the run)"),
            Flag("stderr", "", "bool", "the step's stderr instead of its stdout"),
            Flag("follow", "f", "bool", "go on until the run has ended"),
        ),
        1,
        1,
    )


def run(parsed: Parsed) -> int:
    """Print the file; an empty stream prints nothing."""
    from edge.cli.output import no_runs_store
    from edge.config.dagfiles import dag_name_of
    from edge.store.host import this_host
    from edge.store.view import as_seen

    settings = parsed.settings()
    name = dag_name_of(parsed.positionals[0], settings)
    store = no_runs_store(settings)
    if store is None:
        raise UserError(f"DAG {name} has no run yet")
    at = 0
    run_id = parsed.text("run-id")
    try:
        while True:
            stored = (
                store.load_record(RunRef(name, run_id)) if run_id else store.latest_record(name)
            )
            if stored is None:
                what = f"dag-run ID not found: {run_id}" if run_id else "it has no run yet"
                raise UserError(f"no log of DAG {name}: {what}")
            run_id = stored.run_id
            seen = as_seen(stored, this_host())
            # Status first, bytes second: what was written before the end is then all read.
            at = _copy_from(_log_path(seen, parsed), at)
            if not parsed.flag("follow") or not seen.status.is_active:
                return 0
            # Nothing else happens in this process: no event loop is worth its start-up for it.
            time.sleep(0.5)
    finally:
        store.close()


def _log_path(record: RunRecord, parsed: Parsed) -> str:
    wanted = parsed.text("step")
    if not wanted:
        return record.log
    for key, node in record.all_nodes():
        if wanted in (key, node.name, node.step.get("id")):
            return node.stderr if parsed.flag("stderr") else node.stdout
    names = ", ".join(key for key, _ in record.all_nodes())
    raise UserError(f'step "{wanted}" not found in DAG-run {record.run_id}', hint=f"steps: {names}")


def _copy_from(path: str, at: int) -> int:
    """Copy a file from an offset to stdout; return the new offset."""
    if not path:
        return at
    try:
        with open(path, "rb") as stream:
            stream.seek(at)
            while chunk := stream.read(65536):
                sys.stdout.buffer.write(chunk)
                at += len(chunk)
    except FileNotFoundError:
        return at
    sys.stdout.buffer.flush()
    return at
