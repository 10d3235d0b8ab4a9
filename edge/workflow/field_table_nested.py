"""The fields of the mappings inside root and step fields (spec 10 sections 4, 7, 11)."""

from __future__ import annotations

from edge.workflow.field_kinds import Field, Kind

__all__ = ["NESTED"]

_T, _I, _F = Kind.TEXT, Kind.INTEGER, Kind.FLAG

_NUMBER_OR_TEXT = ("integer", "string")
_WEAK = ("string", "number", "null")
_WEAK_LIST = ("array", "string", "null")
_BACKOFF = Field(
    "backoff",
    Kind.FREE,
    "true = double the interval each time, or the factor.",
    "false",
    shapes=("boolean", "number"),
)
_CREDENTIALS = (
    Field("host", _T, "Host name or address."),
    Field("port", Kind.PORT, "Port.", "22"),
    Field("user", _T, "User name."),
    Field("key", _T, "File of the private key."),
    Field("password", _T, "Password."),
)

#: context name -> its fields
NESTED: dict[str, tuple[Field, ...]] = {
    "retry_policy": (
        Field(
            "limit",
            Kind.FREE,
            "Number of retries; a number or a reference.",
            shapes=_NUMBER_OR_TEXT,
        ),
        Field("interval_sec", Kind.FREE, "Seconds between tries.", shapes=_NUMBER_OR_TEXT),
        _BACKOFF,
        Field("max_interval_sec", _I, "Longest interval with backoff; 0 = no cap.", "0"),
        Field(
            "exit_code",
            Kind.FREE,
            "Exit codes that are retried; empty = any but 0.",
            shapes=("array",),
        ),
    ),
    "dag_retry_policy": (
        Field("limit", Kind.FREE, "Number of retries of the run.", shapes=_NUMBER_OR_TEXT),
        Field(
            "interval_sec",
            Kind.FREE,
            "Seconds between tries, above 0.",
            "60",
            shapes=_NUMBER_OR_TEXT,
        ),
        _BACKOFF,
        Field(
            "max_interval_sec",
            Kind.FREE,
            "Longest interval with backoff, above 0.",
            "3600",
            shapes=_NUMBER_OR_TEXT,
        ),
    ),
    "repeat_policy": (
        Field(
            "repeat",
            Kind.FREE,
            "while or until; true = while.",
            shapes=("string", "boolean"),
        ),
        Field("interval_sec", Kind.FREE, "Seconds between runs.", shapes=_NUMBER_OR_TEXT),
        Field("limit", Kind.FREE, "Most runs; 0 = no limit.", shapes=_NUMBER_OR_TEXT),
        Field("condition", _T, "Command, or value to compare with `expected`."),
        Field("expected", _T, "Value the condition is compared with."),
        Field("exit_code", Kind.FREE, "Exit codes that count.", shapes=("array",)),
        _BACKOFF,
        Field("max_interval_sec", Kind.FREE, "Longest interval.", shapes=_NUMBER_OR_TEXT),
    ),
    "run_config": (
        Field("disable_param_edit", _F, "Parameters cannot be edited at start.", "false"),
        Field("disable_run_id_edit", _F, "The run id cannot be chosen at start.", "false"),
    ),
    "secret": (
        Field("name", _T, "Name of the environment variable; neither DAGU_* nor a managed one."),
        Field("provider", _T, "Where the value comes from: env or file."),
        Field("key", _T, "What the provider is asked for: a variable's name, a file's path."),
        Field("ref", _T, "Secret of the registry, such as plant/mqtt, instead of a provider."),
        Field("options", Kind.TEXT_MAP, "Options of the provider, texts."),
    ),
    "artifacts": (
        Field("enabled", _F, "Keep artifacts; on by itself when the file uses them."),
        Field("dir", _T, "Directory of the artifacts."),
    ),
    "resources": (
        Field("limits", Kind.STRUCT, "What the steps may use.", struct="resource_limits"),
    ),
    "resource_limits": (
        Field("cpu", _T, 'Cores as text, such as "0.5" or 250m.'),
        Field("memory", _T, "Memory as text, such as 256Mi or 1G."),
    ),
    "ssh": (
        *_CREDENTIALS,
        Field("strict_host_key", _F, "Refuse unknown host keys.", "true"),
        Field("known_host_file", _T, "File of known hosts; ~/.ssh/known_hosts if absent."),
        Field("shell", Kind.SHELL, "Shell on the remote host."),
        Field("timeout", _T, "Limit of connecting, such as 30s."),
        Field("bastion", Kind.STRUCT, "Host to go through.", struct="bastion"),
    ),
    "bastion": _CREDENTIALS,
    "redis": (
        Field("url", _T, "redis:// URL; replaces the parts."),
        Field("host", _T, "Host."),
        Field("port", _I, "Port.", "6379"),
        Field("password", _T, "Password."),
        Field("username", _T, "User."),
        Field("db", _I, "Database number.", "0"),
        Field("tls", _F, "Use TLS.", "false"),
        Field("tls_skip_verify", _F, "Do not check the certificate.", "false"),
        Field("mode", _T, "standalone, sentinel or cluster."),
        Field("sentinel_master", _T, "Name of the master."),
        Field("sentinel_addrs", Kind.TEXT_LIST, "Sentinels, host:port."),
        Field("cluster_addrs", Kind.TEXT_LIST, "Cluster nodes, host:port."),
        Field("max_retries", _I, "Retries of a command.", "3"),
    ),
    "s3": (
        Field("region", _T, "Region."),
        Field("endpoint", _T, "URL of an S3-compatible service."),
        Field("access_key_id", _T, "Key id."),
        Field("secret_access_key", _T, "Key."),
        Field("session_token", _T, "Session token."),
        Field("profile", _T, "Profile of the credentials file."),
        Field("force_path_style", _F, "Bucket in the path.", "false"),
        Field("disable_ssl", _F, "Plain HTTP.", "false"),
        Field("bucket", _T, "Bucket."),
    ),
    "smtp": (
        Field("host", _T, "Host."),
        Field("port", Kind.PORT, "Port, text or number."),
        Field("username", _T, "User."),
        Field("password", _T, "Password."),
        Field("oauth", Kind.FREE, "OAuth2 instead of a password.", shapes=("object", "null")),
    ),
    "mail_on": (
        Field("failure", _F, "Mail when the run failed.", "false"),
        Field("success", _F, "Mail when the run succeeded.", "false"),
        Field("wait", _F, "Mail when the run waits.", "false"),
    ),
    "mail": (
        Field("from", _T, "Sender."),
        Field("to", Kind.TEXTS, "Recipients, one or a list."),
        Field("prefix", _T, "Start of the subject."),
        Field("attach_logs", _F, "Attach the log files.", "false"),
    ),
    "webhook": (
        Field(
            "forward_headers",
            Kind.TEXT_LIST,
            "Request headers that the run receives; never authorization.",
        ),
    ),
    "approval": (
        Field("prompt", _T, "What is shown to the person."),
        Field("input", Kind.TEXT_LIST, "Names of the values the person may give."),
        Field("required", Kind.TEXT_LIST, "Those of them that must be given."),
        Field("rewind_to", _T, "Step to start again from after a push-back."),
    ),
    # the readers of `containers` check these: values are weakly typed
    "container": (
        Field("exec", Kind.FREE, "Running container to work in.", shapes=_WEAK),
        Field("image", Kind.FREE, "Image of a container of its own.", shapes=_WEAK),
        Field("name", Kind.FREE, "Name of the container.", shapes=_WEAK),
        Field("user", Kind.FREE, "User inside.", shapes=_WEAK),
        Field("working_dir", Kind.FREE, "Directory inside.", shapes=_WEAK),
        Field("platform", Kind.FREE, "Platform, such as linux/arm64.", shapes=_WEAK),
        Field("network", Kind.FREE, "Network mode or name.", shapes=_WEAK),
        Field(
            "pull_policy",
            Kind.FREE,
            "always, missing, never or fallback; true = always, false = never.",
            "missing",
            shapes=("string", "boolean"),
        ),
        Field("env", Kind.FREE, "Environment inside.", shapes=("array", "object", "null")),
        Field("shell", Kind.FREE, "Words before each command.", shapes=_WEAK_LIST),
        Field("volumes", Kind.FREE, "Mounts, source:target[:ro].", shapes=_WEAK_LIST),
        Field("ports", Kind.FREE, "Ports, [ip:][host:]container.", shapes=_WEAK_LIST),
        Field("command", Kind.FREE, "Command with startup: command.", shapes=_WEAK_LIST),
        Field("startup", Kind.FREE, "keepalive, entrypoint or command.", shapes=_WEAK),
        Field("wait_for", Kind.FREE, "running or healthy.", "running", shapes=_WEAK),
        Field("log_pattern", Kind.FREE, "Log line to wait for, a regex.", shapes=_WEAK),
        Field("restart_policy", Kind.FREE, "no, always or unless-stopped.", shapes=_WEAK),
        Field(
            "keep_container",
            Kind.FREE,
            "Keep the container at the end.",
            "false",
            shapes=("boolean", "string"),
        ),
        Field("healthcheck", Kind.FREE, "Check of its health.", shapes=("object", "null")),
    ),
    "healthcheck": (
        Field("test", Kind.FREE, "NONE, CMD or CMD-SHELL and its words.", shapes=_WEAK_LIST),
        Field("interval", Kind.FREE, "Time between checks, such as 5s.", shapes=_WEAK),
        Field("timeout", Kind.FREE, "Limit of one check.", shapes=_WEAK),
        Field("start_period", Kind.FREE, "Time before failures count.", shapes=_WEAK),
        Field("retries", Kind.FREE, "Failures that make it unhealthy.", shapes=_NUMBER_OR_TEXT),
    ),
}
