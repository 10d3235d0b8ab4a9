"""What the texts and processes of a run can see (spec 11 sections 6 and 7)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from edge.core.clock import from_ms, parse_rfc3339
from edge.engine.attempt import AttemptSpec
from edge.workflow.field_policy import policy_of
from edge.workflow.model import EnvVar, Step
from edge.workflow.values import Policy, Scope, Source, resolve

__all__ = [
    "default_dir",
    "expand_env",
    "process_environ",
    "run_scope",
    "step_dir",
    "step_scope",
]


def run_scope(spec: AttemptSpec, started_ms: int, dotenv: Iterable[tuple[str, str]] = ()) -> Scope:
    """Return the scope of a run: layers 1 to 8 of spec 11 section 7.1.

    What a child inherits lies below everything of its own, and is no part of what its root `env`
    is made from (spec 10 section 2).
    """
    dag, params = spec.dag, spec.params
    payload = params.payload_json()
    managed = {
        "DAG_NAME": dag.name,
        "DAG_RUN_ID": spec.ref.run_id,
        "DAG_RUN_LOG_FILE": str(spec.files.log),
        "DAG_RUN_WORK_DIR": str(spec.files.work_dir),
    }
    if spec.artifact_dir:
        managed["DAG_RUN_ARTIFACTS_DIR"] = spec.artifact_dir
    if payload is not None:
        managed["DAG_PARAMS_JSON"] = managed["DAGU_PARAMS_JSON"] = payload
    root = Scope(
        consts=dag.consts,
        params=params.as_dict(),
        context=_context(spec, started_ms),
        host=spec.process_environ,
        payload=payload,
    )
    # A shell cannot take a variable named `1`; positional values are inserted by the engine.
    named = [(name, value) for name, value in params.items if not name.isdigit()]
    scope = outer = root.child(spec.step_environ.items(), Source.PROCESS)
    scope = scope.child(named, Source.PARAM).child(managed.items(), Source.MANAGED)
    scope = expand_env(scope, dag.env, policy_of("env"), Source.DAG_ENV)
    if spec.inherited:
        own = scope.of_source(Source.DAG_ENV)
        scope = outer.child(spec.inherited.items(), Source.DAG_ENV)
        scope = scope.child(named, Source.PARAM).child(managed.items(), Source.MANAGED)
        scope = scope.child(own.items(), Source.DAG_ENV)
    if pairs := list(dotenv):
        scope = scope.child(pairs, Source.DOTENV)
    return scope.child(managed.items(), Source.MANAGED)


def expand_env(scope: Scope, entries: Iterable[EnvVar], policy: Policy, source: Source) -> Scope:
    """Evaluate env entries in order, each seeing those before it."""
    for entry in entries:
        scope = scope.child([(entry.name, resolve(entry.value, policy, scope))], source)
    return scope


def _context(spec: AttemptSpec, started_ms: int) -> dict[str, str]:
    context = {
        "dag.name": spec.dag.name,
        "run.id": spec.ref.run_id,
        "attempt.id": spec.attempt_id,
        "attempt.started_at": _utc_text(started_ms),
        "trigger.type": spec.trigger_type.word,
        "paths.log_file": str(spec.files.log),
        "paths.work_dir": str(spec.files.work_dir),
    }
    if spec.artifact_dir:
        context["paths.artifacts_dir"] = spec.artifact_dir
    if spec.trigger_actor:
        context["trigger.actor"] = spec.trigger_actor
    scheduled_ms = parse_rfc3339(spec.schedule_time) if spec.schedule_time else None
    if scheduled_ms is not None:
        context["run.scheduled_at"] = _utc_text(scheduled_ms)
    if spec.parent is not None and spec.root is not None:
        context["run.root_name"] = spec.root.name
        context["run.root_id"] = spec.root.run_id
    return context


def _utc_text(at_ms: int) -> str:
    import datetime as dt

    return from_ms(at_ms, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def default_dir(spec: AttemptSpec, scope: Scope) -> str:
    """Return the directory that steps of the run start from (spec 10 section 6.3)."""
    dag = spec.dag
    beside = os.path.dirname(os.path.abspath(dag.source_file)) if dag.source_file else ""
    if dag.working_dir:
        text = resolve(dag.working_dir, policy_of("working_dir"), scope)
        return _absolute(text, beside or str(spec.files.work_dir), scope)
    if dag.dialect == "v1" and beside:
        return beside
    return str(spec.files.work_dir)


def step_dir(step: Step, base: str, scope: Scope) -> str:
    """Return a step's working directory; not created."""
    if not step.working_dir:
        return base
    return _absolute(
        resolve(step.working_dir, policy_of("steps[].working_dir"), scope), base, scope
    )


def _absolute(text: str, base: str, scope: Scope) -> str:
    if text == "~" or text.startswith("~/"):
        home = scope.get("HOME", with_process=True) or os.path.expanduser("~")
        text = home + text[1:]
    return os.path.normpath(os.path.join(base, text))


def step_scope(
    scope: Scope,
    step: Step,
    *,
    name: str,
    cwd: str,
    outputs: Mapping[str, str] | None = None,
    is_handler: bool = False,
    extra: Mapping[str, str] | None = None,
) -> Scope:
    """Add layers 10 to 12: the step's own values, predecessors' outputs, then its `env`.

    In a handler the outputs come last and beat its own `env` (spec 11 section 7.1).
    """
    context = {"step.name": name}
    if step.id:
        context["step.id"] = step.id
    own = {"DAG_RUN_STEP_NAME": name, "PWD": cwd, **(extra or {})}
    if "DAG_RUN_STATUS" in own:
        context["run.status"] = own["DAG_RUN_STATUS"]
    inner = scope.child(own.items(), Source.MANAGED).with_context(context)
    if outputs and not is_handler:
        inner = inner.child(outputs.items(), Source.OUTPUT)
    inner = expand_env(inner, step.env, policy_of("steps[].env"), Source.STEP_ENV)
    if outputs and is_handler:
        inner = inner.child(outputs.items(), Source.OUTPUT)
    return inner


def process_environ(scope: Scope) -> dict[str, str]:
    """Return the environment of a process; an output's name may be none that it can have."""
    return {name: value for name, value in scope.environ().items() if _can_pass(name)}


def _can_pass(name: str) -> bool:
    return bool(name) and "=" not in name and "\0" not in name
