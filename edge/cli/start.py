"""`edge start`: run a workflow here and wait for its end (spec 30 section 1.8)."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from edge.cli.flags import Command, Flag, Parsed
from edge.core.errors import UserError
from edge.core.ids import check_run_id
from edge.core.status import TriggerType

if TYPE_CHECKING:
    from edge.config.settings import Settings
    from edge.engine.watcher import Watcher
    from edge.workflow.model import DAG
    from edge.workflow.params import ParamOverrides, ResolvedParams

__all__ = [
    "PARAM_FLAGS",
    "check_schedule_time",
    "command",
    "load_for_start",
    "overrides_of",
    "run",
    "settled_params",
    "wants_progress",
    "with_default_dir",
]

PARAM_FLAGS = (
    Flag("params", "p", help="parameters as one text; `-- a K=v` beats it"),
    Flag("name", "N", help="another name for the workflow"),
)
_TRIGGERS = ("scheduler", "manual", "webhook", "subdag", "retry", "catchup")
_NOT_BUILT = ("root", "attempt-id")


def command(name: str) -> Command:
    """Return the arguments of the command."""
    return Command(
        name,
        "<DAG definition> [-- parameters]",
        "Run a workflow here and wait for its end.",
        (
            *PARAM_FLAGS,
            Flag("run-id", "r", help="id of the run (default: a generated one)"),
            Flag("from-run-id", help="run the workflow and parameters of this run again"),
            Flag("labels", help="labels added to those of the workflow: k=v,word"),
            Flag("default-working-dir", help="directory of a workflow that names none"),
            Flag("dispatch", "", "bool", "send the run to a worker and follow it"),
            Flag("trigger-type", help="what asked for the run (manual)"),
            Flag("schedule-time", help="nominal time of the run, RFC 3339"),
            Flag("tags", help="old name of --labels", hidden=True),
            Flag("profile", hidden=True),
            Flag("no-reuse", "", "bool", hidden=True),
            Flag("worker-id", hidden=True),
            Flag("parent", hidden=True),
            Flag("trigger-actor", hidden=True),
            Flag("source-file", hidden=True),
            *(Flag(item, hidden=True) for item in _NOT_BUILT),
        ),
        1,
        None,
    )


def run(parsed: Parsed) -> int:
    """Execute the run; the exit code follows spec 12 section 8."""
    trigger = _check_flags(parsed)
    settings = parsed.settings("dispatch" if parsed.flag("dispatch") else "")
    labels = _labels(parsed)
    if parsed.has("from-run-id"):
        from edge.cli.rerun import run_copy

        return run_copy(parsed, settings, trigger, labels)
    dag = with_default_dir(load_for_start(parsed, settings), parsed.text("default-working-dir"))
    overrides = overrides_of(parsed)
    from edge.config.home import prepare_home

    run_id = parsed.text("run-id") or None
    if parsed.flag("dispatch"):
        params = settled_params(settings, dag, overrides)
        prepare_home(settings)
        import trio

        from edge.cli.dispatched import DispatchedRun

        dispatched = DispatchedRun(
            settings, dag, params, run_id=run_id, labels=labels, quiet=parsed.flag("quiet")
        )
        return trio.run(dispatched.run)
    from edge.engine.watcher import fork_watcher

    # Before trio: a fork is only safe while there is one thread and no event loop.
    watcher = fork_watcher()
    params = settled_params(settings, dag, overrides, watcher)
    if dag.is_distributed:
        from edge.config.log import get_logger
        from edge.workflow.selector import resolve_selector

        get_logger().warning(
            "worker_selector is ignored: `start` always runs here; use `edge enqueue`, or"
            " `edge start --dispatch`, to place the run on a worker",
            dag=dag.name,
            selector=resolve_selector(dag, params.as_dict(), os.environ),
        )
    prepare_home(settings)
    import trio

    from edge.cli.foreground import ForegroundRun

    foreground = ForegroundRun(
        settings,
        dag,
        params,
        run_id=run_id,
        trigger_type=trigger,
        schedule_time=parsed.text("schedule-time"),
        labels=labels,
        quiet=parsed.flag("quiet"),
        progress=wants_progress(parsed),
        params_text=(
            parsed.text("params")
            if parsed.dash_at is None
            else " ".join(parsed.positionals[parsed.dash_at :])
        ),
    )
    return trio.run(foreground.run, watcher)


def _check_flags(parsed: Parsed) -> TriggerType:
    extra = parsed.positionals[1:] if parsed.dash_at is None else []
    if parsed.dash_at is not None and parsed.dash_at > 1:
        extra = parsed.positionals[1 : parsed.dash_at]
    if extra:
        raise UserError(
            f"unexpected arguments after DAG definition: {' '.join(extra)}"
            " (use '--' before parameters)"
        )
    word = parsed.text("trigger-type", "manual")
    if word not in _TRIGGERS:
        raise UserError(f'invalid trigger-type "{word}": must be one of {", ".join(_TRIGGERS)}')
    check_schedule_time(parsed.text("schedule-time"))
    if parsed.text("labels") and parsed.text("tags"):
        raise UserError("labels and deprecated tags cannot both be set")
    if parsed.has("run-id"):
        check_run_id(parsed.text("run-id"))
    if parsed.has("from-run-id") and (parsed.has("parent") or parsed.has("root")):
        raise UserError("--from-run-id cannot be combined with --parent or --root")
    if parsed.has("parent"):
        if not parsed.has("run-id"):
            raise UserError("dag-run ID must be provided for sub dag-runs")
        raise UserError("start --parent is not available in this version of edge yet")
    worker = parsed.text("worker-id")
    if worker not in ("", "local") and not parsed.has("attempt-id"):
        raise UserError("attempt-id is required for distributed worker execution")
    if parsed.flag("dispatch") and parsed.text("default-working-dir"):
        # A task carries the workflow's text and no directory of this host.
        raise UserError("--default-working-dir cannot be used together with --dispatch")
    if parsed.has("from-run-id"):
        if parsed.has("params") or parsed.dash_at is not None:
            raise UserError("parameters cannot be provided when using --from-run-id")
        if parsed.flag("dispatch"):
            raise UserError("--from-run-id cannot be used together with --dispatch")
    for name in _NOT_BUILT:
        if parsed.has(name):
            raise UserError(f"start --{name} is not available in this version of edge yet")
    if parsed.has("profile"):
        name = parsed.text("profile")
        raise UserError(f'failed to resolve profile "{name}": profile not found')
    return TriggerType[word.upper()]


def check_schedule_time(moment: str) -> None:
    """Refuse what is no instant with a time zone; "" = none given. Raises: UserError."""
    if moment:
        import datetime as dt

        try:
            valid = dt.datetime.fromisoformat(moment).tzinfo is not None
        except ValueError:
            valid = False
        if not valid:
            raise UserError(f'invalid --schedule-time value "{moment}": must be RFC 3339 format')


def _labels(parsed: Parsed) -> tuple[str, ...]:
    text = parsed.text("labels") or parsed.text("tags")
    if not text:
        return ()
    from edge.workflow.nodes import ScalarNode
    from edge.workflow.problems import FaultError
    from edge.workflow.shapes import read_labels

    try:
        return read_labels(ScalarNode(0, 0, text))
    except FaultError as exc:
        reasons = "; ".join(fault.message for fault in exc.faults)
        raise UserError(f"invalid labels: {reasons}") from exc


def load_for_start(parsed: Parsed, settings: Settings) -> DAG:
    """Load the DAG that the first argument names, warnings logged. Raises: UserError."""
    from edge.config.dagfiles import load_dag_file, resolve_dag_file
    from edge.config.log import get_logger

    if not parsed.positionals:
        raise UserError("requires at least 1 arg(s), only received 0")
    argument = parsed.positionals[0]
    path = resolve_dag_file(argument, settings)
    dag = load_dag_file(path, settings, name=parsed.text("name") or None, shown=argument)
    for warning in dag.warnings:
        get_logger().warning(warning, dag=dag.name)
    return dag


def settled_params(
    settings: Settings,
    dag: DAG,
    overrides: ParamOverrides,
    watcher: Watcher | None = None,
    *,
    evaluate_texts: bool = True,
) -> ResolvedParams:
    """Return the parameters of the run; an event loop runs only where something must be done.

    Raises: UserError, before there is a record.
    """
    from edge.workflow.params import is_dynamic, resolve_params

    if not is_dynamic(dag):
        return resolve_params(dag, overrides)
    from functools import partial

    import trio

    from edge.config.environment import engine_environment
    from edge.engine.processes import Spawner
    from edge.engine.run_params import settle_params

    spawner = Spawner(watcher)
    try:
        return trio.run(
            partial(
                settle_params,
                dag,
                overrides,
                spawner=spawner,
                environ=engine_environment(os.environ),
                default_shell=settings.default_shell,
                evaluate_texts=evaluate_texts,
            )
        )
    finally:
        spawner.close()


def with_default_dir(dag: DAG, folder: str) -> DAG:
    """Return the DAG with a working directory if it names none (spec 10 section 6.3)."""
    if not folder or dag.working_dir:
        return dag
    return replace(dag, working_dir=os.path.abspath(os.path.expanduser(folder)))


def overrides_of(parsed: Parsed) -> ParamOverrides:
    """Return the parameters of the command line: words after `--`, else `-p`."""
    from edge.workflow.params import parse_override_text, parse_overrides

    if parsed.dash_at is not None:
        return parse_overrides(parsed.positionals[parsed.dash_at :])
    return parse_override_text(parsed.text("params"))


def wants_progress(parsed: Parsed) -> bool:
    """Return whether the live view takes the place of log lines."""
    return (
        sys.stderr.isatty() and not parsed.flag("quiet") and not os.environ.get("DISABLE_PROGRESS")
    )
