"""`edge dry`: walk through a workflow without running its steps (spec 12 section 15)."""

from __future__ import annotations

from edge.cli.flags import Command, Flag, Parsed
from edge.cli.start import PARAM_FLAGS, load_for_start, overrides_of, settled_params

__all__ = ["command", "run"]


def command(name: str) -> Command:
    """Return the arguments of the command."""
    return Command(
        name,
        "<DAG definition> [-- parameters]",
        "Walk through a workflow without running its steps; preconditions are checked.",
        (*PARAM_FLAGS, Flag("profile", hidden=True), Flag("no-reuse", "", "bool", hidden=True)),
        1,
        None,
    )


def run(parsed: Parsed) -> int:
    """Print the tree of a run that did nothing; leaves no record."""
    settings = parsed.settings()
    from edge.config.home import prepare_home

    dag = load_for_start(parsed, settings)
    params = settled_params(settings, dag, overrides_of(parsed), evaluate_texts=False)
    prepare_home(settings)
    import trio

    from edge.cli.output import print_tree
    from edge.engine.dry import dry_run

    record, error = trio.run(dry_run, settings, dag, params)
    print_tree(record, blank=True, with_durations=False)
    if error:
        from edge.core.errors import UserError

        raise UserError(
            f"failed to execute dag-run {dag.name} (dag-run ID: {record.run_id}): {error}"
        )
    return 0
