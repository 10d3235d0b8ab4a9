"""`edge status`: the latest or a given run; reads only (spec 30 section 1.8)."""

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
        "Show the latest run of a workflow, or a given one.",
        (
            Flag("run-id", "r", help="the run (default: the latest)"),
            Flag("sub-run-id", "s", help="a run below it"),
            Flag("json", "", "bool", "the run record as JSON"),
        ),
        1,
        1,
    )


def run(parsed: Parsed) -> int:
    """Print the tree or the record. The exit code says nothing about the run."""
    run_id = parsed.text("run-id")
    child_id = parsed.text("sub-run-id")
    if child_id and not run_id:
        raise UserError(
            "--sub-run-id requires --run-id to be provided (root DAG run context is needed)"
        )
    from edge.cli.output import no_runs_store, print_tree
    from edge.config.dagfiles import dag_name_of
    from edge.store.host import this_host
    from edge.store.view import as_seen

    settings = parsed.settings()
    name = dag_name_of(parsed.positionals[0], settings)
    store = no_runs_store(settings)
    try:
        record = None
        if store is not None:
            if child_id:
                record = store.load_child(RunRef(name, run_id), child_id)
            elif run_id:
                record = store.load_record(RunRef(name, run_id))
            else:
                record = store.latest_record(name)
    finally:
        if store is not None:
            store.close()
    run_id = child_id or run_id
    if record is None:
        if run_id:
            raise UserError(
                f"failed to extract attempt: failed to find run data for dag-run ID {run_id}:"
                f" dag-run ID not found: {run_id}"
            )
        raise UserError(
            f"failed to extract attempt: failed to find the latest run data for DAG {name}:"
            " no status data"
        )
    seen = as_seen(record, this_host())
    if parsed.flag("json"):
        import json

        print(json.dumps(seen.to_json(), indent=2, ensure_ascii=False))
    else:
        print_tree(seen, blank=False)
    return 0
