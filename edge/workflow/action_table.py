"""The actions of the language: names, executor types, inputs (spec 13 section 1.1).

An action that no build of ours executes stands here too: it is accepted, kept and listed.
"""

from __future__ import annotations

import re

__all__ = [
    "CLOSED",
    "OPERATIONS",
    "REQUIRED",
    "TYPE_NAMES",
    "is_remote",
    "known_actions",
    "type_of",
]

_GROUPS: dict[str, tuple[str, ...]] = {
    "http": ("request",),
    "router": ("route",),
    "jq": ("filter",),
    "template": ("render",),
    "log": ("write",),
    "wait": ("duration", "until", "file", "http"),
    "file": ("stat", "read", "write", "copy", "move", "delete", "mkdir", "list"),
    "outputs": ("write",),
    "state": ("get", "set", "delete", "list", "diff"),
    "artifact": ("read", "write", "list"),
    "data": ("convert", "pick"),
    "archive": ("create", "extract", "list"),
    "ssh": ("run",),
    "sftp": ("upload", "download"),
    "docker": ("run",),
    "container": ("run",),
    "k8s": ("run",),
    "kubernetes": ("run",),
    "mail": ("send",),
    "git": ("checkout", "worktree.add", "worktree.remove"),
    "s3": ("upload", "download", "list", "delete"),
    "postgres": ("query", "import"),
    "sqlite": ("query", "import"),
    "chat": ("completion",),
    "harness": ("run",),
}
#: executor types whose operation is the word after the dot
OPERATIONS: dict[str, tuple[str, ...]] = {
    name: _GROUPS[name]
    for name in ("wait", "file", "outputs", "state", "artifact", "data", "archive", "git", "s3")
}
_TYPES: dict[str, str] = {
    "exec": "",
    "noop": "noop",
    "dag.run": "dag",
    "dag.enqueue": "dag_enqueue",
    # no process: a person does it; read by `human`
    "human.task": "",
    **{f"{type_}.{name}": type_ for type_, names in _GROUPS.items() for name in names},
}
#: spec 13 section 21; `lock`, `pipeline` and `script` are `with` keys that stand on their own
_REDIS = frozenset(
    (
        *("get", "set", "setnx", "setex", "getset", "mget", "mset", "incr", "incrby"),
        *("incrbyfloat", "decr", "decrby", "append", "strlen", "del", "exists", "expire"),
        *("expireat", "ttl", "pttl", "persist", "keys", "scan", "type", "rename", "renamenx"),
        *("hget", "hset", "hsetnx", "hmget", "hmset", "hgetall", "hdel", "hexists", "hincrby"),
        *("hincrbyfloat", "hkeys", "hvals", "hlen", "lpush", "rpush", "lpop", "rpop", "blpop"),
        *("brpop", "lrange", "llen", "lindex", "lset", "linsert", "lrem", "ltrim", "lmove"),
        *("sadd", "srem", "smembers", "sismember", "scard", "spop", "srandmember", "sdiff"),
        *("sinter", "sunion", "zadd", "zrem", "zrange", "zrevrange", "zrangebyscore", "zscore"),
        *("zrank", "zrevrank", "zcard", "zcount", "zincrby", "zpopmin", "zpopmax", "publish"),
        *("xadd", "xread", "xreadgroup", "xack", "xlen", "xrange", "xrevrange", "xpending"),
        *("xgroup_create", "xgroup_destroy", "xgroup_delconsumer", "xinfo_groups"),
        *("xinfo_stream", "pipeline", "script", "lock"),
    )
)
#: inputs that must be there, as texts that are not blank, unless `with_checks` says otherwise
REQUIRED: dict[str, tuple[str, ...]] = {
    "exec": ("command",),
    "http.request": ("method", "url"),
    "ssh.run": ("command",),
    "jq.filter": ("filter",),
    "log.write": ("message",),
    "router.route": ("value",),
    "dag.run": ("dag",),
    "dag.enqueue": ("dag",),
    "sqlite.query": ("query",),
    "postgres.query": ("query",),
    "harness.run": ("prompt",),
}
#: the only inputs of these; `<action> does not support with.<key>`
CLOSED: dict[str, tuple[str, ...]] = {
    "exec": ("command", "args"),
    "dag.run": ("dag", "params"),
    "dag.enqueue": ("dag", "params", "queue"),
}
#: values of the old step key `type`; `gha` and `agent` are reserved and executed by no build
TYPE_NAMES = frozenset(
    (
        *_GROUPS,
        *("command", "shell", "dag", "dag_enqueue", "subworkflow", "parallel", "foreach", "noop"),
        *("redis", "action", "agent", "gha", "github_action", "github-action"),
    )
)
_REMOTE = re.compile(
    r"(source:\S.*|[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9._-]+)?)@(?!-)[^\s~^:?*\[\]\\@]+"
)


def type_of(action: str) -> str | None:
    """Return the executor type of a known action; None when it is not known."""
    found = _TYPES.get(action)
    if found is None and action.startswith("redis."):
        return "redis" if action[6:].lower() in _REDIS else None
    return found


def is_remote(action: str) -> bool:
    """Return whether the text is `name@v`, `owner/repo@v` or `source:target@v`."""
    match = _REMOTE.fullmatch(action)
    return match is not None and ".." not in action.rpartition("@")[2]


def known_actions() -> list[str]:
    """Return every name, for suggestions and lists."""
    return [*_TYPES, *(f"redis.{name}" for name in sorted(_REDIS))]
