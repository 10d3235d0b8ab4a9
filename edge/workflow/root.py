"""Root fields of a document to a DAG (spec 10 sections 3, 4)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from edge.core.errors import UserError
from edge.core.ids import check_dag_name
from edge.workflow.build import Build, Defaults
from edge.workflow.changes import replace
from edge.workflow.connections import read_connection, read_registry_auths, read_smtp, read_ssh
from edge.workflow.consts import read_consts
from edge.workflow.containers import read_container
from edge.workflow.dag_retry import read_dag_retry_policy
from edge.workflow.decode import Decoded
from edge.workflow.durations import read_window
from edge.workflow.later import read_later
from edge.workflow.mails import read_mail, read_mail_on, read_webhook_headers
from edge.workflow.model import (
    DAG,
    Artifacts,
    DAGType,
    Handlers,
    LogOutput,
    ParamDef,
    ParamsSchema,
    Resources,
    Step,
)
from edge.workflow.nodes import MapNode, Node, ScalarNode
from edge.workflow.params_declared import read_params
from edge.workflow.policies import read_preconditions
from edge.workflow.problems import Fault, FaultError, Findings
from edge.workflow.resources import read_artifacts, read_resources
from edge.workflow.schedules import read_schedule, schedule_warnings
from edge.workflow.secrets import read_secrets
from edge.workflow.selector import read_selector
from edge.workflow.shapes import (
    fail,
    read_dotenv,
    read_env,
    read_labels,
    read_log_output,
    read_shell,
    shell_of,
)
from edge.workflow.step_policies import read_defaults
from edge.workflow.step_rules import check_dispatch
from edge.workflow.steps import build_handlers, build_steps

if TYPE_CHECKING:
    from edge.workflow.custom_actions import CustomAction

__all__ = ["Inherited", "build_dag"]

_OVERLAPS = ("skip", "all", "latest")


class Inherited:
    """What of a base configuration is merged after reading."""

    def __init__(
        self, params: tuple[ParamDef, ...] = (), consts: Mapping[str, str] | None = None
    ) -> None:
        self.params = params
        self.consts = dict(consts or {})


def build_dag(
    node: MapNode,
    name: str,
    inherited: Inherited,
    errors: list[FaultError],
    *,
    dialect: str = "v2",
    metadata_only: bool = False,
) -> DAG:
    """Build a document whose keys and types were checked.

    `dialect` is "v1" for a document of Dagu 1.30, in our spelling already; `metadata_only` reads
    what lists show and nothing that may need the base configuration. Faults are appended to
    `errors`; the result is complete only when there is none. The order is that of spec 10
    section 3: constants, parameters and env first, what may use them after.
    """
    fields = Decoded(node)
    found = Findings()
    warnings: list[str] = []
    found.read(lambda: _check_name(fields, name), None)
    dag = DAG(
        name=name,
        group=fields.text("group").strip(),
        description=fields.text("description").strip(),
        type=found.read(lambda: _type(fields, dialect), DAGType.GRAPH),
        labels=found.read(lambda: _labels(fields, dialect), ()),
        dialect=dialect,
    )
    dag = _values(dag, fields, inherited, found)
    dag = _placement(dag, fields, found, warnings)
    if not metadata_only:
        dag = replace(dag, later=read_later(fields, dag.type, found))
    dag = _kept(dag, fields, found)
    if not metadata_only:
        dag = _surroundings(dag, fields, found)
        dag = _connections(dag, fields, found)
        dag = _mails(dag, fields, found)
        dag = _steps(dag, fields, found, warnings)
    errors.extend(found.errors)
    return replace(dag, warnings=tuple(dict.fromkeys(warnings)))


def _values(dag: DAG, fields: Decoded, inherited: Inherited, found: Findings) -> DAG:
    """Read what references are resolved from."""
    consts = found.read(
        lambda: read_consts(fields.get("consts"), inherited.consts), inherited.consts
    )
    params, schema = found.read(lambda: _params(fields, inherited.params), ((), None))
    return replace(
        dag,
        consts=consts,
        params=params,
        params_schema=schema,
        env=found.read(lambda: read_env(_or_null(fields, "env"), checked=dag.dialect != "v1"), ()),
    )


def _placement(dag: DAG, fields: Decoded, found: Findings, warnings: list[str]) -> DAG:
    """Read when, where and how often it runs."""
    schedule = read_schedule(_or_null(fields, "schedule"))
    warnings.extend(schedule_warnings(schedule))
    max_active_runs = fields.integer("max_active_runs", 1)
    queue = fields.text("queue").strip()
    if not queue and (max_active_runs > 1 or max_active_runs < 0):
        warnings.append(
            f"max_active_runs={max_active_runs} is deprecated for local queues and will be"
            " ignored. Use a global queue with 'queue:' field for concurrency control."
        )
    return replace(
        dag,
        schedule=schedule,
        skip_if_successful=fields.flag("skip_if_successful"),
        catchup_window_s=found.read(lambda: read_window(fields.get("catchup_window")), 0.0),
        overlap_policy=found.read(lambda: _overlap(fields), "skip"),
        worker_selector=found.read(lambda: read_selector(fields.get("worker_selector")), None),
        retry_policy=found.read(lambda: read_dag_retry_policy(fields.get("retry_policy")), None),
        resources=found.read(lambda: read_resources(fields.get("resources")), Resources()),
        queue=queue,
        max_active_runs=max_active_runs,
        timeout_s=max(0, fields.integer("timeout_sec")),
        delay_s=max(0, fields.integer("delay_sec")),
        restart_wait_s=max(0, fields.integer("restart_wait_sec")),
        max_active_steps=max(0, fields.integer("max_active_steps")),
        max_clean_up_time_s=_positive(fields.integer("max_clean_up_time_sec"), 5),
        max_output_size=_positive(fields.integer("max_output_size"), 1_048_576),
    )


def _kept(dag: DAG, fields: Decoded, found: Findings) -> DAG:
    """Read what of a run is kept, and how it may be started."""
    days, runs = found.read(lambda: _retention(fields), (30, 0))
    run_config = fields.get("run_config")
    config = Decoded(run_config if isinstance(run_config, MapNode) else _EMPTY)
    return replace(
        dag,
        log_dir=fields.text("log_dir"),
        log_output=read_log_output(_or_null(fields, "log_output")) or LogOutput.SEPARATE,
        hist_retention_days=days,
        hist_retention_runs=runs,
        run_config_disable_param_edit=config.flag("disable_param_edit"),
        run_config_disable_run_id_edit=config.flag("disable_run_id_edit"),
    )


def _surroundings(dag: DAG, fields: Decoded, found: Findings) -> DAG:
    """Read what steps run in."""
    shell_words = read_shell(_or_null(fields, "shell"))
    shell_args = fields.texts("shell_args")
    return replace(
        dag,
        shell=shell_of(shell_words, shell_args),
        shell_args=() if shell_words else shell_args,
        working_dir=fields.text("working_dir"),
        container=found.read(lambda: read_container(fields.get("container")), None),
        dotenv=read_dotenv(_or_null(fields, "dotenv")),
        secrets=found.read(lambda: read_secrets(fields.get("secrets")), ()),
    )


def _connections(dag: DAG, fields: Decoded, found: Findings) -> DAG:
    """Read what actions connect with."""
    redis, s3, kubernetes = (
        found.read(partial(read_connection, fields.get(name), name), {})
        for name in ("redis", "s3", "kubernetes")
    )
    return replace(
        dag,
        registry_auths=found.read(lambda: read_registry_auths(fields.get("registry_auths")), {}),
        ssh=read_ssh(fields.get("ssh")),
        redis=redis,
        s3=s3,
        kubernetes=kubernetes,
        smtp=found.read(lambda: read_smtp(fields.get("smtp")), None),
    )


def _mails(dag: DAG, fields: Decoded, found: Findings) -> DAG:
    """Read who hears of a run, who may start it, and what it waits for."""
    return replace(
        dag,
        mail_on=read_mail_on(fields.get("mail_on")),
        error_mail=read_mail(fields.get("error_mail")),
        info_mail=read_mail(fields.get("info_mail")),
        wait_mail=read_mail(fields.get("wait_mail")),
        webhook_headers=found.read(lambda: read_webhook_headers(fields.get("webhook")), ()),
        preconditions=found.read(
            lambda: read_preconditions(fields.get("preconditions"), dialect=dag.dialect), ()
        ),
    )


def _steps(dag: DAG, fields: Decoded, found: Findings, warnings: list[str]) -> DAG:
    """Build handlers and steps, and what depends on them."""
    defaults = _defaults(fields, found, dag.dialect)
    actions: dict[str, CustomAction] | None = found.read(lambda: _actions(fields), None)
    if defaults is None or actions is None:
        return dag
    build = Build(
        dag_type=dag.type,
        dialect=dag.dialect,
        defaults=defaults,
        actions=actions,
        has_container=fields.get("container") is not None,
        has_ssh=fields.get("ssh") is not None,
        has_redis=fields.get("redis") is not None,
        warnings=warnings,
    )
    handlers = found.read(lambda: build_handlers(fields.get("handler_on"), build), Handlers())
    steps: tuple[Step, ...] = found.read(lambda: build_steps(fields.get("steps"), build), ())
    found.read(lambda: check_dispatch(fields, steps, dag.worker_selector), None)
    every = (*steps, *handlers.configured().values())
    artifacts = found.read(lambda: read_artifacts(fields.node, every), Artifacts())
    return replace(dag, handlers=handlers, steps=steps, artifacts=artifacts)


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


def _actions(fields: Decoded) -> dict[str, CustomAction]:
    if fields.get("actions") is None and fields.get("step_types") is None:
        return {}
    # with it comes the library of JSON schemas, which costs more than everything else of a start
    from edge.workflow.custom_actions import read_actions

    return read_actions(fields)


def _type(fields: Decoded, dialect: str) -> DAGType:
    text = fields.text("type").strip()
    if not text:
        return DAGType.CHAIN if dialect == "v1" else DAGType.GRAPH
    try:
        # `controller` is an old name
        return DAGType.AGENT if text == "controller" else DAGType(text)
    except ValueError:
        message = f"invalid type: {text} (must be one of: graph, chain, agent, build)"
        fail(fields.at("type"), "type", message, text)


def _labels(fields: Decoded, dialect: str) -> tuple[str, ...]:
    field = "labels" if fields.get("labels") is not None else "tags"
    node = fields.get(field)
    return () if node is None else read_labels(node, field, checked=dialect != "v1")


def _params(
    fields: Decoded, inherited: tuple[ParamDef, ...]
) -> tuple[tuple[ParamDef, ...], ParamsSchema | None]:
    """Return base entries first, then the document's, which win by name."""
    own, schema = read_params(fields.get("params"))
    merged = {item.name: replace(item, is_inherited=True) for item in inherited}
    merged.update((item.name, item) for item in own)
    return tuple(merged.values()), schema


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


def _defaults(fields: Decoded, found: Findings, dialect: str) -> Defaults | None:
    """Read `defaults`; a fault is reported for the handlers and for the steps, as ever."""
    try:
        return read_defaults(fields.get("defaults"), dialect)
    except FaultError as exc:
        for section in ("handlers", "steps"):
            found.errors.append(exc.within("defaults", section))
        return None
