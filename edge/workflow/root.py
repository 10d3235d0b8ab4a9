"""Root fields of a document to a DAG (spec 10 sections 3, 4)."""

from __future__ import annotations

from collections.abc import Mapping

from edge.core.errors import UserError
from edge.core.ids import check_dag_name
from edge.workflow.build import Build, Defaults
from edge.workflow.decode import Decoded
from edge.workflow.durations import read_window
from edge.workflow.model import DAG, DAGType, Handlers, LogOutput, ParamDef, Step
from edge.workflow.nodes import MapNode, Node, ScalarNode, go_text
from edge.workflow.params import read_params
from edge.workflow.policies import read_consts, read_preconditions
from edge.workflow.problems import NOT_YET, Fault, FaultError, Findings
from edge.workflow.schedules import read_schedule, schedule_warnings
from edge.workflow.shapes import (
    fail,
    is_null,
    read_dotenv,
    read_env,
    read_labels,
    read_log_output,
    read_shell,
    shell_of,
)
from edge.workflow.steps import build_handlers, build_steps, read_defaults

__all__ = ["Inherited", "build_dag"]

_OVERLAPS = ("skip", "all", "latest")


class Inherited:
    """What of a base configuration is merged after reading."""

    def __init__(
        self, params: tuple[ParamDef, ...] = (), consts: Mapping[str, str] | None = None
    ) -> None:
        self.params = params
        self.consts = dict(consts or {})


def build_dag(node: MapNode, name: str, inherited: Inherited, errors: list[FaultError]) -> DAG:
    """Build a document whose keys and types were checked.

    Faults are appended to `errors`; the result is complete only when there is none.
    """
    fields = Decoded(node)
    found = Findings()
    warnings: list[str] = []
    found.read(lambda: _check_name(fields, name), None)
    dag_type = found.read(lambda: _type(fields), DAGType.GRAPH)
    labels = found.read(lambda: _labels(fields), ())
    consts = found.read(
        lambda: read_consts(fields.get("consts"), inherited.consts), inherited.consts
    )
    params = found.read(lambda: _params(fields, inherited.params), ())
    env = found.read(lambda: read_env(_or_null(fields, "env")), ())
    schedule = read_schedule(_or_null(fields, "schedule"))
    window = found.read(lambda: read_window(fields.get("catchup_window")), 0.0)
    overlap = found.read(lambda: _overlap(fields), "skip")
    selector = found.read(lambda: _selector(fields.get("worker_selector")), None)
    days, runs = found.read(lambda: _retention(fields), (30, 0))
    preconditions = found.read(lambda: read_preconditions(fields.get("preconditions")), ())
    shell_words = read_shell(_or_null(fields, "shell"))
    shell_args = fields.texts("shell_args")
    max_active_runs = fields.integer("max_active_runs", 1)
    queue = fields.text("queue").strip()
    if not queue and (max_active_runs > 1 or max_active_runs < 0):
        warnings.append(
            f"max_active_runs={max_active_runs} is deprecated for local queues and will be"
            " ignored. Use a global queue with 'queue:' field for concurrency control."
        )
    warnings.extend(schedule_warnings(schedule))
    defaults = _defaults(fields, found)
    handlers = Handlers()
    steps: tuple[Step, ...] = ()
    if defaults is not None:
        build = Build(
            dag_type=dag_type,
            defaults=defaults,
            has_container=fields.get("container") is not None,
            has_ssh=fields.get("ssh") is not None,
            has_redis=fields.get("redis") is not None,
            warnings=warnings,
        )
        handlers = found.read(lambda: build_handlers(fields.get("handler_on"), build), handlers)
        steps = found.read(lambda: build_steps(fields.get("steps"), build), steps)
    errors.extend(found.errors)
    run_config = fields.get("run_config")
    config = Decoded(run_config) if isinstance(run_config, MapNode) else Decoded(_EMPTY)
    return DAG(
        name=name,
        group=fields.text("group").strip(),
        description=fields.text("description").strip(),
        type=dag_type,
        steps=steps,
        handlers=handlers,
        params=params,
        consts=consts,
        env=env,
        dotenv=read_dotenv(_or_null(fields, "dotenv")),
        working_dir=fields.text("working_dir"),
        shell=shell_of(shell_words, shell_args),
        shell_args=() if shell_words else shell_args,
        preconditions=preconditions,
        schedule=schedule,
        skip_if_successful=fields.flag("skip_if_successful"),
        catchup_window_s=window,
        overlap_policy=overlap,
        timeout_s=max(0, fields.integer("timeout_sec")),
        delay_s=max(0, fields.integer("delay_sec")),
        restart_wait_s=max(0, fields.integer("restart_wait_sec")),
        max_active_steps=max(0, fields.integer("max_active_steps")),
        max_active_runs=max_active_runs,
        max_clean_up_time_s=_positive(fields.integer("max_clean_up_time_sec"), 5),
        max_output_size=_positive(fields.integer("max_output_size"), 1_048_576),
        hist_retention_days=days,
        hist_retention_runs=runs,
        queue=queue,
        labels=labels,
        worker_selector=selector,
        log_dir=fields.text("log_dir"),
        log_output=read_log_output(_or_null(fields, "log_output")) or LogOutput.SEPARATE,
        run_config_disable_param_edit=config.flag("disable_param_edit"),
        run_config_disable_run_id_edit=config.flag("disable_run_id_edit"),
        warnings=tuple(dict.fromkeys(warnings)),
    )


_EMPTY = MapNode(0, 0, {}, {})
_NULL = ScalarNode(0, 0, None)


def _or_null(fields: Decoded, key: str) -> Node:
    node = fields.get(key)
    return _NULL if node is None else node


def _positive(value: int, default: int) -> int:
    return value if value > 0 else default


def _check_name(fields: Decoded, name: str) -> None:
    if not name:
        fail(fields.node, "name", "the DAG has no name")
    try:
        check_dag_name(name)
    except UserError as exc:
        node = fields.at("name")
        raise FaultError([Fault(node.line, node.column, "name", str(exc))]) from None


def _type(fields: Decoded) -> DAGType:
    text = fields.text("type").strip()
    if text in ("", "graph"):
        return DAGType.GRAPH
    if text == "chain":
        return DAGType.CHAIN
    node = fields.at("type")
    if text in ("agent", "build", "controller"):
        kind = "agent" if text == "controller" else text
        fail(node, "type", f"type: {kind} is not available in this build of edge")
    fail(node, "type", f"invalid type: {text} (must be one of: graph, chain, agent, build)", text)


def _labels(fields: Decoded) -> tuple[str, ...]:
    node = fields.get("labels") or fields.get("tags")
    field = "labels" if fields.get("labels") is not None else "tags"
    return () if node is None else read_labels(node, field)


def _params(fields: Decoded, inherited: tuple[ParamDef, ...]) -> tuple[ParamDef, ...]:
    own = read_params(fields.get("params"))
    if not inherited:
        return own
    merged = {item.name: item for item in inherited}
    merged.update((item.name, item) for item in own)
    return tuple(merged.values())


def _overlap(fields: Decoded) -> str:
    text = fields.text("overlap_policy")
    word = text.strip().lower() or "skip"
    if word not in _OVERLAPS:
        fail(
            fields.at("overlap_policy"),
            "overlap_policy",
            f'invalid overlapPolicy "{text}": must be "skip", "all", or "latest"',
        )
    return word


def _selector(node: Node | None) -> Mapping[str, str] | str | None:
    if node is None or is_null(node):
        return None
    field = "worker_selector"
    if isinstance(node, ScalarNode) and isinstance(node.value, str):
        if node.value.strip().lower() == "local":
            return "local"
        fail(
            node,
            field,
            f'unsupported worker_selector string value "{node.value}"; the only allowed string'
            ' value is "local"',
        )
    if not isinstance(node, MapNode):
        fail(node, field, 'worker_selector must be a map or "local"', go_text(node))
    found: dict[str, str] = {}
    for written, value in node.entries.items():
        key, text = written.strip(), go_text(value).strip()
        if not isinstance(value, ScalarNode) or is_null(value):
            fail(value, f"{field}.{key}", "worker labels must be strings", text)
        if "$" in key or "$" in text:
            fail(value, f"{field}.{key}", f"value references in worker labels are {NOT_YET}")
        if not key:
            fail(value, field, "a worker label resolved to an empty key")
        if key in found:
            fail(value, field, f'worker labels resolve to duplicate key "{key}"')
        found[key] = text
    return found or None


def _retention(fields: Decoded) -> tuple[int, int]:
    days_node, runs_node = fields.get("hist_retention_days"), fields.get("hist_retention_runs")
    days = fields.integer("hist_retention_days")
    runs = fields.integer("hist_retention_runs")
    if days_node is not None and days < 0:
        fail(days_node, "hist_retention_days", "hist_retention_days must be >= 0", str(days))
    if runs_node is not None and days_node is not None:
        fail(
            runs_node,
            "hist_retention_runs",
            "hist_retention_days and hist_retention_runs cannot both be specified",
            str(runs),
        )
    if runs_node is not None and runs <= 0:
        fail(runs_node, "hist_retention_runs", "hist_retention_runs must be > 0", str(runs))
    return (0 if runs else days or 30), runs


def _defaults(fields: Decoded, found: Findings) -> Defaults | None:
    """Read `defaults`; a fault is reported for the handlers and for the steps, as ever."""
    try:
        return read_defaults(fields.get("defaults"))
    except FaultError as exc:
        for section in ("handlers", "steps"):
            found.errors.append(exc.within("defaults", section))
        return None
