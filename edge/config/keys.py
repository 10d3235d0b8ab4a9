"""The one table of configuration keys and who reads them (spec 30 sections 2.1-2.8). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["FLAT", "INERT", "KEYS", "Key", "Value", "is_inert", "is_missed_guard", "is_read_by"]

Value: TypeAlias = "str | int | float | bool | tuple[str, ...] | dict[str, str]"


@dataclass(frozen=True, slots=True)
class Key:
    """A key that has an effect: its type, its attribute in the settings and its variables."""

    #: str, count, bool, port, list, pairs, seconds, path, zone, or words separated by |
    kind: str
    #: field of Settings that holds it: "" for Settings itself, "checked" for none
    section: str
    attribute: str
    #: names after EDGE_ or DAGU_
    env: tuple[str, ...] = ()


def _key(name: str, kind: str, *env: str, attribute: str = "") -> tuple[str, Key]:
    # The prefix EDGE_ of a variable is the `edge` of the key (spec 40 section 1).
    section, _, last = name.removeprefix("edge.").rpartition(".")
    names = env or (name.removeprefix("edge.").replace(".", "_").upper(),)
    return name, Key(kind, section, attribute or last, names)


def _top(name: str, kind: str, *env: str, attribute: str = "") -> tuple[str, Key]:
    _, key = _key(name, kind, *env)
    return name, Key(kind, "", attribute or name.replace(".", "_"), key.env)


def _checked(name: str, kind: str) -> tuple[str, Key]:
    """A key that has no effect in edge but is read as the target reads it."""
    return name, Key(kind, "checked", name, (name.replace(".", "_").upper(),))


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
        _key("paths.workspaces_dir", "path", "WORKSPACES_DIR"),
        _key("coordinator.enabled", "bool"),
        _key("coordinator.host", "str"),
        _key("coordinator.port", "port"),
        _key("coordinator.advertise", "str"),
        _key("coordinator.health_port", "port"),
        _key("worker.id", "str"),
        _key("worker.max_active_runs", "count"),
        _key("worker.labels", "pairs"),
        _key("worker.coordinators", "list"),
        _key("worker.health_port", "port"),
        _key("peer.insecure", "bool"),
        _key("peer.cert_file", "str"),
        _key("peer.key_file", "str"),
        _key("peer.client_ca_file", "str"),
        _key("peer.skip_tls_verify", "bool"),
        _key("peer.max_retries", "count"),
        _key("peer.retry_interval", "seconds", attribute="retry_interval_s"),
        _key("scheduler.port", "port"),
        _key(
            "scheduler.zombie_detection_interval",
            "seconds",
            attribute="zombie_detection_interval_s",
        ),
        _checked("scheduler.lock_stale_threshold", "seconds"),
        _checked("scheduler.lock_retry_interval", "seconds"),
        _checked("scheduler.retry_failure_window", "seconds"),
        _checked("proc.heartbeat_interval", "seconds"),
        _checked("proc.stale_threshold", "seconds"),
        _key("edge.storage.commit_window_ms", "count"),
        _key("edge.storage.page_size", "count"),
        _key("edge.storage.step_log_max_bytes", "count"),
        _key("edge.storage.free_space_floor_mb", "count"),
        _key("edge.service.drain_s", "seconds"),
        _top("edge.v1_compat", "bool", attribute="v1_compat"),
    )
)

#: keys and sections of Dagu that are accepted and have no effect (yet)
INERT = frozenset(
    "public_url headless access_log_mode check_updates latest_status_today dag_discovery cache"
    " metrics cors_allowed_origins ip_access tls permissions terminal audit event_store webhooks"
    " sse monitoring ui remote_nodes secrets git_sync tunnel license opencode api_base_path"
    " api_base_url queues proc scheduler auth paths.alt_dags_dir paths.executable paths.wiki_dir"
    " paths.docs_dir paths.dag_runs_dir paths.proc_dir paths.queue_dir paths.dag_state_dir"
    " paths.service_registry_dir paths.tools_dir paths.users_dir paths.contexts_dir"
    " paths.api_keys_dir paths.webhooks_dir paths.remote_nodes_dir"
    " paths.views_dir paths.admin_logs_dir paths.event_store_dir worker.postgres_pool"
    " coordinator.enroll_port coordinator.unreachable_limit worker.outbox_max_bytes"
    " worker.owner_override".split()
)
#: flat keys of older releases; applied last (spec 30 section 2.1)
FLAT = {
    "dags": "paths.dags_dir",
    "dags_dir": "paths.dags_dir",
    "log_dir": "paths.log_dir",
    "data_dir": "paths.data_dir",
    "suspend_flags_dir": "paths.suspend_flags_dir",
    "artifact_dir": "paths.artifact_dir",
    "base_config": "paths.base_config",
    "navbar_title": "ui.navbar_title",
}

_RUNS = frozenset({"queues", "proc"})
#: command -> the sections that it reads; every other command reads all (spec 30 section 2.8)
_READS = {
    "start": _RUNS,
    "restart": _RUNS,
    "retry": _RUNS,
    "dry": _RUNS,
    "exec": _RUNS,
    # What sends a run away speaks to a coordinator.
    "dispatch": _RUNS | {"coordinator", "peer"},
    "scheduler": _RUNS | {"scheduler", "coordinator"},
    "worker": frozenset({"worker", "coordinator", "peer", "proc"}),
    "coordinator": frozenset({"coordinator", "peer", "proc"}),
}
_SECTIONS = frozenset("host port base_path auth ui scheduler coordinator worker peer proc".split())


def is_inert(name: str) -> bool:
    """Tell whether the key, or a section around it, is one that edge accepts without effect."""
    parts = name.split(".")
    return any(".".join(parts[: count + 1]) in INERT for count in range(len(parts)))


def is_missed_guard(name: str, value: object) -> bool:
    """Tell whether a person relies on a protection that this version does not have.

    To ignore such a key would serve the page with less protection than was asked for.
    """
    if name in ("tls.cert_file", "tls.key_file", "ip_access.allowed_ips"):
        return bool(value)
    return name in ("permissions.write_dags", "permissions.run_dags") and value is False


def is_read_by(name: str, section: str) -> bool:
    """Tell whether a command reads a key; `section` is its name, or `all`."""
    top = name.split(".", 1)[0]
    return top not in _SECTIONS or section not in _READS or top in _READS[section]
