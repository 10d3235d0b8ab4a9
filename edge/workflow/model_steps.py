"""Parts of a step: what it executes and publishes (spec 10 sections 6.4 to 7.7, 11 section 8).

Texts that may hold value references are kept as written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from edge.core.jsontypes import JsonObject, JsonValue

if TYPE_CHECKING:
    from edge.workflow.model import EnvVar, Step

__all__ = [
    "Approval",
    "CommandRun",
    "Container",
    "ExecRun",
    "Foreach",
    "Healthcheck",
    "OutputDecl",
    "OutputEntry",
    "Parallel",
    "RepeatPolicy",
    "Router",
    "Run",
    "ScriptRun",
    "StdoutField",
    "StdoutOutputs",
    "SubDAG",
]


@dataclass(frozen=True, slots=True)
class CommandRun:
    """`run` as one command or a list: one shell call an entry, stopping at the first failure."""

    commands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ScriptRun:
    """`run` with a newline: one script file, kept byte-exact.

    `command` is the v1 form `command` + `script`: run directly, the script file its last argument.
    """

    text: str
    command: str = ""


@dataclass(frozen=True, slots=True)
class ExecRun:
    """`action: exec`: a program and its arguments, no shell."""

    command: str
    args: tuple[str, ...] = ()


#: the text a step executes; None for actions that take none
Run: TypeAlias = "CommandRun | ScriptRun | ExecRun | None"


@dataclass(frozen=True, slots=True)
class SubDAG:
    """Target and parameters of `dag.run` and `dag.enqueue` (spec 10 section 9).

    `params` is text of the parameter grammar, `k="v"` for map and list entries; `queue` is that of
    `dag.enqueue`.
    """

    name: str
    params: str = ""
    queue: str = ""


@dataclass(frozen=True, slots=True)
class Parallel:
    """`parallel`: literal items, or one text that gives them when the step starts."""

    items: tuple[str | Mapping[str, str], ...] = ()
    variable: str = ""
    max_concurrent: int = 10


@dataclass(frozen=True, slots=True)
class Foreach:
    """`foreach`: the body for each item; `items` is a list of JSON values or a text."""

    items: tuple[JsonValue, ...] | str
    steps: tuple[Step, ...]
    name: str = "item"
    key: str = ""
    max_concurrent: int = 10
    collect: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Router:
    """`router.route`: (pattern, step names), exact patterns first, then `re:`, `re:.*` last."""

    value: str
    routes: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Approval:
    """`approval`: who approves may fill `input`; a push-back restarts from step `rewind_to`."""

    prompt: str = ""
    input: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    rewind_to: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatPolicy:
    """`repeat_policy` (spec 10 section 7.3). Text stays text until the node starts."""

    #: "while" or "until"
    mode: str
    interval_s: int | str = 0
    limit: int | str = 0
    condition: str = ""
    expected: str = ""
    exit_codes: tuple[int, ...] = ()
    #: 0 = constant interval, else the factor
    backoff: float = 0.0
    max_interval_s: int | str = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Healthcheck:
    """Health check of a container; durations as Go texts, checked at load."""

    test: tuple[str, ...] = ()
    interval: str = ""
    timeout: str = ""
    start_period: str = ""
    retries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A container of a step or of the DAG (spec 10 section 6.5): `exec` into one, or `image`."""

    exec: str = ""
    image: str = ""
    name: str = ""
    user: str = ""
    working_dir: str = ""
    platform: str = ""
    network: str = ""
    #: always, missing, never
    pull_policy: str = ""
    env: tuple[EnvVar, ...] = ()
    shell: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    startup: str = ""
    wait_for: str = ""
    log_pattern: str = ""
    restart_policy: str = ""
    keep_container: bool = False
    healthcheck: Healthcheck | None = None


@dataclass(frozen=True, slots=True)
class OutputDecl:
    """One entry of `outputs` (mechanism A); `path` only in build workflows."""

    name: str
    #: "string" or "json"
    type: str = "string"
    path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputEntry:
    """One key of a map-form `output` (mechanism C): a literal `value`, or a source.

    `source` is "", "stdout", "stderr" or "file"; "" = literal.
    """

    key: str
    value: JsonValue = None
    source: str = ""
    path: str = ""
    #: text, json or yaml
    decode: str = "text"
    select: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StdoutField:
    """One entry of `stdout.outputs.fields`: from stdout (`is_literal` False), or a literal."""

    name: str
    is_literal: bool = False
    value: JsonValue = None
    decode: str = "text"
    select: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StdoutOutputs:
    """`stdout.outputs` (mechanism D): one field, the decoded object, or `fields`."""

    field: str = ""
    decode: str = ""
    select: str = ""
    fields: tuple[StdoutField, ...] = ()


#: an inline JSON schema
Schema: TypeAlias = JsonObject
