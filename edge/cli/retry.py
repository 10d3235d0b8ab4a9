"""`edge retry`: a new attempt of a stored run (spec 30 section 1.8, spec 12 section 15)."""

from __future__ import annotations

from edge.cli.flags import Command, Flag, Parsed
from edge.core.errors import UserError
from edge.core.ids import RunRef

__all__ = ["command", "run"]

_NOT_BUILT = ("sub-run-id", "default-working-dir", "root", "retry-path", "attempt-id")


def command(name: str) -> Command:
    """Return the arguments of the command."""
    return Command(
        name,
        "<DAG name or file>",
        "Run again what has not succeeded in a run, as the workflow was then.",
        (
            Flag("run-id", "r", help="the run", required=True),
            Flag("step", help="run this step again, and no other"),
            Flag("downstream", "", "bool", "with --step: and every step behind it"),
            Flag("sub-run-id", "s", help="a run below it", hidden=True),
            Flag("worker-id", hidden=True),
            Flag("trigger-actor", hidden=True),
            *(Flag(item, hidden=True) for item in _NOT_BUILT[1:]),
        ),
        1,
        1,
    )


def run(parsed: Parsed) -> int:
    """Execute the new attempt; the exit code follows spec 12 section 8."""
    import os

    step, downstream = parsed.text("step"), parsed.flag("downstream")
    for name, is_given in (("downstream", downstream), ("sub-run-id", parsed.has("sub-run-id"))):
        if is_given and not step:
            raise UserError(f"--{name} requires --step")
    for name in _NOT_BUILT:
        if parsed.has(name):
            raise UserError(f"retry --{name} is not available in this version of edge yet")
    from edge.config.dagfiles import dag_name_of
    from edge.config.home import prepare_home
    from edge.config.runtime import runtime_dir
    from edge.engine.resuming import load_run, plan_retry
    from edge.engine.watcher import fork_watcher
    from edge.store import Store
    from edge.store.host import this_host

    settings = parsed.settings()
    ref = RunRef(dag_name_of(parsed.positionals[0], settings), parsed.text("run-id"))
    prepare_home(settings)
    # Before the store is open: a fork must not share its file (and trio must not have begun).
    watcher = fork_watcher()
    store = Store.open(settings.paths.store_file, page_size=settings.storage.page_size)
    try:
        stored = load_run(store, settings, this_host(), ref)
    finally:
        store.close()
    if stored is not None and stored.dag.is_distributed:
        raise UserError(
            f"cannot retry DAG \"{ref.name}\" with workerSelector via CLI; use 'edge enqueue' for"
            " distributed execution"
        )
    resumed = plan_retry(
        stored, ref, runtime=runtime_dir(os.environ), step=step, downstream=downstream
    )
    assert stored is not None
    import trio

    from edge.cli.foreground import ForegroundRun, Retry
    from edge.cli.start import wants_progress

    foreground = ForegroundRun.of_retry(
        settings,
        Retry(run=stored, resumed=resumed, step=step, trigger_actor=parsed.text("trigger-actor")),
        quiet=parsed.flag("quiet"),
        progress=wants_progress(parsed),
    )
    return trio.run(foreground.run, watcher)
