"""The fields of the mappings inside root and step fields (spec 10 sections 4, 7, 11)."""

from __future__ import annotations

from edge.workflow.field_kinds import Field, Kind

__all__ = ["NESTED"]

_T, _I, _F = Kind.TEXT, Kind.INTEGER, Kind.FLAG

_NUMBER_OR_TEXT = ("integer", "string")
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
        Field("interval_sec", _I, "Seconds between tries.", "60"),
        _BACKOFF,
        Field("max_interval_sec", _I, "Longest interval with backoff.", "3600"),
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
    "artifacts": (
        Field("enabled", _F, "Keep artifacts; on by itself when the file names them."),
        Field("dir", _T, "Directory of the artifacts."),
    ),
    "resources": (
        Field("limits", Kind.STRUCT, "What the steps may use.", struct="resource_limits"),
    ),
    "resource_limits": (
        Field("cpu", _T, "Cores, such as 0.5 or 250m."),
        Field("memory", _T, "Memory, such as 256Mi."),
    ),
    "ssh": (
        *_CREDENTIALS,
        Field("strict_host_key", _F, "Refuse unknown host keys.", "true"),
        Field("known_host_file", _T, "File of known hosts."),
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
        Field("port", Kind.PORT, "Port."),
        Field("username", _T, "User."),
        Field("password", _T, "Password."),
        Field("oauth", Kind.FREE, "OAuth2 instead of a password.", shapes=("object",)),
    ),
    "mail_on": (
        Field("failure", _F, "Mail when the run failed.", "false"),
        Field("success", _F, "Mail when the run succeeded.", "false"),
        Field("wait", _F, "Mail when the run waits.", "false"),
    ),
    "mail": (
        Field("from", _T, "Sender."),
        Field("to", Kind.TEXTS, "Recipients."),
        Field("prefix", _T, "Start of the subject."),
        Field("attach_logs", _F, "Attach the log files.", "false"),
    ),
    "webhook": (Field("forward_headers", Kind.TEXT_LIST, "Headers that the run receives."),),
}
