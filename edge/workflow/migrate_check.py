"""Whether two DAGs mean the same, for `migrate-dag` (spec 10 section 13)."""

from __future__ import annotations

import json
from dataclasses import fields, replace

from edge.workflow.model import DAG, DAGType, Handlers, ScriptRun, Step

__all__ = ["difference", "step_names"]

_TEXTS = frozenset(
    ("text", "base_text", "dialect", "warnings", "deprecations", "source_file", "local_dags")
)


def difference(old: DAG, new: DAG) -> str:
    """Return the first field in which two DAGs mean different things, "" when they do not."""
    for field in fields(DAG):
        name = field.name
        if name in _TEXTS or name in ("steps", "handlers"):
            continue
        before, after = getattr(old, name), getattr(new, name)
        is_meant = (name == "working_dir" and old.dialect == "v1" and after == ".") or (
            name == "type" and after is DAGType.GRAPH
        )
        if before != after and not is_meant:
            return f"{name} was {before!r} and is {after!r}"
    if [_bare(step) for step in old.steps] != [_bare(step) for step in new.steps]:
        for one, other in zip(old.steps, new.steps, strict=False):
            if _bare(one) != _bare(other):
                return f"step {one.name}: {_bare(one)} and {_bare(other)}"
        return "the number of steps"
    if _handlers(old.handlers) != _handlers(new.handlers):
        return "handler_on"
    for name, dag in old.local_dags.items():
        found = difference(dag, new.local_dags[name])
        if found:
            return f"{name}: {found}"
    return ""


def _handlers(handlers: Handlers) -> dict[str, Step]:
    return {event: _bare(step) for event, step in handlers.configured().items()}


def step_names(dag: DAG) -> list[str]:
    return [step.name for found in (dag, *dag.local_dags.values()) for step in found.steps]


def _bare(step: Step) -> Step:
    """Return a step without what only tells how it was written."""
    run = step.run
    options = step.options
    if isinstance(run, ScriptRun) and step.type == "http":
        # the text is the JSON of all options
        config = json.loads(run.text)
        keep = {key: options[key] for key in ("method", "url") if key in options}
        options, run = {**keep, **config}, None
    elif isinstance(run, ScriptRun):
        run = replace(run, text=run.text.rstrip("\n"))
    kind = "dag" if step.type == "subworkflow" else step.type
    body = step.foreach
    if body is not None:
        body = replace(body, steps=tuple(_bare(inner) for inner in body.steps))
    return replace(step, run=run, options=options, type=kind, foreach=body, line=0)
