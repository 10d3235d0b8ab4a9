"""The validated, immutable DAG (spec 10).

Everything after the loader works on these classes: the engine, the scheduler, the pages. Texts that
may hold value references are kept as written; they are resolved when they are used (spec 11).
Durations are seconds. Nothing here opens a file.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from edge.core.jsontypes import JsonObject, JsonValue
from edge.workflow.cron import CronExpression
from edge.workflow.model_root import (
    SMTP,
    SSH,
    Artifacts,
    DAGRetryPolicy,
    Mail,
    MailOn,
    ParamDef,
    ParamsSchema,
    Resources,
    Secret,
)
from edge.workflow.model_steps import (
    Approval,
    CommandRun,
    Container,
    ExecRun,
    Foreach,
    OutputDecl,
    OutputEntry,
    Parallel,
    RepeatPolicy,
    Router,
    Run,
    ScriptRun,
    StdoutOutputs,
    SubDAG,
)

__all__ = [
    "DAG",
    "SMTP",
    "SSH",
    "Approval",
    "Artifacts",
    "CommandRun",
    "Container",
    "ContinueOn",
    "DAGRetryPolicy",
    "DAGType",
    "EnvVar",
    "ExecRun",
    "Foreach",
    "Handlers",
    "LogOutput",
    "Mail",
    "MailOn",
    "OutputDecl",
    "OutputEntry",
    "Parallel",
    "ParamDef",
    "ParamsSchema",
    "Precondition",
    "RepeatPolicy",
    "Resources",
    "RetryPolicy",
    "Router",
    "Run",
    "Schedule",
    "ScheduleEntry",
    "ScriptRun",
    "Secret",
    "Shell",
    "StdoutOutputs",
    "Step",
    "SubDAG",
]


class DAGType(StrEnum):
    """Order of steps: `graph` by `depends`, `chain` one position after the other.

    `agent` and `build` are read and kept; a run of one is refused.
    """

    GRAPH = "graph"
    CHAIN = "chain"
    AGENT = "agent"
    BUILD = "build"


class LogOutput(StrEnum):
    """Where a step's streams go: two files, or one."""

    SEPARATE = "separate"
    MERGED = "merged"


@dataclass(frozen=True, slots=True)
class EnvVar:
    """One `env` entry in author order; `value` is unresolved text."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Shell:
    """A shell as written: program and arguments, unresolved (spec 10 section 6.6)."""

    argv: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Step retries (spec 10 section 7.2). Text stays text until the node starts."""

    limit: int | str
    interval_s: int | str
    #: 0 = constant interval, else the factor
    backoff: float = 0.0
    #: 0 = no cap
    max_interval_s: int = 0
    #: empty = any non-zero code
    exit_codes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ContinueOn:
    """What a step's failure or skip lets its dependents do (spec 10 section 7.1)."""

    failed: bool = False
    skipped: bool = False
    mark_success: bool = False
    exit_codes: tuple[int, ...] = ()
    outputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Precondition:
    """One entry of `preconditions` (spec 10 section 7.4): a command check, or a comparison."""

    condition: str = ""
    eval: str = ""
    expected: str = ""
    negate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step, its identity settled and its defaults applied."""

    name: str
    id: str = ""
    description: str = ""
    #: the text it executes; None for an action that takes none
    run: Run = None
    #: executor type: "" = local shell, else http, ssh, docker, dag, parallel, foreach, ...
    type: str = ""
    #: the action as written, or what a legacy form stands for; "" for `run`
    action: str = ""
    #: `with` without what was lifted out of it; strings unresolved
    options: Mapping[str, JsonValue] = field(default_factory=dict)
    sub_dag: SubDAG | None = None
    parallel: Parallel | None = None
    foreach: Foreach | None = None
    router: Router | None = None
    approval: Approval | None = None
    container: Container | None = None
    worker_selector: Mapping[str, str] = field(default_factory=dict)
    #: name of the custom action that the step was made from
    custom_action: str = ""
    #: the step's own shell (`with.shell`), None = DAG shell, then the default shell
    shell: Shell | None = None
    #: `with.shell_args` without `shell`: replaces the root shell's arguments
    shell_args: tuple[str, ...] = ()
    shell_packages: tuple[str, ...] = ()
    #: names of other steps, ids rewritten; in a chain the implied ones
    depends: tuple[str, ...] = ()
    env: tuple[EnvVar, ...] = ()
    working_dir: str = ""
    stdout: str = ""
    stderr: str = ""
    stdout_artifact: str = ""
    stderr_artifact: str = ""
    #: `stdout.outputs` (published run outputs)
    stdout_outputs: StdoutOutputs | None = None
    #: variable that takes stdout; "" = none
    output: str = ""
    #: map-form `output`
    output_entries: tuple[OutputEntry, ...] = ()
    output_schema: JsonObject | None = None
    #: declared outputs
    outputs: tuple[OutputDecl, ...] = ()
    #: name and path of what a step of a build workflow reads
    inputs: tuple[tuple[str, str], ...] = ()
    #: literal files the step depends on
    dependencies: tuple[str, ...] = ()
    log_output: LogOutput | None = None
    timeout_s: int = 0
    retry_policy: RetryPolicy | None = None
    continue_on: ContinueOn = field(default_factory=ContinueOn)
    preconditions: tuple[Precondition, ...] = ()
    repeat_policy: RepeatPolicy | None = None
    mail_on_error: bool = False
    signal_on_stop: str = ""
    #: 1-based line of the step in its file, for messages and the page
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Handlers:
    """`handler_on` (spec 10 section 7.6); names are forced to onInit, onSuccess, ..."""

    init: Step | None = None
    success: Step | None = None
    failure: Step | None = None
    abort: Step | None = None
    exit: Step | None = None
    wait: Step | None = None

    def configured(self) -> dict[str, Step]:
        """Return record key (`onInit` ...) -> step, only those configured."""
        pairs = {
            "onInit": self.init,
            "onExit": self.exit,
            "onSuccess": self.success,
            "onFailure": self.failure,
            "onAbort": self.abort,
            "onWait": self.wait,
        }
        return {key: step for key, step in pairs.items() if step is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleEntry:
    """One schedule: a cron expression, or one instant (`at`)."""

    cron: CronExpression | None = None
    at: dt.datetime | None = None
    #: runtime profile of the runs it starts; "" = none
    profile: str = ""

    @property
    def identity(self) -> str:
        """Return the durable identity of spec 10 section 12.

        `cron:<normalised>` or `at:<ts>`, and `|profile:<p>` where there is a profile.
        """
        profile = f"|profile:{self.profile}" if self.profile else ""
        if self.cron is not None:
            return f"cron:{self.cron.text}{profile}"
        assert self.at is not None
        return f"at:{self.at.isoformat()}{profile}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Start, stop and restart schedules."""

    start: tuple[ScheduleEntry, ...] = ()
    stop: tuple[ScheduleEntry, ...] = ()
    restart: tuple[ScheduleEntry, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DAG:
    """One document, validated."""

    name: str
    group: str = ""
    description: str = ""
    type: DAGType = DAGType.GRAPH
    steps: tuple[Step, ...] = ()
    handlers: Handlers = field(default_factory=Handlers)
    params: tuple[ParamDef, ...] = ()
    #: set when the parameters are backed by a JSON schema
    params_schema: ParamsSchema | None = None
    consts: Mapping[str, str] = field(default_factory=dict)
    env: tuple[EnvVar, ...] = ()
    dotenv: tuple[str, ...] = (".env",)
    working_dir: str = ""
    shell: Shell | None = None
    #: `shell_args` without `shell`: arguments for the default shell
    shell_args: tuple[str, ...] = ()
    preconditions: tuple[Precondition, ...] = ()
    schedule: Schedule = field(default_factory=Schedule)
    skip_if_successful: bool = False
    catchup_window_s: float = 0.0
    overlap_policy: str = "skip"
    timeout_s: int = 0
    delay_s: int = 0
    restart_wait_s: int = 0
    #: 0 = no limit
    max_active_steps: int = 0
    max_active_runs: int = 1
    max_clean_up_time_s: int = 5
    max_output_size: int = 1_048_576
    hist_retention_days: int = 30
    hist_retention_runs: int = 0
    #: "" = the DAG's name
    queue: str = ""
    labels: tuple[str, ...] = ()
    #: None = none given, "local" = forced local, else label pairs
    worker_selector: Mapping[str, str] | str | None = None
    retry_policy: DAGRetryPolicy | None = None
    secrets: tuple[Secret, ...] = ()
    artifacts: Artifacts = field(default_factory=Artifacts)
    resources: Resources = field(default_factory=Resources)
    #: container of every step that names none
    container: Container | None = None
    #: registry host -> user, password or auth text; or the text of such a JSON object
    registry_auths: Mapping[str, JsonValue] | str = field(default_factory=dict)
    ssh: SSH | None = None
    smtp: SMTP | None = None
    #: connection defaults of the like-named actions
    redis: Mapping[str, JsonValue] = field(default_factory=dict)
    s3: Mapping[str, JsonValue] = field(default_factory=dict)
    kubernetes: Mapping[str, JsonValue] = field(default_factory=dict)
    mail_on: MailOn = field(default_factory=MailOn)
    error_mail: Mail | None = None
    info_mail: Mail | None = None
    wait_mail: Mail | None = None
    #: lower-case names of the headers a webhook hands on
    webhook_headers: tuple[str, ...] = ()
    #: kept, not used by this version: otel, tools, tasks, llm, harness, harnesses
    later: Mapping[str, JsonValue] = field(default_factory=dict)
    #: the sub-DAGs of the further documents of the file, by name; each has its own `text`
    local_dags: Mapping[str, DAG] = field(default_factory=dict)
    log_dir: str = ""
    log_output: LogOutput = LogOutput.SEPARATE
    run_config_disable_param_edit: bool = False
    run_config_disable_run_id_edit: bool = False
    #: "v2" or "v1"
    dialect: str = "v2"
    #: the file's path as given by the caller; "" when the text came over the wire
    source_file: str = ""
    #: the file's text, kept as the run's snapshot
    text: str = ""
    #: the base configuration's text that was merged in
    base_text: str = ""
    #: build warnings, each once
    warnings: tuple[str, ...] = ()
    #: old forms that still work, each once; for `validate`, silent at start
    deprecations: tuple[str, ...] = ()

    @property
    def proc_group(self) -> str:
        """Return queue and process group name (spec 12 section 1)."""
        return self.queue or self.name

    @property
    def is_distributed(self) -> bool:
        """Return whether a selector asks for a worker (spec 20 section 13)."""
        return isinstance(self.worker_selector, Mapping) and bool(self.worker_selector)

    @property
    def label_selector(self) -> dict[str, str]:
        """Return the worker selector as a plain dict; empty when none or `local`."""
        return dict(self.worker_selector) if isinstance(self.worker_selector, Mapping) else {}
