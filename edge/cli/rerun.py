"""`edge start --from-run-id`: a new run of what an old one was (spec 30 section 1.8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.cli.flags import Parsed
from edge.core.errors import UserError
from edge.core.ids import RunRef

if TYPE_CHECKING:
    from edge.config.settings import Settings
    from edge.core.status import TriggerType

__all__ = ["run_copy"]


def run_copy(
    parsed: Parsed, settings: Settings, trigger: TriggerType, labels: tuple[str, ...]
) -> int:
    """Execute the stored workflow with the stored parameters under a new id."""
    import trio

    from edge.cli.foreground import ForegroundRun
    from edge.cli.start import wants_progress, with_default_dir
    from edge.config.dagfiles import dag_name_of
    from edge.config.home import prepare_home
    from edge.engine.resuming import load_run
    from edge.engine.watcher import fork_watcher
    from edge.store import Store
    from edge.store.host import this_host
    from edge.workflow.params import ResolvedParams

    name, old = dag_name_of(parsed.positionals[0], settings), parsed.text("from-run-id")
    prepare_home(settings)
    watcher = fork_watcher()
    store = Store.open_reader(settings.paths.store_file)
    try:
        stored = load_run(store, settings, this_host(), RunRef(name, old))
    finally:
        if store is not None:
            store.close()
    if stored is None:
        raise UserError(
            f"failed to find historic dag-run {old} for DAG {name}: dag-run ID not found: {old}"
        )
    record = stored.record
    foreground = ForegroundRun(
        settings,
        with_default_dir(stored.dag, parsed.text("default-working-dir")),
        ResolvedParams.from_list(record.params_list),
        run_id=parsed.text("run-id") or None,
        trigger_type=trigger,
        schedule_time=parsed.text("schedule-time"),
        labels=(*record.labels, *labels),
        quiet=parsed.flag("quiet"),
        progress=wants_progress(parsed),
        params_text=record.params,
        from_run_id=old,
    )
    return trio.run(foreground.run, watcher)
