"""The one table of configuration keys, and how their values are read (spec 30 sections 2.1-2.8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from edge.core.durations import parse_go_duration
from edge.core.errors import UserError

__all__ = ["KEYS", "Key", "Value", "read_values"]

Value: TypeAlias = "str | int | float | bool | tuple[str, ...] | dict[str, str]"


@dataclass(frozen=True, slots=True)
class Key:
    """A key that has an effect: its type, its attribute in the settings and its variables."""

    #: str, int, bool, port, list, pairs, seconds, path, or words separated by |
    kind: str
    #: field of Settings that holds it: "" for Settings itself
    section: str
    attribute: str
    #: names after EDGE_ or DAGU_
    env: tuple[str, ...] = ()


def _key(name: str, kind: str, *env: str, attribute: str = "") -> tuple[str, Key]:
    section, _, last = name.rpartition(".")
    section = section.removeprefix("edge.")
    names = env or (name.replace(".", "_").upper(),)
    return name, Key(kind, section, attribute or last, names)


def _top(name: str, kind: str, *env: str, attribute: str = "") -> tuple[str, Key]:
    _, key = _key(name, kind, *env)
    return name, Key(kind, "", attribute or name.replace(".", "_"), key.env)


KEYS: dict[str, Key] = dict(
    (
        _top("host", "str"),
        _top("port", "port"),
        _top("base_path", "str"),
        _top("tz", "zone"),
        _top("default_shell", "str"),
        _top("log_format", "str"),
        _top("debug", "bool"),
        _top("auth.mode", "str"),
        _top("ui.navbar_title", "str", "UI_NAVBAR_TITLE", "NAVBAR_TITLE", attribute="navbar_title"),
        _top("default_execution_mode", "local|distributed"),
        _top("queues.enabled", "bool", "QUEUE_ENABLED"),
        _top("env_passthrough", "list"),
        _top("env_passthrough_prefixes", "list"),
        _top("skip_examples", "bool"),
        _key("paths.dags_dir", "path", "DAGS", "DAGS_DIR"),
        _key("paths.base_config", "path", "BASE_CONFIG"),
        _key("paths.data_dir", "path", "DATA_DIR"),
        _key("paths.log_dir", "path", "LOG_DIR"),
        _key("paths.suspend_flags_dir", "path", "SUSPEND_FLAGS_DIR"),
        _key("paths.artifact_dir", "path", "ARTIFACT_DIR"),
        _key("paths.dag_run_work_dir", "path", "DAG_RUN_WORK_DIR"),
        _key("coordinator.enabled", "bool"),
        _key("coordinator.host", "str"),
        _key("coordinator.port", "port"),
        _key("coordinator.advertise", "str"),
        _key("coordinator.health_port", "port"),
        _key("worker.id", "str"),
        _key("worker.max_active_runs", "int"),
        _key("worker.labels", "pairs"),
        _key("worker.coordinators", "list"),
        _key("worker.health_port", "port"),
        _key("peer.insecure", "bool"),
        _key("peer.cert_file", "str"),
        _key("peer.key_file", "str"),
        _key("peer.client_ca_file", "str"),
        _key("peer.skip_tls_verify", "bool"),
        _key("peer.max_retries", "int"),
        _key("peer.retry_interval", "seconds", attribute="retry_interval_s"),
        _key("scheduler.port", "port"),
        _key(
            "scheduler.zombie_detection_interval",
            "seconds",
            attribute="zombie_detection_interval_s",
        ),
        _key("edge.storage.commit_window_ms", "int"),
        _key("edge.storage.page_size", "int"),
        _key("edge.storage.free_space_floor_mb", "int"),
        _key("edge.service.drain_s", "seconds"),
    )
)

#: keys and sections of Dagu that are accepted and have no effect (yet)
_INERT = frozenset(
    "public_url headless access_log_mode check_updates latest_status_today dag_discovery cache"
    " metrics cors_allowed_origins ip_access tls permissions terminal audit event_store webhooks"
    " sse monitoring ui remote_nodes secrets git_sync tunnel license opencode api_base_path"
    " api_base_url queues proc scheduler auth paths.alt_dags_dir paths.executable paths.wiki_dir"
    " paths.docs_dir paths.dag_runs_dir paths.proc_dir paths.queue_dir paths.dag_state_dir"
    " paths.service_registry_dir paths.tools_dir paths.users_dir paths.contexts_dir"
    " paths.workspaces_dir paths.api_keys_dir paths.webhooks_dir paths.remote_nodes_dir"
    " paths.views_dir paths.admin_logs_dir paths.event_store_dir worker.postgres_pool"
    " coordinator.enroll_port coordinator.unreachable_limit worker.outbox_max_bytes"
    " worker.owner_override".split()
)
#: flat keys of older releases; applied last (spec 30 section 2.1)
_FLAT = {
    "dags": "paths.dags_dir",
    "dags_dir": "paths.dags_dir",
    "log_dir": "paths.log_dir",
    "data_dir": "paths.data_dir",
    "suspend_flags_dir": "paths.suspend_flags_dir",
    "artifact_dir": "paths.artifact_dir",
    "base_config": "paths.base_config",
    "navbar_title": "ui.navbar_title",
}
_TRUE, _FALSE = ("1", "t", "true"), ("0", "f", "false")


def read_values(
    file: Path | None, environ: Mapping[str, str], flags: Mapping[str, str]
) -> tuple[dict[str, Value], list[str]]:
    """Return (key -> value for every key that somebody set, warnings).

    Raises: UserError naming the file and line, the variable or the flag.
    """
    values: dict[str, Value] = {}
    warnings: list[str] = []
    last: dict[str, Value] = {}
    if file is not None:
        from edge.config.file import read_file

        entries = read_file(file)
        _check_names([entry.key for entry in entries], warnings, str(file))
        for entry in entries:
            name = _FLAT.get(entry.key, entry.key)
            if name in KEYS:
                target = last if entry.key in _FLAT else values
                target[name] = _value(name, entry.value, f"{file}:{entry.line}")
    for name, key in KEYS.items():
        found = _from_environment(environ, key)
        if found is not None:
            variable, text = found
            values[name] = _value(name, text, variable)
    values |= last
    for name, text in flags.items():
        values[name] = _value(name, text, f"--{name}")
    return values, warnings


def _from_environment(environ: Mapping[str, str], key: Key) -> tuple[str, str] | None:
    for prefix in ("EDGE_", "DAGU_"):
        for name in key.env:
            if environ.get(prefix + name):
                return prefix + name, environ[prefix + name]
    return None


def _check_names(names: list[str], warnings: list[str], file: str) -> None:
    legacy = {name: _snake(name) for name in names if _snake(name) != name}
    fatal = [
        f"{old.lower()} -> {new}"
        for old, new in legacy.items()
        if new in KEYS or new in _FLAT or _is_inert(new)
    ]
    if fatal:
        raise UserError(
            f"{file}: config file uses legacy camelCase keys; migrate to snake_case: "
            + ", ".join(fatal)
        )
    for name in names:
        if name in KEYS or name in _FLAT or _is_inert(name) or name.startswith("worker.labels."):
            continue
        near = _nearest(name)
        if name.startswith("edge."):
            raise UserError(f"{file}: unknown key {name}{near}")
        warnings.append(f"{file}: unknown key {name} is ignored{near}")


def _is_inert(name: str) -> bool:
    parts = name.split(".")
    return any(".".join(parts[: count + 1]) in _INERT for count in range(len(parts)))


def _nearest(name: str) -> str:
    import difflib

    match = difflib.get_close_matches(name, list(KEYS), n=1, cutoff=0.6)
    return f"; did you mean {match[0]}?" if match else ""


def _snake(name: str) -> str:
    out = "".join(
        f"_{char.lower()}" if char.isupper() and i and name[i - 1] not in "._" else char.lower()
        for i, char in enumerate(name)
    )
    return out


def _value(name: str, raw: object, source: str) -> Value:
    kind = KEYS[name].kind
    fail = f"failed to unmarshal config: {source}: '{name}' cannot parse value as"
    if kind in ("int", "port"):
        number = _int(raw)
        if number is None:
            raise UserError(f"{fail} 'int' (value: {raw})")
        if kind == "port" and not 0 <= number <= 65535:
            what = "port number" if name == "port" else name
            raise UserError(f"failed to build config: {source}: invalid {what}: {number}")
        return number
    if kind == "bool":
        text = str(raw).lower()
        if text not in _TRUE + _FALSE:
            raise UserError(f"{fail} 'bool' (value: {raw})")
        return text in _TRUE
    if kind == "seconds":
        return _seconds(raw, fail)
    if kind == "list":
        items = raw if isinstance(raw, list) else str(raw).split(",")
        return tuple(str(item).strip() for item in items if str(item).strip())
    if kind == "pairs":
        return _pairs(raw)
    if isinstance(raw, (dict, list)):
        raise UserError(f"{fail} 'string'")
    text = str(raw)
    if "|" in kind and text not in kind.split("|"):
        raise UserError(
            f"failed to build config: {source}: invalid {name}: {text}"
            f" (must be one of: {', '.join(kind.split('|'))})"
        )
    if kind == "zone":
        _check_zone(text)
    return text


def _int(raw: object) -> int | None:
    if isinstance(raw, bool):
        return None
    try:
        return int(raw) if isinstance(raw, (int, str)) else None
    except ValueError:
        return None


def _seconds(raw: object, fail: str) -> float:
    if isinstance(raw, (int, float)) and not isinstance(raw, bool):
        return float(raw)
    text = str(raw)
    try:
        return float(text) if text.replace(".", "", 1).isdigit() else parse_go_duration(text)
    except ValueError as exc:
        raise UserError(f"{fail} 'duration' ({exc})") from exc


def _pairs(raw: object) -> dict[str, str]:
    if isinstance(raw, dict):
        return {str(key): value for key, value in raw.items() if isinstance(value, str)}
    items = raw if isinstance(raw, list) else str(raw).split(",")
    split = (str(item).partition("=") for item in items)
    return {key.strip(): value.strip() for key, sign, value in split if sign and key.strip()}


def _check_zone(text: str) -> None:
    from zoneinfo import ZoneInfo

    if not text:
        return
    try:
        ZoneInfo(text)
    except (OSError, ValueError, KeyError) as exc:
        raise UserError(
            f"failed to set timezone: failed to load timezone: unknown time zone {text}"
        ) from exc
