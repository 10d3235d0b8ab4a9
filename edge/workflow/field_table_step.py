"""The fields of steps, handlers and `defaults` (spec 10 sections 6.4, 7.5)."""

from __future__ import annotations

from edge.workflow.field_kinds import Field, Kind

__all__ = ["HANDLERS", "POLICIES", "STEP"]

_T, _I, _F = Kind.TEXT, Kind.INTEGER, Kind.FLAG

POLICIES: tuple[Field, ...] = (
    Field("continue_on", Kind.CONTINUE_ON, "When dependents go on after a failure or skip."),
    Field("retry_policy", Kind.STRUCT, "Retries of the step.", struct="retry_policy"),
    Field("repeat_policy", Kind.STRUCT, "Repetition of the step.", struct="repeat_policy"),
    Field("timeout_sec", _I, "Limit of the step; 0 = none.", "0"),
    Field("mail_on_error", _F, "Mail when the step fails.", "false"),
    Field("signal_on_stop", _T, "Signal that stops the step, such as SIGINT.", "SIGTERM"),
    Field("env", Kind.ENV, "Environment of the step, in order."),
    Field(
        "preconditions",
        Kind.FREE,
        "Checks before the step starts.",
        shapes=("string", "array", "null"),
    ),
)

STEP: tuple[Field, ...] = (
    Field("name", _T, "Name; the id, or a generated one, if absent."),
    Field("id", _T, "Identifier for references: letters, digits, `_`."),
    Field("description", _T, "What the step does."),
    Field(
        "run",
        Kind.FREE,
        "Shell command, script (text with a newline) or list of commands.",
        shapes=("string", "array"),
    ),
    Field("with", Kind.FREE, "Options of the action, or the shell of `run`.", shapes=("object",)),
    Field("depends", Kind.DEPENDS, "Steps that come before, by name or id."),
    Field("working_dir", _T, "Directory of the step."),
    Field(
        "stdout",
        Kind.FREE,
        "File that gets a copy of standard output; or `artifact`, `outputs`.",
        shapes=("string", "object", "null"),
    ),
    Field(
        "stderr",
        Kind.FREE,
        "File that gets a copy of standard error; or `artifact`.",
        shapes=("string", "object", "null"),
    ),
    Field("log_output", Kind.LOG_OUTPUT, "separate or merged, as for the DAG."),
    *POLICIES,
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
    Field("action", Kind.FREE, "What the step does, such as http.request.", shapes=("string",)),
    Field(
        "container",
        Kind.FREE,
        "Container that the step runs in.",
        shapes=("string", "object", "null"),
    ),
    Field(
        "output",
        Kind.FREE,
        "Variable that takes standard output, or a map of outputs.",
        shapes=("string", "object", "null"),
    ),
    Field("output_schema", Kind.FREE, "JSON schema of standard output.", shapes=("object",)),
    Field("outputs", Kind.FREE, "Values the step declares and writes.", shapes=("array",)),
    Field(
        "parallel",
        Kind.FREE,
        "Items: one sub-DAG run each.",
        shapes=("string", "array", "object", "null"),
    ),
    Field("foreach", Kind.FREE, "Items: the body's steps for each.", shapes=("object", "null")),
    Field(
        "worker_selector",
        Kind.FREE,
        "Labels of the worker that runs the sub-DAG.",
        shapes=("object", "null"),
    ),
    Field("approval", Kind.STRUCT, "A person must approve after the step.", struct="approval"),
    Field("inputs", Kind.FREE, "Input paths of a build step.", shapes=("array", "null")),
    Field("dependencies", Kind.TEXTS, "Files the step depends on."),
    Field(
        "shell_packages",
        Kind.TEXT_LIST,
        "Old form of `with.shell_packages`.",
        deprecated="use run with with.shell_packages",
    ),
    Field(
        "exec",
        Kind.FREE,
        "Old form of `action: exec`.",
        shapes=("object",),
        deprecated="use action: exec",
    ),
    Field("type", _T, "Old form of `action`.", deprecated="use action"),
    Field("config", Kind.FREE, "Old form of `with`.", shapes=("object",), deprecated="use with"),
    Field("call", _T, "Old form of `dag.run`.", deprecated="use action: dag.run with with.dag"),
    Field(
        "params",
        Kind.FREE,
        "Old form of `with.params`.",
        deprecated="use action: dag.run with with.params",
    ),
    Field(
        "messages",
        Kind.FREE,
        "Old form of a chat's messages.",
        shapes=("array",),
        deprecated="use action: chat.completion with with.messages",
    ),
    Field(
        "llm",
        Kind.FREE,
        "Old form of a chat's model.",
        shapes=("object",),
        deprecated="use action: chat.completion",
    ),
    Field(
        "value",
        _T,
        "Old form of a router's value.",
        deprecated="use action: router.route with with.value",
    ),
    Field(
        "routes",
        Kind.FREE,
        "Old form of a router's routes.",
        shapes=("object",),
        deprecated="use action: router.route with with.routes",
    ),
)

HANDLERS: tuple[Field, ...] = tuple(
    Field(event, Kind.STRUCT, text, struct="step")
    for event, text in (
        ("init", "Before the first step."),
        ("success", "After a run that succeeded."),
        ("failure", "After a run that failed."),
        ("abort", "After a run that was stopped."),
        ("exit", "Last, always."),
        ("wait", "When the run enters a waiting state."),
    )
)
