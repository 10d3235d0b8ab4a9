"""Where an SSH step connects to and what it sends there (spec 13 section 5).

Opens nothing but reads the names of the default keys. The connection is in `ssh_session`.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edge.actions.base import ActionError
from edge.actions.inprocess import SET_UP
from edge.core.durations import parse_go_duration
from edge.core.jsontypes import JsonObject, JsonValue
from edge.workflow.field_policy import policy_of
from edge.workflow.model import SSH
from edge.workflow.values import Scope, resolve
from edge.workflow.with_resolved import as_flag, as_list, as_text
from edge.workflow.words import split_words

__all__ = [
    "SET_UP_SSH",
    "Hop",
    "Target",
    "home_of",
    "read_target",
    "remote_command",
    "remote_script",
    "root_options",
]

SET_UP_SSH = f"{SET_UP}failed to set up ssh step: "
_DEFAULT_KEYS = ("id_rsa", "id_ecdsa", "id_ed25519", "id_dsa")
_DEFAULT_TIMEOUT_S = 30.0
_SHELL = ("/bin/sh",)
#: name of the function that holds the remote text
_FUNCTION = "__edge_step"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One host to log in at. `key` is a path, used before `password`."""

    host: str
    port: int = 22
    user: str = ""
    key: str = ""
    password: str = ""

    @property
    def address(self) -> str:
        """Return host and port as errors name them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A host, the way to it, and how its key is verified."""

    hop: Hop
    bastion: Hop | None = None
    strict_host_key: bool = True
    known_host_file: str = ""
    #: as written in the ssh settings; () = none
    shell: tuple[str, ...] = ()
    timeout_s: float = _DEFAULT_TIMEOUT_S


def home_of(scope: Scope) -> str:
    """Return the home directory, for `~` and the default keys."""
    return scope.get("HOME", with_process=True) or os.path.expanduser("~")


def root_options(ssh: SSH | None, scope: Scope) -> JsonObject:
    """Return the root's connection keys, resolved, in the form of a step's inputs."""
    if ssh is None:
        return {}
    found: JsonObject = {
        "host": ssh.host,
        "port": ssh.port,
        "user": ssh.user,
        "key": ssh.key,
        "password": ssh.password,
        "known_host_file": ssh.known_host_file,
        "shell": list(ssh.shell),
        "timeout": ssh.timeout,
    }
    if ssh.bastion is not None:
        hop = ssh.bastion
        found["bastion"] = {
            **{"host": hop.host, "port": hop.port, "user": hop.user},
            **{"key": hop.key, "password": hop.password},
        }
    return {**_resolved_members(found, scope), "strict_host_key": ssh.strict_host_key}


def _resolved_members(values: JsonObject, scope: Scope) -> JsonObject:
    return {key: _resolved(value, scope) for key, value in values.items() if value not in ("", [])}


def _resolved(value: JsonValue, scope: Scope) -> JsonValue:
    if isinstance(value, str):
        return resolve(value, policy_of("steps[].with"), scope)
    if isinstance(value, list):
        return [_resolved(item, scope) for item in value]
    return _resolved_members(value, scope) if isinstance(value, dict) else value


def read_target(own: Mapping[str, JsonValue], root: JsonObject, home: str) -> Target:
    """Return the target; the root's keys fill in where the step names no host.

    Raises: ActionError.
    """
    values: JsonObject = {key: item for key, item in own.items() if item not in (None, "")}
    if "host" not in values and "ip" in values:
        values["host"] = values["ip"]
    if "host" not in values:
        values = {**root, **values}
    try:
        hop = _hop(values, home)
        bastion = values.get("bastion")
        strict = values.get("strict_host_key")
        target = Target(
            hop=hop,
            bastion=_hop(bastion, home) if isinstance(bastion, dict) and bastion else None,
            strict_host_key=strict is None or as_flag(strict),
            known_host_file=_path(
                as_text(values.get("known_host_file")) or "~/.ssh/known_hosts", home
            ),
            shell=_shell(values),
            timeout_s=_timeout(as_text(values.get("timeout"))),
        )
    except ValueError as exc:
        raise ActionError(f"{SET_UP_SSH}{exc}") from None
    if not hop.host:
        raise ActionError(f"{SET_UP_SSH}host is required")
    return target


def _hop(values: JsonObject, home: str) -> Hop:
    port = as_text(values.get("port")).strip()
    if port in ("", "0"):
        port = "22"
    if not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65_536):
        raise ValueError(f'invalid port "{port}"')
    key, password = as_text(values.get("key")), as_text(values.get("password"))
    if key:
        key = _path(key, home)
    elif not password:
        key = _default_key(home)
    return Hop(
        host=as_text(values.get("host")).strip(),
        port=int(port),
        user=as_text(values.get("user")),
        key=key,
        password=password,
    )


def _default_key(home: str) -> str:
    for name in _DEFAULT_KEYS:
        path = os.path.join(home, ".ssh", name)
        if os.path.exists(path):
            return path
    raise ValueError("no SSH key specified and no default keys found")


def _path(text: str, home: str) -> str:
    text = os.path.expandvars(text)
    return home + text[1:] if text == "~" or text.startswith("~/") else text


def _timeout(text: str) -> float:
    if not text:
        return _DEFAULT_TIMEOUT_S
    try:
        seconds = parse_go_duration(text)
    except ValueError as exc:
        raise ValueError(f"invalid timeout duration: {exc}") from None
    return seconds if seconds > 0 else _DEFAULT_TIMEOUT_S


def _shell(values: JsonObject) -> tuple[str, ...]:
    given = values.get("shell")
    words = [as_text(item) for item in as_list(given)]
    if len(words) == 1:
        words = list(split_words(words[0]) or ())
    if not words:
        return ()
    return (*words, *(as_text(item) for item in as_list(values.get("shell_args"))))


def remote_script(lines: Sequence[str], working_dir: str) -> str:
    """Return what the remote shell reads: one function, so that all is read before anything runs.

    Else a command of the text that reads its standard input would eat the rest of it.
    """
    head = f"cd {shlex.quote(working_dir)} || return 1\n" if working_dir else ""
    body = "\n".join(lines)
    return f"{_FUNCTION}() {{\n{head}set -e\n{body}\n}}\n{_FUNCTION}\n"


def remote_command(shell: Sequence[str]) -> str:
    """Return the command line that starts the remote shell."""
    return shlex.join(shell or _SHELL)
