"""Parts of the step object of the run record: what it executes and publishes (spec 12 section 17).

The members have the names and types of Dagu's record, so that either side can read a run of the
other; empty ones are left out, durations are nanoseconds.
"""

from __future__ import annotations

from edge.core.durations import parse_go_duration
from edge.core.jsontypes import JsonObject, JsonValue
from edge.workflow.human import HUMAN_TASK
from edge.workflow.model import (
    Approval,
    Container,
    Foreach,
    OutputEntry,
    Parallel,
    RepeatPolicy,
    StdoutOutputs,
    Step,
    SubDAG,
)
from edge.workflow.model_steps import StdoutField
from edge.workflow.params import parse_override_text

__all__ = ["part_records"]

_NANOSECONDS = 1_000_000_000
#: spec 13 section 4.5 lists the policies in this order; the wire has no names for them
_PULL = {"always": 0, "never": 1, "missing": 2, "": 2, "fallback": 3}


def part_records(step: Step) -> JsonObject:
    """Return the members of the step's parts; a `foreach` comes without the steps of its body."""
    found: JsonObject = {}
    if step.type:
        config: JsonObject = {"type": step.type}
        _put(config, "config", dict(step.options))
        found["executorConfig"] = config
    if step.action == HUMAN_TASK:
        found["humanTask"] = dict(step.options)
    if step.sub_dag is not None:
        _sub_dag(found, step.sub_dag)
    _put(found, "workerSelector", dict(step.worker_selector))
    if step.parallel is not None:
        found["parallel"] = _parallel(step.parallel)
    if step.foreach is not None:
        found["foreach"] = _foreach(step.foreach)
    if step.router is not None:
        routes: list[JsonValue] = [
            {"pattern": pattern, "targets": list(targets)}
            for pattern, targets in step.router.routes
        ]
        found["router"] = {"value": step.router.value, "routes": routes}
    if step.approval is not None:
        found["approval"] = _approval(step.approval)
    if step.container is not None:
        found["container"] = _container(step.container)
    if step.repeat_policy is not None:
        found["repeatPolicy"] = _repeat(step.repeat_policy)
    _put(found, "mailOnError", step.mail_on_error)
    _published(found, step)
    return found


def _put(found: JsonObject, key: str, value: JsonValue) -> None:
    if value:
        found[key] = value


def _sub_dag(found: JsonObject, target: SubDAG) -> None:
    child: JsonObject = {"name": target.name}
    _put(child, "params", target.params)
    found["childDag"] = child
    given = parse_override_text(target.params)
    named: JsonObject = {name: value for name, value in given.items if name}
    if named and len(named) == len(given.items):
        found["params"] = {"rich": {"simple": named}}


def _parallel(fan: Parallel) -> JsonObject:
    found: JsonObject = {}
    _put(found, "variable", fan.variable)
    items: list[JsonValue] = [
        {"value": item} if isinstance(item, str) else {"params": dict(item)} for item in fan.items
    ]
    _put(found, "items", items)
    # the one member of the record in snake case
    found["max_concurrent"] = fan.max_concurrent
    return found


def _foreach(loop: Foreach) -> JsonObject:
    found: JsonObject = {}
    if isinstance(loop.items, str):
        found["itemsExpr"] = loop.items
    else:
        found["items"] = list(loop.items)
    found["as"] = loop.name
    _put(found, "key", loop.key)
    found["maxConcurrent"] = loop.max_concurrent
    _put(found, "collect", dict(loop.collect))
    return found


def _approval(rule: Approval) -> JsonObject:
    found: JsonObject = {}
    _put(found, "prompt", rule.prompt)
    _put(found, "input", list(rule.input))
    _put(found, "required", list(rule.required))
    _put(found, "rewindTo", rule.rewind_to)
    return found


def _container(made: Container) -> JsonObject:
    """Return the container; its members are capitalised and all there, only `env` is neither."""
    check: JsonValue = None
    if made.healthcheck is not None:
        check = {
            "Test": list(made.healthcheck.test),
            "Interval": _span(made.healthcheck.interval),
            "Timeout": _span(made.healthcheck.timeout),
            "StartPeriod": _span(made.healthcheck.start_period),
            "Retries": made.healthcheck.retries,
        }
    found: JsonObject = {
        "Exec": made.exec,
        "Name": made.name,
        "Image": made.image,
        "PullPolicy": _PULL[made.pull_policy],
        "Volumes": list(made.volumes),
        "User": made.user,
        "WorkingDir": made.working_dir,
        "Platform": made.platform,
        "Ports": list(made.ports),
        "Network": made.network,
        "KeepContainer": made.keep_container,
        "Startup": made.startup,
        "Command": list(made.command),
        "WaitFor": made.wait_for,
        "LogPattern": made.log_pattern,
        "RestartPolicy": made.restart_policy,
        "Healthcheck": check,
        "Shell": list(made.shell),
    }
    _put(found, "env", [f"{item.name}={item.value}" for item in made.env])
    return found


def _span(text: str) -> int:
    return round(parse_go_duration(text) * _NANOSECONDS) if text else 0


def _repeat(policy: RepeatPolicy) -> JsonObject:
    found: JsonObject = {"repeatMode": policy.mode}
    for value, key, unit in (
        (policy.interval_s, "interval", _NANOSECONDS),
        (policy.limit, "limit", 1),
        (policy.max_interval_s, "maxInterval", _NANOSECONDS),
    ):
        if isinstance(value, int):
            _put(found, key, value * unit)
        else:
            found[f"{key}Str"] = value
    if policy.backoff:
        found["backoff"] = int(policy.backoff) if policy.backoff % 1 == 0 else policy.backoff
    condition: JsonObject = {}
    _put(condition, "condition", policy.condition)
    _put(condition, "expected", policy.expected)
    _put(found, "condition", condition)
    _put(found, "exitCode", list(policy.exit_codes))
    return found


def _published(found: JsonObject, step: Step) -> None:
    _put(found, "stdoutArtifact", step.stdout_artifact)
    _put(found, "stderrArtifact", step.stderr_artifact)
    if step.stdout_outputs is not None:
        found["stdoutOutputs"] = _stdout(step.stdout_outputs)
    _put(found, "output", step.output)
    _put(found, "structuredOutput", {entry.key: _entry(entry) for entry in step.output_entries})
    if step.output_schema is not None:
        found["outputSchema"] = step.output_schema
    outputs: list[JsonValue] = [
        {"name": item.name, "path": item.path}
        if item.path
        else {"name": item.name, "type": item.type}
        for item in step.outputs
    ]
    _put(found, "outputs", outputs)
    _put(found, "inputs", [{"name": name, "path": path} for name, path in step.inputs])
    _put(found, "dependencies", list(step.dependencies))


def _entry(entry: OutputEntry) -> JsonObject:
    if not entry.source:
        return {"hasValue": True, "value": entry.value}
    found: JsonObject = {"from": entry.source}
    _put(found, "path", entry.path)
    found["decode"] = entry.decode
    _put(found, "select", entry.select)
    return found


def _stdout(given: StdoutOutputs) -> JsonObject:
    found: JsonObject = {}
    _put(found, "field", given.field)
    _put(found, "decode", given.decode)
    _put(found, "select", given.select)
    _put(found, "fields", {item.name: _field(item) for item in given.fields})
    return found


def _field(item: StdoutField) -> JsonObject:
    if item.is_literal:
        return {"hasValue": True, "value": item.value}
    found: JsonObject = {"from": "stdout", "decode": item.decode}
    _put(found, "select", item.select)
    return found
