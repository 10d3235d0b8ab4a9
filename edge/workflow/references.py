"""The grammar of strict references (spec 11 sections 2 and 6): what is one, and what it names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from edge.workflow.words import is_env_name, is_name

__all__ = ["ALIASES", "CONTEXT_FIELDS", "TOKEN", "Reference", "is_context_path", "parse_reference"]

#: fields of `context`
CONTEXT_FIELDS = frozenset(
    (
        "dag.name",
        "run.id",
        "run.status",
        "run.scheduled_at",
        "run.root_name",
        "run.root_id",
        "attempt.id",
        "attempt.started_at",
        "step.id",
        "step.name",
        "trigger.type",
        "trigger.actor",
        "paths.log_file",
        "paths.work_dir",
        "paths.artifacts_dir",
        "paths.wiki_dir",
        "paths.docs_dir",
        "paths.step_stdout_file",
        "paths.step_stderr_file",
        "paths.step_output_file",
        "profile.name",
        "profile.resolved_at",
        "pushback.iteration",
        "pushback.previous_stdout_file",
    )
)
#: short form -> field of `context`; frozen, no new ones. `attempt.started_at` is `run.started_at`
ALIASES: Mapping[str, str] = {
    **{name: name for name in sorted(CONTEXT_FIELDS - {"attempt.started_at"})},
    "run.started_at": "attempt.started_at",
}

#: a dollar with what could be a reference; backslashes before it count
TOKEN = re.compile(
    r"(?<!\\)(?P<slashes>\\*)\$(?:\{(?P<braced>[^}\n]{0,1000})\}|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<digits>[0-9]+))",
    re.ASCII,
)

_STEP_OUTPUT = re.compile(
    r"steps\.(?P<id>[A-Za-z][A-Za-z0-9_]*)\.outputs\.(?P<output>[A-Za-z_][A-Za-z0-9_]*)\Z", re.ASCII
)
_FOREACH = re.compile(r"foreach\.[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z][A-Za-z0-9_]*)?\Z", re.ASCII)
_CONTEXT = re.compile(r"context(?:\.[A-Za-z_][A-Za-z0-9_]*){2,}\Z", re.ASCII)
_BY_NAME = {
    "env": is_env_name,
    "params": is_name,
    "consts": is_name,
    "inputs": is_name,
    "outputs": is_name,
}


class Reference:
    """A strict reference.

    `kind` is its namespace (`payload` for `${params}`); `name` the name in it: for `context` the
    field an alias stands for, for `steps` the step's id with the output's name in `output`.
    """

    __slots__ = ("kind", "name", "output")

    def __init__(self, kind: str, name: str, output: str = "") -> None:
        self.kind = kind
        self.name = name
        self.output = output


@lru_cache(maxsize=512)
def parse_reference(body: str) -> Reference | None:
    """Return the strict reference between `${` and `}`; None = it is none.

    Every `context.` text counts as one, so that an escape before it is removed.
    """
    path = body.strip(" \t")
    if path == "params":
        return Reference("payload", "params")
    head, _, rest = path.partition(".")
    if head in _BY_NAME:
        return Reference(head, rest) if _BY_NAME[head](rest) else None
    if head == "context":
        return Reference("context", rest) if rest else None
    if path in ALIASES:
        return Reference("context", ALIASES[path])
    if head == "steps":
        match = _STEP_OUTPUT.match(path)
        return None if match is None else Reference("steps", match["id"], match["output"])
    if head == "foreach" and _FOREACH.match(path):
        return Reference("foreach", rest)
    return None


def is_context_path(path: str) -> bool:
    """Return whether a `context.` text has well-formed segments, two or more."""
    return _CONTEXT.match(path) is not None
