"""Declarations of a document's root beside steps and env (spec 10 sections 4, 9, 11)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from edge.core.jsontypes import JsonObject, JsonValue

__all__ = [
    "SMTP",
    "SSH",
    "Artifacts",
    "Bastion",
    "DAGRetryPolicy",
    "Mail",
    "MailOn",
    "ParamDef",
    "ParamsSchema",
    "Resources",
    "Secret",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParamDef:
    """One declared parameter; a positional one is named "1", "2", ..."""

    name: str
    #: canonical text; None = no default
    default: str | None = None
    positional: bool = False
    description: str = ""
    #: "" (untyped, string), string, integer, number, boolean
    type: str = ""
    required: bool = False
    #: dynamic text that gives the value when the caller gives none; "" = none
    eval: str = ""
    enum: tuple[JsonValue, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str = ""
    #: declared as a rich item: typed, and filled by position in order
    is_rich: bool = False
    #: declared in the base configuration only: a caller cannot override it
    is_inherited: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ParamsSchema:
    """Schema-backed parameters: inline, or from a file or URL that is read when a run starts."""

    #: the inline schema; None = external
    inline: JsonObject | None = None
    #: file or URL of an external one
    reference: str = ""
    #: `values` of the external form
    values: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """One entry of `secrets`: provider and key, or a registry reference."""

    name: str
    provider: str = ""
    key: str = ""
    ref: str = ""
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifacts:
    """`artifacts`: `enabled` None = nobody said so and nothing in the file needs them."""

    enabled: bool | None = None
    dir: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Limits of the steps' processes; 0 = none."""

    cpu_millis: int = 0
    memory_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DAGRetryPolicy:
    """Retry of a whole run (spec 10 section 7.2, right column)."""

    limit: int
    interval_s: int = 60
    #: 0 = constant interval, else the factor
    backoff: float = 0.0
    max_interval_s: int = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Bastion:
    """The host that an SSH connection goes through."""

    host: str = ""
    port: str = "22"
    user: str = ""
    key: str = ""
    password: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SSH:
    """Connection defaults of `ssh.run` and `sftp.*`."""

    host: str = ""
    port: str = "22"
    user: str = ""
    key: str = ""
    password: str = ""
    strict_host_key: bool = True
    known_host_file: str = ""
    shell: tuple[str, ...] = ()
    timeout: str = ""
    bastion: Bastion | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SMTP:
    """Mail server; `oauth` replaces the password."""

    host: str = ""
    port: str = ""
    username: str = ""
    password: str = ""
    oauth: JsonObject | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MailOn:
    """Events that send a mail."""

    failure: bool = False
    success: bool = False
    wait: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """Addresses of the mails about one kind of event."""

    sender: str = ""
    to: tuple[str, ...] = ()
    prefix: str = ""
    attach_logs: bool = False
