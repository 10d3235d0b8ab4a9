"""The container of a step or of the DAG (spec 10 section 6.5).

Values are weakly typed. Only the pull policy and the health check are looked at here; `startup`,
`wait_for`, `restart_policy` and `log_pattern` may hold references and are checked when the
container starts.
"""

from __future__ import annotations

from edge.core.durations import parse_go_duration
from edge.workflow.fields import CONTEXTS, hint_for, suggestion
from edge.workflow.model import Container, EnvVar
from edge.workflow.model_steps import Healthcheck
from edge.workflow.nodes import ListNode, MapNode, Node, ScalarNode, go_text
from edge.workflow.problems import Fault, FaultError, Findings
from edge.workflow.shapes import fail, is_null, read_env
from edge.workflow.weak import flag_of, weak_flag, weak_integer, weak_text, weak_texts

__all__ = ["read_container"]

_EXEC_KEYS = frozenset(("exec", "user", "working_dir", "env", "shell"))
_PULL = ("always", "missing", "never", "fallback")
_TESTS = ("NONE", "CMD", "CMD-SHELL")


def read_container(node: Node | None, field: str = "container") -> Container | None:
    """Return the container; None when absent. Raises: FaultError with every fault of it."""
    if node is None or is_null(node):
        return None
    if isinstance(node, ScalarNode) and isinstance(node.value, str):
        name = node.value.strip()
        if not name:
            fail(node, field, "container name cannot be empty", node.value)
        return Container(exec=name)
    if not isinstance(node, MapNode):
        fail(node, field, "container must be a string or object", go_text(node))
    _check_keys(node, "container", field)
    found = Findings()
    made = _object(node, field, found)
    found.raise_any()
    _check_mode(node, made, field)
    return made


def _check_keys(node: MapNode, context: str, field: str) -> None:
    """Refuse keys that the table does not know, all of them in one fault. Raises: FaultError."""
    known = CONTEXTS[context]
    unknown = sorted(key for key in node.entries if key not in known)
    if not unknown:
        return
    hint = hint_for(unknown)
    if not hint:
        meant = suggestion(unknown[0], list(known))
        hint = f'did you mean "{meant}"?' if meant else ""
    message = f"'{field}' has invalid keys: {', '.join(unknown)}" + (f"; {hint}" if hint else "")
    line, column = node.keys[unknown[0]]
    raise FaultError([Fault(line, column, field, message, go_text(node))])


def _object(node: MapNode, field: str, found: Findings) -> Container:
    entries = node.entries

    def text(key: str) -> str:
        return found.read(lambda: weak_text(entries.get(key), f"{field}.{key}"), "")

    def texts(key: str) -> tuple[str, ...]:
        return found.read(lambda: weak_texts(entries.get(key), f"{field}.{key}"), ())

    keep = entries.get("keep_container")
    return Container(
        exec=text("exec"),
        image=text("image"),
        name=text("name"),
        user=text("user"),
        working_dir=text("working_dir"),
        platform=text("platform"),
        network=text("network"),
        pull_policy=found.read(lambda: _pull_policy(entries.get("pull_policy"), field), ""),
        env=found.read(lambda: _env(entries.get("env"), f"{field}.env"), ()),
        shell=texts("shell"),
        volumes=texts("volumes"),
        ports=texts("ports"),
        command=texts("command"),
        startup=text("startup"),
        wait_for=text("wait_for"),
        log_pattern=text("log_pattern"),
        restart_policy=text("restart_policy"),
        keep_container=found.read(lambda: weak_flag(keep, f"{field}.keep_container"), False),
        healthcheck=found.read(lambda: _healthcheck(entries.get("healthcheck"), field), None),
    )


def _check_mode(node: MapNode, made: Container, field: str) -> None:
    if made.exec and made.image:
        fail(node, field, "'exec' and 'image' are mutually exclusive")
    if not made.exec and not made.image:
        fail(node, field, "either 'exec' or 'image' must be specified")
    if not made.exec:
        return
    empty = Container()
    forbidden = [
        key
        for key in CONTEXTS["container"]
        if key not in _EXEC_KEYS and getattr(made, key) != getattr(empty, key)
    ]
    if forbidden:
        line, column = node.keys[forbidden[0]]
        message = f"fields [{' '.join(forbidden)}] cannot be used with 'exec'"
        raise FaultError([Fault(line, column, field, message)])


def _pull_policy(node: Node | None, field: str) -> str:
    """Return the policy's word; "" when absent."""
    text = weak_text(node, f"{field}.pull_policy").strip()
    if node is None or not text:
        return ""
    word = text.lower()
    if word in _PULL:
        return word
    flag = flag_of(text)
    if flag is not None:
        return "always" if flag else "never"
    message = f'failed to parse pull policy as boolean: "{text}" is neither that nor one of '
    fail(node, f"{field}.pull_policy", message + ", ".join(_PULL), text)


def _env(node: Node | None, field: str) -> tuple[EnvVar, ...]:
    if node is None:
        return ()
    try:
        return read_env(node, field)
    except FaultError as exc:
        # a fault of the container, never one that hides the other faults of its step
        raise FaultError(exc.faults) from None


def _healthcheck(node: Node | None, field: str) -> Healthcheck | None:
    if node is None or is_null(node):
        return None
    where = f"{field}.healthcheck"
    if not isinstance(node, MapNode):
        fail(node, where, f"'{where}' expected a map", go_text(node))
    _check_keys(node, "healthcheck", where)
    entries = node.entries
    test = weak_texts(entries.get("test"), f"{where}.test")
    if test and test[0] not in _TESTS:
        at = entries["test"]
        at = at.items[0] if isinstance(at, ListNode) else at
        fail(at, f"{where}.test", "test must start with NONE, CMD, or CMD-SHELL", test[0])
    retries = weak_integer(entries.get("retries"), f"{where}.retries")
    if retries < 0:
        fail(entries["retries"], f"{where}.retries", "retries must be >= 0", str(retries))
    return Healthcheck(
        test=test,
        interval=_duration(node, where, "interval"),
        timeout=_duration(node, where, "timeout"),
        start_period=_duration(node, where, "start_period"),
        retries=retries,
    )


def _duration(node: MapNode, where: str, key: str) -> str:
    value = node.entries.get(key)
    text = weak_text(value, f"{where}.{key}")
    if value is None or not text:
        return ""
    try:
        parse_go_duration(text)
    except ValueError as exc:
        fail(value, f"{where}.{key}", f'invalid {key} "{text}": {exc}; write a unit such as 5s')
    return text
