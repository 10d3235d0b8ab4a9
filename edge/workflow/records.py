"""A step as the JSON object of the run record (spec 12 section 17), values unresolved."""

from __future__ import annotations

from collections.abc import Sequence

from edge.core.jsontypes import JsonObject, JsonValue
from edge.workflow.model import (
    DAG,
    CommandRun,
    ContinueOn,
    ExecRun,
    Precondition,
    RetryPolicy,
    ScriptRun,
    Step,
)
from edge.workflow.part_records import part_records
from edge.workflow.words import split_words

__all__ = [
    "argv_record",
    "command_record",
    "precondition_record",
    "recorded_commands",
    "step_record",
]

_NANOSECONDS = 1_000_000_000
_WITH_OPERATION = frozenset(
    ("wait", "file", "outputs", "state", "artifact", "data", "archive", "git", "s3")
)


def step_record(step: Step, dag: DAG) -> JsonObject:
    """Return the step object; members that are empty are left out, durations are nanoseconds."""
    found: JsonObject = {}
    _put(found, "id", step.id)
    found["name"] = step.name
    _put(found, "description", step.description)
    if step.shell is not None and step.shell.argv:
        found["shell"] = step.shell.argv[0]
        _put(found, "shellArgs", list(step.shell.argv[1:]))
    else:
        _put(found, "shellArgs", list(step.shell_args))
    _put(found, "shellPackages", list(step.shell_packages))
    _put(found, "dir", step.working_dir)
    _put(found, "commands", list(recorded_commands(step)))
    if isinstance(step.run, ScriptRun):
        found["script"] = step.run.text
    _put(found, "stdout", step.stdout)
    _put(found, "stderr", step.stderr)
    if step.log_output is not None and step.log_output is not dag.log_output:
        found["logOutput"] = step.log_output.value
    _put(found, "depends", list(step.depends))
    _put(found, "continueOn", _continue_on(step.continue_on))
    if step.retry_policy is not None:
        _put(found, "retryPolicy", _retry(step.retry_policy))
    _put(found, "preconditions", [precondition_record(item) for item in step.preconditions])
    _put(found, "signalOnStop", step.signal_on_stop)
    _put(found, "env", [f"{item.name}={item.value}" for item in step.env])
    if step.timeout_s:
        found["timeout"] = step.timeout_s * _NANOSECONDS
    found.update(part_records(step))
    loop = found.get("foreach")
    if step.foreach is not None and isinstance(loop, dict):
        loop["steps"] = [step_record(item, dag) for item in step.foreach.steps]
    return found


def recorded_commands(step: Step) -> list[JsonObject]:
    """Return the step's commands as they are written."""
    run = step.run
    if isinstance(run, CommandRun):
        return [command_record(text) for text in run.commands]
    if isinstance(run, ExecRun):
        return [argv_record((run.command, *run.args))]
    if isinstance(run, ScriptRun) and run.command:
        return [command_record(run.command)]
    type_, _, operation = step.action.partition(".")
    # of these actions the record holds the operation in the place of a command
    if run is None and operation and type_ in _WITH_OPERATION:
        return [{"command": operation, "cmdWithArgs": operation}]
    return []


def command_record(text: str) -> JsonObject:
    """Return one command: its words for readers, and the whole text."""
    words = split_words(text) or text.split() or [""]
    found: JsonObject = {"command": words[0]}
    _put(found, "args", list(words[1:]))
    found["cmdWithArgs"] = text
    return found


def argv_record(argv: Sequence[str]) -> JsonObject:
    """Return a command that no shell splits."""
    found: JsonObject = {"command": argv[0]}
    _put(found, "args", list(argv[1:]))
    found["cmdWithArgs"] = " ".join(argv)
    return found


def precondition_record(item: Precondition) -> JsonObject:
    """Return a condition without its result."""
    found: JsonObject = {}
    _put(found, "condition", item.condition)
    _put(found, "eval", item.eval)
    _put(found, "expected", item.expected)
    _put(found, "negate", item.negate)
    return found


def _continue_on(rule: ContinueOn) -> JsonObject:
    found: JsonObject = {}
    _put(found, "failure", rule.failed)
    _put(found, "skipped", rule.skipped)
    _put(found, "exitCode", list(rule.exit_codes))
    _put(found, "output", list(rule.outputs))
    _put(found, "markSuccess", rule.mark_success)
    return found


def _retry(policy: RetryPolicy) -> JsonObject:
    found: JsonObject = {}
    if isinstance(policy.limit, int):
        _put(found, "limit", policy.limit)
    else:
        found["limitStr"] = policy.limit
    if isinstance(policy.interval_s, int):
        _put(found, "interval", policy.interval_s * _NANOSECONDS)
    else:
        found["intervalSecStr"] = policy.interval_s
    _put(found, "exitCode", list(policy.exit_codes))
    if policy.backoff:
        whole = int(policy.backoff)
        found["backoff"] = whole if whole == policy.backoff else policy.backoff
    _put(found, "maxInterval", policy.max_interval_s * _NANOSECONDS)
    return found


def _put(found: JsonObject, key: str, value: JsonValue) -> None:
    if value:
        found[key] = value
