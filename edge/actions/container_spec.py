"""What the engine is asked to create, from either form of a container (spec 13 section 4). Pure."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from edge.actions.base import ActionError
from edge.actions.container_inputs import canonical
from edge.core.durations import parse_go_duration
from edge.core.jsontypes import JsonObject, JsonValue
from edge.workflow.model import Container, Resources

__all__ = ["ContainerSpec", "container_spec", "with_limits", "with_spec"]

#: keeps a container alive for execs; needs `sh`
KEEPALIVE = ("sh", "-c", "while true; do sleep 86400; done")
_NETWORKS = ("bridge", "host", "none")
_STARTUPS = ("keepalive", "entrypoint", "command")
_WAITS = ("running", "healthy")
_RESTARTS = ("no", "always", "unless-stopped")
_PROTOCOLS = ("tcp", "udp", "sctp")
_PULLS = ("always", "missing", "never", "fallback")
_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSpec:
    """One container: an existing one by `name` (no image), or what makes a new one."""

    image: str = ""
    name: str = ""
    platform: str = ""
    #: always, missing, never, fallback
    pull: str = "missing"
    #: of `/containers/create`, without Cmd and Entrypoint of a mode
    config: JsonObject = field(default_factory=dict)
    host: JsonObject = field(default_factory=dict)
    network: JsonObject = field(default_factory=dict)
    #: of `/exec`: User, Env, WorkingDir, Privileged, Tty
    exec: JsonObject = field(default_factory=dict)
    #: wraps the command text; () = none
    shell: tuple[str, ...] = ()
    startup: str = "keepalive"
    command: tuple[str, ...] = ()
    wait_for: str = "running"
    log_pattern: str = ""
    removes: bool = True

    def create_body(self, *, keep_alive: bool, command: tuple[str, ...] = ()) -> JsonObject:
        """Return the request to create it: to run one command, or to be kept for execs."""
        body: JsonObject = {**self.config, "Image": self.image}
        if keep_alive and self.startup == "keepalive":
            body["Entrypoint"], body["Cmd"] = [], list(KEEPALIVE)
        elif chosen := (
            () if keep_alive and self.startup == "entrypoint" else command or self.command
        ):
            body["Cmd"] = list(chosen)
        body["HostConfig"] = dict(self.host)
        if self.network:
            body["NetworkingConfig"] = dict(self.network)
        return body


# -- the `container:` form


def container_spec(
    made: Container, env: tuple[str, ...], *, cwd: str, environ: Mapping[str, str]
) -> ContainerSpec:
    """Return the spec of a resolved `container:`; `env` are its variables as `NAME=value`.

    `environ` is the service's. Raises: ActionError.
    """
    own_exec: JsonObject = {}
    if made.user:
        own_exec["User"] = made.user
    if made.working_dir:
        own_exec["WorkingDir"] = made.working_dir
    if env:
        own_exec["Env"] = list(env)
    if made.exec:
        return ContainerSpec(name=made.exec, exec=own_exec, shell=made.shell, removes=False)
    startup = _choice(made.startup, _STARTUPS, "startup", "keepalive")
    if startup == "command" and not made.command:
        raise ActionError("startup 'command' requires non-empty command array")
    config: JsonObject = dict(own_exec)
    host: JsonObject = {}
    network: JsonObject = {}
    _add_volumes(made.volumes, config, host, cwd, environ)
    _add_ports(made.ports, config, host)
    if made.network:
        host["NetworkMode"] = made.network
        if made.network not in _NETWORKS and not made.network.startswith("container:"):
            network["EndpointsConfig"] = {made.network: {}}
    if made.restart_policy:
        name = _choice(made.restart_policy, _RESTARTS, "restart_policy", "no")
        host["RestartPolicy"] = {"Name": name}
    if made.healthcheck is not None:
        check = made.healthcheck
        config["Healthcheck"] = {
            "Test": list(check.test),
            "Interval": _nanoseconds(check.interval),
            "Timeout": _nanoseconds(check.timeout),
            "StartPeriod": _nanoseconds(check.start_period),
            "Retries": check.retries,
        }
    return ContainerSpec(
        image=made.image,
        name=made.name,
        platform=made.platform,
        pull=made.pull_policy or "missing",
        config=config,
        host=host,
        network=network,
        exec=own_exec,
        shell=made.shell,
        startup=startup,
        command=made.command,
        wait_for=_choice(made.wait_for, _WAITS, "wait_for", "running"),
        log_pattern=made.log_pattern,
        removes=not made.keep_container,
    )


def _choice(text: str, known: tuple[str, ...], field_name: str, default: str) -> str:
    word = text.strip().lower() or default
    if word not in known:
        raise ActionError(f'invalid {field_name} "{text}" (supported: {", ".join(known)})')
    return word


def _nanoseconds(text: str) -> int:
    return round(parse_go_duration(text) * 1_000_000_000) if text else 0


# -- volumes and ports


def _add_volumes(
    volumes: tuple[str, ...],
    config: JsonObject,
    host: JsonObject,
    cwd: str,
    environ: Mapping[str, str],
) -> None:
    binds: list[JsonValue] = [
        _volume(text, index, cwd, environ) for index, text in enumerate(volumes)
    ]
    if binds:
        earlier = host.get("Binds")
        host["Binds"] = [*(earlier if isinstance(earlier, list) else []), *binds]


def _volume(text: str, index: int, cwd: str, environ: Mapping[str, str]) -> str:
    where = f"failed to parse volumes: container.volumes[{index}]: "

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name not in environ:
            raise ActionError(f"{where}environment variable {name} is not set")
        return environ[name]

    parts = text.split(":")
    mode = parts[2] if len(parts) == 3 else "rw"
    if len(parts) not in (2, 3) or mode not in ("ro", "rw") or not parts[0] or not parts[1]:
        raise ActionError(f"{where}invalid volume format: {text}")
    source = _VARIABLE.sub(value, parts[0])
    if source[:1] in (".", "~", "/") or "/" in source:
        if source == "~" or source.startswith("~/"):
            source = environ.get("HOME", "/root") + source[1:]
        source = os.path.normpath(os.path.join(cwd, source))
    return f"{source}:{parts[1]}:{mode}"


def _add_ports(ports: tuple[str, ...], config: JsonObject, host: JsonObject) -> None:
    exposed: JsonObject = {}
    bindings: dict[str, list[JsonValue]] = {}
    for text in ports:
        name, binding = _port(text)
        exposed[name] = {}
        bindings.setdefault(name, [])
        if binding is not None:
            bindings[name].append(binding)
    if ports:
        config["ExposedPorts"] = exposed
        host["PortBindings"] = {name: found for name, found in bindings.items() if found}


def _port(text: str) -> tuple[str, JsonObject | None]:
    """Return the container's port with its protocol, and where it is bound."""
    body, slash, protocol = text.strip().partition("/")
    head, _, inner = body.rpartition(":")
    address, colon, outer = head.rpartition(":")
    address = address.strip("[]") if colon else ""
    protocol = protocol if slash else "tcp"
    numbers = [inner, *([outer] if head else [])]
    if protocol not in _PROTOCOLS or not all(map(_is_port, numbers)):
        raise ActionError(f"failed to parse ports: invalid port format: {text}")
    if not head:
        return f"{inner}/{protocol}", None
    return f"{inner}/{protocol}", {"HostIp": address or "0.0.0.0", "HostPort": outer}


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < int(text[:6]) < 65_536


# -- the `with:` form


def with_spec(values: JsonObject, *, cwd: str, environ: Mapping[str, str]) -> ContainerSpec:
    """Return the spec of resolved inputs of `docker.run`. Raises: ActionError."""
    config, host = canonical(values.get("container")), canonical(values.get("host"))
    network, own_exec = canonical(values.get("network")), canonical(values.get("exec"))
    image = _text(values, "image") or str(config.get("Image") or "")
    name = _text(values, "container_name")
    if not image and not name:
        raise ActionError("container_name or image must be specified")
    if own_exec and image and not name:
        raise ActionError("'exec' options require 'container_name' (exec-in-existing mode)")
    removes = _is_true(values.get("auto_remove")) or bool(host.pop("AutoRemove", False))
    if working_dir := _text(values, "working_dir"):
        config["WorkingDir"] = working_dir
        own_exec.setdefault("WorkingDir", working_dir)
    volumes = values.get("volumes")
    listed = tuple(str(item) for item in volumes) if isinstance(volumes, list) else ()
    _add_volumes(listed, config, host, cwd, environ)
    shell = values.get("shell")
    words = shell if isinstance(shell, list) else [shell] if shell else []
    return ContainerSpec(
        image=image,
        name=name,
        platform=_text(values, "platform"),
        pull=pull_policy(values.get("pull")),
        config=config,
        host=host,
        network=network,
        exec=own_exec,
        shell=tuple(str(word) for word in words),
        removes=removes and bool(image),
    )


def pull_policy(value: JsonValue) -> str:
    """Return the policy's word. Raises: ActionError."""
    if value is None or value == "":
        return "missing"
    if isinstance(value, bool):
        return "always" if value else "never"
    word = str(value).strip().lower()
    if word in _PULLS:
        return word
    if word in ("true", "1", "t"):
        return "always"
    if word in ("false", "0", "f"):
        return "never"
    raise ActionError(
        "failed to set up step: failed to load container config: failed to parse pull policy as"
        f' boolean: "{value}" is neither that nor one of {", ".join(_PULLS)}'
    )


def _text(values: JsonObject, key: str) -> str:
    value = values.get(key)
    return value.strip() if isinstance(value, str) else ""


def _is_true(value: JsonValue) -> bool:
    return value is True or (isinstance(value, str) and value.strip().lower() in ("true", "1", "t"))


def with_limits(spec: ContainerSpec, limits: Resources) -> ContainerSpec:
    """Return the spec with the DAG's limits, where a new container is made."""
    host = dict(spec.host)
    if limits.cpu_millis:
        host["NanoCpus"] = limits.cpu_millis * 1_000_000
    if limits.memory_bytes:
        host["Memory"] = limits.memory_bytes
    return replace(spec, host=host) if spec.image else spec
