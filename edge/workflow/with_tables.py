"""The inputs of each executor type, as its published schema has them (spec 13).

A type is `text int num flag map list any`, several joined by `|`; `int>=0` has a lower limit,
`text:a,b` names the only values. Types are strict: a text never stands for a number.
"""

from __future__ import annotations

__all__ = ["CLOSED_TYPES", "INPUTS"]

_SSH = {
    **dict.fromkeys(("user", "host", "ip", "key", "password", "known_host_file"), "text"),
    **{"port": "text|int", "timeout": "text", "strict_host_key": "flag", "bastion": "map"},
}
_SQL = {
    **{"dsn": "text", "params": "map|list", "timeout": "int", "transaction": "flag"},
    **{"output_format": "text:jsonl,json,csv", "headers": "flag", "null_string": "text"},
    **{"max_rows": "int", "streaming": "flag", "output_file": "text", "import": "map"},
}
_DOCKER = {
    **{"image": "text", "container_name": "text", "pull": "text|flag", "platform": "text"},
    **{"auto_remove": "flag|text", "working_dir": "text", "volumes": "list", "container": "map"},
    **{"host": "map", "network": "map", "exec": "map", "shell": "list|text"},
}
_K8S = {
    **dict.fromkeys(("kubeconfig", "context", "namespace", "service_account", "image"), "text"),
    **dict.fromkeys(("working_dir", "priority_class_name"), "text"),
    "image_pull_policy": "text:Always,IfNotPresent,Never",
    **dict.fromkeys(("image_pull_secrets", "env", "env_from", "volume_mounts"), "list"),
    **dict.fromkeys(("tolerations", "volumes"), "list"),
    **dict.fromkeys(("resources", "security_context", "pod_security_context"), "map"),
    **dict.fromkeys(("node_selector", "affinity", "labels", "annotations"), "map"),
    **{"command": "text|list", "pod_failure_policy": "map", "cleanup_policy": "text"},
    **dict.fromkeys(("termination_grace_period_seconds", "active_deadline"), "int"),
    **dict.fromkeys(("backoff_limit", "ttl_after_finished"), "int"),
}
_FORMATS = "text:json,yaml,csv,tsv,text"

#: executor type -> input -> type; operations and lifted inputs are not in it
INPUTS: dict[str, dict[str, str]] = {
    "http": {
        **{"method": "text", "url": "text", "timeout": "int", "headers": "map", "query": "map"},
        **{"body": "text", "form": "map", "files": "map", "silent": "flag", "format": "text"},
        **{"json": "flag", "output": "text", "skip_tls_verify": "flag", "debug": "flag"},
    },
    "ssh": {**_SSH, "shell": "text|list", "shell_args": "list"},
    "sftp": {
        **{**_SSH, "direction": "text:upload,download"},
        **{"source": "text", "destination": "text"},
    },
    "docker": _DOCKER,
    "container": _DOCKER,
    "k8s": _K8S,
    "kubernetes": _K8S,
    "mail": {
        **{"from": "text", "to": "text|list", "subject": "text", "message": "text"},
        "attachments": "list",
    },
    "jq": {"filter": "text", "data": "any", "input": "text", "raw": "flag"},
    "archive": {
        **{"source": "text!", "destination": "text", "format": "text", "password": "text"},
        **{"compression_level": "int", "overwrite": "flag", "preserve_paths": "flag"},
        **{"strip_components": "int>=0", "include": "list", "exclude": "list"},
        **dict.fromkeys(("dry_run", "follow_symlinks", "verify_integrity"), "flag"),
        **dict.fromkeys(("continue_on_error", "verbose"), "flag"),
    },
    "file": {
        **dict.fromkeys(("path", "source", "destination", "content", "mode", "pattern"), "text"),
        **{"format": "text:raw,json", "max_bytes": "int>=0"},
        **dict.fromkeys(("missing_ok", "follow_symlinks", "overwrite", "create_dirs"), "flag"),
        **dict.fromkeys(("atomic", "dry_run", "recursive", "include_dirs"), "flag"),
    },
    "artifact": {
        **{"path": "text", "content": "text", "mode": "text", "pattern": "text"},
        **{"format": "text:raw,json", "max_bytes": "int>=0"},
        **dict.fromkeys(("overwrite", "atomic", "recursive", "include_dirs"), "flag"),
    },
    "log": {"message": "text"},
    # an old router has its table in the step; `router.route` is checked where it is read
    "router": {},
    "outputs": {"values": "map"},
    "template": {
        **{"template": "text", "template_ref": "text", "data": "map", "output": "text"},
    },
    "state": {
        "scope": "text:dag,root_dag,global,custom",
        **{"namespace": "text", "key": "text", "prefix": "text", "value": "any", "default": "any"},
        **{"expected_version": "int|text", "create_only": "flag", "required": "flag"},
        **{"update": "flag", "limit": "int>=0", "include_values": "flag"},
    },
    "wait": {
        **{"duration": "text", "until": "text", "path": "text", "state": "text:exists,missing"},
        **{"poll_interval": "text", "url": "text", "method": "text", "status": "int"},
        **{"headers": "map", "body": "text", "request_timeout": "text"},
    },
    "data": {
        **{"from": _FORMATS, "to": _FORMATS, "data": "any", "input": "text"},
        **{"has_header": "flag", "headers": "flag", "delimiter": "text", "columns": "list"},
        **{"select": "text", "raw": "flag"},
    },
    "git": {
        **{"repository": "text", "path": "text", "ref": "text", "depth": "int>=0"},
        **{"force": "flag", "token": "text", "username": "text", "password": "text"},
        **{"ssh_key_path": "text", "ssh_passphrase": "text"},
    },
    "sqlite": {**_SQL, "query": "text", "file_lock": "flag", "shared_memory": "flag"},
    "postgres": {
        **{**_SQL, "query": "text", "advisory_lock": "text"},
        "isolation_level": "text:default,read_committed,repeatable_read,serializable",
    },
    "s3": {
        **dict.fromkeys(("region", "endpoint", "access_key_id", "secret_access_key"), "text"),
        **dict.fromkeys(("session_token", "profile", "bucket", "key", "source"), "text"),
        **dict.fromkeys(("destination", "content_type", "storage_class", "acl"), "text"),
        **dict.fromkeys(("prefix", "delimiter", "sse_kms_key_id"), "text"),
        **dict.fromkeys(("force_path_style", "disable_ssl", "recursive", "quiet"), "flag"),
        **{"metadata": "map", "tags": "map", "sse": "text", "part_size": "int"},
        **{"concurrency": "int", "max_keys": "int", "output_format": "text:json,jsonl"},
    },
    "redis": {
        **dict.fromkeys(("url", "host", "username", "password", "tls_cert", "tls_key"), "text"),
        **dict.fromkeys(("tls_ca", "sentinel_master", "command", "key", "channel"), "text"),
        **dict.fromkeys(("position", "message", "stream", "stream_id", "group"), "text"),
        **dict.fromkeys(("consumer", "match", "field", "null_value", "lock"), "text"),
        **dict.fromkeys(("script", "script_file", "script_sha"), "text"),
        **dict.fromkeys(("port", "db", "max_retries", "timeout", "ttl", "count"), "int"),
        **dict.fromkeys(("start", "stop", "max_len", "max_result_size"), "int"),
        **dict.fromkeys(("tls", "tls_skip_verify", "nx", "xx", "keep_ttl"), "flag"),
        **dict.fromkeys(("with_scores", "no_ack", "multi"), "flag"),
        **dict.fromkeys(("sentinel_addrs", "cluster_addrs", "pipeline"), "list"),
        # shapes that depend on the command
        **dict.fromkeys(("value", "values", "keys", "fields", "score", "min", "max"), "any"),
        **dict.fromkeys(("pivot", "channels", "watch", "block", "stream_fields"), "any"),
        **dict.fromkeys(("script_keys", "script_args"), "any"),
        **dict.fromkeys(("lock_timeout", "lock_retry", "lock_wait"), "any"),
        "mode": "text:standalone,sentinel,cluster",
        "output_format": "text:json,jsonl,raw,csv",
    },
}
#: types that refuse an unknown input; the others ignore it
CLOSED_TYPES = frozenset(
    ("log", "wait", "file", "artifact", "state", "data", "outputs", "git", "router")
)
