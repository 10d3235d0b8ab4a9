"""The one table of the language's fields (spec 10 section 4 and 6.4).

Validation (unknown key, wrong type, not built yet), the merge with the base configuration, the help
text and the JSON schema are all made from it. A field that Dagu has and edge does not do yet stands
here with `built=False`: writing it is an error that says so, never silently ignored.
"""

from __future__ import annotations

from enum import StrEnum

__all__ = ["CONTEXTS", "Field", "Kind", "Merge", "describe", "hint_for", "suggestion"]


class Kind(StrEnum):
    """Shape of a value, as far as the table checks it."""

    TEXT = "text"
    INTEGER = "integer"
    FLAG = "flag"
    TEXT_LIST = "text_list"
    #: a mapping with a context of its own (`Field.struct`)
    STRUCT = "struct"
    #: checked by the part that builds it
    FREE = "free"
    # shapes with decoders of their own; a wrong shape stops the load like a wrong type
    ENV = "env"
    SHELL = "shell"
    SCHEDULE = "schedule"
    LABELS = "labels"
    DOTENV = "dotenv"
    DEPENDS = "depends"
    CONTINUE_ON = "continue_on"
    LOG_OUTPUT = "log_output"


class Merge(StrEnum):
    """How a root field of a document meets that of the base configuration (spec 10 section 5)."""

    #: the document's unless it is zero or empty
    VALUE = "value"
    #: base entries first
    CONCAT = "concat"
    #: the document's unless its list is empty
    LIST = "list"
    #: by key, the document wins
    KEYS = "keys"
    #: the document's whenever the key is there
    WHOLE = "whole"
    #: field by field, each by `VALUE`
    STRUCT = "struct"
    #: has its own rule in `base`
    OWN = "own"
    #: never taken from the base
    NEVER = "never"


class Field:
    """One key of a mapping.

    `struct` names the context of a STRUCT field, `shapes` the JSON types of a FREE one; one that is
    `deprecated` is accepted for old files, and `validate` shows that text. (No dataclass: this
    module is read at every start.)
    """

    __slots__ = (
        "built",
        "default",
        "deprecated",
        "help",
        "kind",
        "merge",
        "name",
        "shapes",
        "struct",
    )

    def __init__(
        self,
        name: str,
        kind: Kind,
        help_text: str,
        default: str = "",
        *,
        struct: str = "",
        built: bool = True,
        merge: Merge = Merge.VALUE,
        shapes: tuple[str, ...] = (),
        deprecated: str = "",
    ) -> None:
        self.name = name
        self.kind = kind
        self.help = help_text
        self.default = default
        self.struct = struct
        self.built = built
        self.merge = merge
        self.shapes = shapes
        self.deprecated = deprecated


def _later(names: str, help_text: str = "") -> tuple[Field, ...]:
    return tuple(Field(name, Kind.FREE, help_text, built=False) for name in names.split())


_T, _I, _F = Kind.TEXT, Kind.INTEGER, Kind.FLAG

_ROOT: tuple[Field, ...] = (
    Field(
        "name", _T, "Name of the DAG; the file name without extension if absent.", merge=Merge.NEVER
    ),
    Field("group", _T, "Group shown in lists."),
    Field("description", _T, "What the workflow is for."),
    Field("type", _T, "graph: order by `depends`; chain: one after the other.", "graph"),
    Field(
        "steps", Kind.FREE, "Steps, in order.", merge=Merge.OWN, shapes=("array", "object", "null")
    ),
    Field(
        "params",
        Kind.FREE,
        "Parameters with defaults: text, list or map.",
        merge=Merge.OWN,
        shapes=("string", "array", "object", "null"),
    ),
    Field(
        "consts",
        Kind.FREE,
        "Constants: list of one-key maps.",
        merge=Merge.OWN,
        shapes=("array", "null"),
    ),
    Field("env", Kind.ENV, "Environment of all steps, in order.", merge=Merge.CONCAT),
    Field(
        "dotenv",
        Kind.DOTENV,
        "Files with further environment.",
        ".env",
        built=False,
        merge=Merge.CONCAT,
    ),
    Field("working_dir", _T, "Directory of the steps; a private one per run if absent."),
    Field("shell", Kind.SHELL, "Shell of `run`, as text or list."),
    Field("shell_args", Kind.TEXT_LIST, "Arguments added to the shell.", merge=Merge.CONCAT),
    Field(
        "defaults",
        Kind.FREE,
        "Fields for every step that does not set them.",
        merge=Merge.OWN,
        shapes=("object", "null"),
    ),
    Field(
        "handler_on",
        Kind.STRUCT,
        "Steps that run on events of the run.",
        struct="handler_on",
        merge=Merge.OWN,
    ),
    Field(
        "preconditions",
        Kind.FREE,
        "Checks before the run starts.",
        merge=Merge.LIST,
        shapes=("string", "array", "null"),
    ),
    Field("schedule", Kind.SCHEDULE, "Cron expressions or instants.", merge=Merge.OWN),
    Field("skip_if_successful", _F, "Skip a scheduled run when the last one succeeded.", "false"),
    Field("catchup_window", _T, "How far back missed schedules are made up, such as 6h or 2d."),
    Field(
        "overlap_policy",
        _T,
        "skip, all or latest: what a due run does while one is active.",
        "skip",
    ),
    Field("timeout_sec", _I, "Limit of the whole run; 0 = none.", "0"),
    Field("delay_sec", _I, "Pause before the first step.", "0"),
    Field("restart_wait_sec", _I, "Pause between stop and start of a restart.", "0"),
    Field("max_active_steps", _I, "Steps that may run at once; 0 = no limit.", "0"),
    Field("max_active_runs", _I, "Deprecated; use a queue.", "1"),
    Field("queue", _T, "Queue of the run; the DAG's name if absent."),
    Field("max_clean_up_time_sec", _I, "Time a stopped step has before it is killed.", "5"),
    Field("max_output_size", _I, "Limit of captured output in bytes.", "1048576"),
    Field("hist_retention_days", _I, "Days that history is kept.", "30", merge=Merge.OWN),
    Field("hist_retention_runs", _I, "Runs that are kept, instead of days.", merge=Merge.OWN),
    Field("log_dir", _T, "Directory of the logs."),
    Field(
        "log_output", Kind.LOG_OUTPUT, "separate: two log files a step; merged: one.", "separate"
    ),
    Field("labels", Kind.LABELS, "Labels, as text, list or map.", merge=Merge.LIST),
    Field("tags", Kind.LABELS, "Old name of `labels`.", merge=Merge.LIST, deprecated="use labels"),
    Field(
        "worker_selector",
        Kind.FREE,
        "Labels of the worker that runs this, or `local`.",
        merge=Merge.KEYS,
        shapes=("string", "object", "null"),
    ),
    Field(
        "run_config",
        Kind.STRUCT,
        "What the start form may change.",
        struct="run_config",
        merge=Merge.STRUCT,
    ),
    *_later("retry_policy", "Retry of the whole run."),
    *_later(
        "secrets actions step_types artifacts resources container registry_auths ssh redis s3"
        " kubernetes smtp mail_on error_mail info_mail wait_mail webhook otel tools tasks llm"
        " harness harnesses"
    ),
)

_POLICIES: tuple[Field, ...] = (
    Field("continue_on", Kind.CONTINUE_ON, "When dependents go on after a failure or skip."),
    Field("retry_policy", Kind.STRUCT, "Retries of the step.", struct="retry_policy"),
    Field("repeat_policy", Kind.FREE, "Repetition of the step.", built=False),
    Field("timeout_sec", _I, "Limit of the step; 0 = none.", "0"),
    Field("mail_on_error", Kind.FREE, "Mail when the step fails.", built=False),
    Field("signal_on_stop", _T, "Signal that stops the step, such as SIGINT.", "SIGTERM"),
    Field("env", Kind.ENV, "Environment of the step, in order."),
    Field(
        "preconditions",
        Kind.FREE,
        "Checks before the step starts.",
        shapes=("string", "array", "null"),
    ),
)

_STEP: tuple[Field, ...] = (
    Field("name", _T, "Name; the id, or a generated one, if absent."),
    Field("id", _T, "Identifier for references: letters, digits, `_`."),
    Field("description", _T, "What the step does."),
    Field(
        "run",
        Kind.FREE,
        "Shell command, script (text with a newline) or list of commands.",
        shapes=("string", "array"),
    ),
    Field("with", Kind.FREE, "Options: shell, shell_args.", shapes=("object",)),
    Field("depends", Kind.DEPENDS, "Steps that come before, by name or id."),
    Field("working_dir", _T, "Directory of the step."),
    Field(
        "stdout", Kind.FREE, "File that gets a copy of standard output.", shapes=("string", "null")
    ),
    Field(
        "stderr", Kind.FREE, "File that gets a copy of standard error.", shapes=("string", "null")
    ),
    Field("log_output", Kind.LOG_OUTPUT, "separate or merged, as for the DAG."),
    *_POLICIES,
    Field(
        "command", Kind.FREE, "Old form of `run`.", shapes=("string", "array"), deprecated="use run"
    ),
    Field("script", _T, "Old form of a multi-line `run`.", deprecated="use run"),
    Field("shell", Kind.SHELL, "Old form of `with.shell`.", deprecated="use run with with.shell"),
    Field(
        "shell_args",
        Kind.TEXT_LIST,
        "Old form of `with.shell_args`.",
        deprecated="use run with with.shell_args",
    ),
    Field(
        "action",
        Kind.FREE,
        "What the step does instead of a shell command; not available yet.",
        shapes=("string",),
    ),
    *_later(
        "container output output_schema outputs parallel foreach worker_selector approval inputs"
        " dependencies shell_packages exec type config call params messages llm value routes"
    ),
)

#: context name -> its fields by name
CONTEXTS: dict[str, dict[str, Field]] = {
    name: {field.name: field for field in fields}
    for name, fields in {
        "root": _ROOT,
        "step": _STEP,
        "defaults": _POLICIES,
        "handler_on": tuple(
            Field(event, Kind.STRUCT, text, struct="step")
            for event, text in (
                ("init", "Before the first step."),
                ("success", "After a run that succeeded."),
                ("failure", "After a run that failed."),
                ("abort", "After a run that was stopped."),
                ("exit", "Last, always."),
                ("wait", "When the run enters a waiting state."),
            )
        ),
        "retry_policy": (
            Field(
                "limit",
                Kind.FREE,
                "Number of retries; a number or a reference.",
                shapes=("integer", "string"),
            ),
            Field(
                "interval_sec", Kind.FREE, "Seconds between tries.", shapes=("integer", "string")
            ),
            Field(
                "backoff",
                Kind.FREE,
                "true = double the interval each time, or the factor.",
                "false",
                shapes=("boolean", "number"),
            ),
            Field("max_interval_sec", _I, "Longest interval with backoff; 0 = no cap.", "0"),
            Field(
                "exit_code",
                Kind.FREE,
                "Exit codes that are retried; empty = any but 0.",
                shapes=("array",),
            ),
        ),
        "run_config": (
            Field("disable_param_edit", _F, "Parameters cannot be edited at start.", "false"),
            Field("disable_run_id_edit", _F, "The run id cannot be chosen at start.", "false"),
        ),
    }.items()
}

#: names of the mappings in error texts, where they are not the key's own
LABELS = {"root": "spec.dag", "step": "spec.step", "defaults": "spec.defaults"}

_REMOVED = {
    "precondition": '"precondition" is no longer supported; use "preconditions"',
    "dir": '"dir" is no longer supported; use "working_dir"',
    "executor": '"executor" has been removed; use "action" and pass executor options under "with"',
}


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


#: the Dagu 1.30 spelling of every known key -> ours
_CAMEL = {_camel(name): name for fields in CONTEXTS.values() for name in fields if "_" in name}


def hint_for(keys: list[str]) -> str:
    """Return the hints of spec 10 section 1.2 for unknown keys, joined; "" when there is none."""
    camel = ", ".join(f"{key} -> {_CAMEL[key]}" for key in keys if key in _CAMEL)
    hints = [f"use snake_case keys ({camel})"] if camel else []
    hints += [_REMOVED[key] for key in keys if key in _REMOVED]
    return "; ".join(hints)


def suggestion(key: str, known: list[str]) -> str:
    """Return the known key that was probably meant, or ""."""
    # difflib costs start-up time and is needed for a bad file only
    from difflib import get_close_matches

    folded = {name.replace("_", ""): name for name in known}
    exact = folded.get(key.lower().replace("_", "").replace("-", ""))
    if exact is not None:
        return exact
    return next(iter(get_close_matches(key.lower(), known, n=1, cutoff=0.75)), "")


def describe(context: str) -> str:
    """Return the help text of a context: one line a field, those not built yet last."""
    lines = []
    later = []
    for field in CONTEXTS[context].values():
        if not field.built:
            later.append(field.name)
            continue
        default = f" (default {field.default})" if field.default else ""
        old = f" Deprecated: {field.deprecated}." if field.deprecated else ""
        lines.append(f"{field.name:<22} {field.help}{default}{old}")
    if later:
        lines.append("not available yet: " + ", ".join(later))
    return "\n".join(lines)
