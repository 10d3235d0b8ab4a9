"""Effective settings of a process (spec 30 section 2): flags, environment, file, defaults.

One table of keys (`keys.KEYS`) says each key's type, default and names; a key that is not in it and
not in the list of keys that Dagu knows gets one warning with the nearest known name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edge.config.keys import KEYS, Value
from edge.config.paths import Home, Paths, default_paths, expand, find_home
from edge.config.values import read_values
from edge.core.durations import format_go_duration
from edge.core.errors import UserError

__all__ = [
    "CoordinatorSettings",
    "PeerSettings",
    "SchedulerSettings",
    "ServiceSettings",
    "Settings",
    "StorageSettings",
    "WorkerSettings",
    "load_settings",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoordinatorSettings:
    """`coordinator.*` (spec 20 section 15.1)."""

    enabled: bool = True
    host: str = "127.0.0.1"
    port: int = 50055
    advertise: str = ""
    health_port: int = 8091


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """`worker.*`."""

    id: str = ""
    max_active_runs: int = 100
    labels: Mapping[str, str] = field(default_factory=dict)
    coordinators: tuple[str, ...] = ()
    health_port: int = 8092


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerSettings:
    """`peer.*`: transport between coordinator and worker."""

    insecure: bool = True
    cert_file: str = ""
    key_file: str = ""
    client_ca_file: str = ""
    skip_tls_verify: bool = False
    max_retries: int = 3
    retry_interval_s: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulerSettings:
    """`scheduler.*`."""

    port: int = 8090
    zombie_detection_interval_s: float = 45.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageSettings:
    """`edge.storage.*`: what reaches the flash, and how often (spec 40 section 5)."""

    commit_window_ms: int = 250
    page_size: int = 1024
    #: per stream of a step; head and tail are kept
    step_log_max_bytes: int = 10 * 1024 * 1024
    free_space_floor_mb: int = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSettings:
    """`edge.service.*`."""

    drain_s: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything a role needs to know; immutable."""

    paths: Paths
    #: the one directory of the unified layout, None in the XDG layout
    home: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8080
    base_path: str = ""
    #: IANA name, "" = the system's zone
    tz: str = ""
    default_shell: str = ""
    log_format: str = "text"
    debug: bool = False
    #: None = unset
    auth_mode: str | None = None
    navbar_title: str = ""
    default_execution_mode: str = "local"
    queues_enabled: bool = True
    env_passthrough: tuple[str, ...] = ()
    env_passthrough_prefixes: tuple[str, ...] = ()
    skip_examples: bool = True
    #: workflow files of Dagu 1.30 are accepted (spec 10 section 13.1)
    v1_compat: bool = True
    coordinator: CoordinatorSettings = field(default_factory=CoordinatorSettings)
    worker: WorkerSettings = field(default_factory=WorkerSettings)
    peer: PeerSettings = field(default_factory=PeerSettings)
    scheduler: SchedulerSettings = field(default_factory=SchedulerSettings)
    storage: StorageSettings = field(default_factory=StorageSettings)
    service: ServiceSettings = field(default_factory=ServiceSettings)
    #: to be logged once by whoever sets the log up
    warnings: tuple[str, ...] = ()


def load_settings(
    *,
    environ: Mapping[str, str],
    flags: Mapping[str, str] | None = None,
    config: str | None = None,
    home: str | None = None,
    section: str = "all",
) -> Settings:
    """Return the effective settings.

    `flags` maps dotted keys to the text given on the command line; `config` and `home` are the
    global flags, `section` the name of the command that asks, which decides what it reads
    (spec 30 section 2.8). Raises: UserError `initialization error: ...`, naming file, line and key.
    """
    place = find_home(environ, home)
    try:
        file = _config_file(place, config, environ)
        values, warnings = read_values(file, environ, flags or {}, section)
        return _settings(place, file, values, tuple(warnings), environ)
    except UserError as exc:
        raise UserError(f"initialization error: {exc}") from exc


def _config_file(home: Home, config: str | None, environ: Mapping[str, str]) -> Path | None:
    if config:
        path = expand(config, environ)
        if not path.is_file():
            raise UserError(f"failed to read config: open {path}: no such file or directory")
        return path
    for name in ("config.yaml", "config.yml"):
        path = home.config_dir / name
        if path.is_file():
            return path
    return None


def _settings(
    home: Home,
    file: Path | None,
    values: Mapping[str, Value],
    warnings: tuple[str, ...],
    environ: Mapping[str, str],
) -> Settings:
    def part(prefix: str) -> dict[str, object]:
        return {
            key.attribute: values[name]
            for name, key in KEYS.items()
            if key.section == prefix and name in values
        }

    _check_together(values)
    named = {name: expand(str(text), environ) for name, text in part("paths").items() if text}
    merged = default_paths(home) | named
    if "data_dir" in named:
        merged = {
            **merged,
            "artifact_dir": named.get("artifact_dir", named["data_dir"] / "artifacts"),
            "dag_run_work_dir": named.get("dag_run_work_dir", named["data_dir"] / "dag-run-work"),
            "workspaces_dir": named.get("workspaces_dir", named["data_dir"] / "workspaces"),
        }
    paths = Paths(
        config_file=file,
        dags_dir=merged["dags_dir"],
        base_config=merged["base_config"],
        data_dir=merged["data_dir"],
        log_dir=merged["log_dir"],
        suspend_flags_dir=merged["suspend_flags_dir"],
        artifact_dir=merged["artifact_dir"],
        work_dir=merged["dag_run_work_dir"],
        workspaces_dir=merged["workspaces_dir"],
    )
    return Settings(
        paths=paths,
        home=home.unified,
        # KEYS gives each value the type of its field; a type checker cannot see through the table.
        coordinator=CoordinatorSettings(**part("coordinator")),  # type: ignore[arg-type]
        worker=WorkerSettings(**part("worker")),  # type: ignore[arg-type]
        peer=PeerSettings(**part("peer")),  # type: ignore[arg-type]
        scheduler=SchedulerSettings(**part("scheduler")),  # type: ignore[arg-type]
        storage=StorageSettings(**part("storage")),  # type: ignore[arg-type]
        service=ServiceSettings(**part("service")),  # type: ignore[arg-type]
        warnings=warnings,
        **part(""),  # type: ignore[arg-type]
    )


def _check_together(values: Mapping[str, Value]) -> None:
    beat, stale = (
        values.get(f"proc.{name}", default)
        for name, default in (("heartbeat_interval", 5.0), ("stale_threshold", 90.0))
    )
    if isinstance(beat, float) and isinstance(stale, float) and beat >= stale:
        raise UserError(
            f"failed to build config: proc.heartbeat_interval ({format_go_duration(beat)}) must be"
            f" less than proc.stale_threshold ({format_go_duration(stale)})"
        )
    port = values.get("coordinator.port", 50055)
    if port == values.get("coordinator.health_port", 8091) != 0:
        raise UserError(
            "failed to build config: coordinator.port and coordinator.health_port must be"
            " different when health checks are enabled"
        )
    page = values.get("edge.storage.page_size", 1024)
    if page not in (1024, 4096):
        raise UserError(
            f"failed to build config: invalid edge.storage.page_size: {page}"
            " (must be one of: 1024, 4096)"
        )
