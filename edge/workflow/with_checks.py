"""What executors check of their own inputs when a file is loaded (spec 13 sections 7 to 20).

Each check is skipped for a value that holds a reference: it is known only when the step starts.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import NoReturn

from edge.core.durations import parse_go_duration
from edge.workflow.nodes import MapNode, Node, ScalarNode
from edge.workflow.problems import Fault, FaultError
from edge.workflow.shapes import is_null
from edge.workflow.with_schema import holds_reference

__all__ = ["check_executor"]

_MODE = re.compile(r"(0o?)?[0-7]{3}")
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_HTTP_URL = re.compile(r"https?://[^/?#\s]+", re.IGNORECASE)


class _Inputs:
    """The inputs of one step and the place to complain about."""

    def __init__(self, node: MapNode, place: Node, is_resolved: bool) -> None:
        self.node = node
        self.place = place
        self._is_resolved = is_resolved

    def fail(self, key: str, message: str) -> NoReturn:
        at = self.node.entries.get(key, self.place)
        raise FaultError([Fault(at.line, at.column, "type", message)])

    def has(self, key: str) -> bool:
        return not is_null(self.node.entries.get(key))

    def text(self, key: str) -> str:
        node = self.node.entries.get(key)
        value = node.value if isinstance(node, ScalarNode) else None
        return value if isinstance(value, str) else ""

    def literal(self, key: str) -> str | None:
        """Return a text that is known now; None when absent or with a reference."""
        text = self.text(key)
        is_known = self._is_resolved or not holds_reference(text)
        return text if self.has(key) and is_known else None

    def flag(self, key: str, default: bool = False) -> bool:
        node = self.node.entries.get(key)
        value = node.value if isinstance(node, ScalarNode) else None
        return value if isinstance(value, bool) else default

    def integer(self, key: str) -> int | None:
        node = self.node.entries.get(key)
        value = node.value if isinstance(node, ScalarNode) else None
        return int(value) if isinstance(value, int | float) else None

    def require(self, prefix: str, operation: str, *keys: str) -> None:
        for key in keys:
            if not self.text(key).strip():
                self.fail(key, f"{prefix}{key} is required for {operation}")


def check_executor(
    type_: str, operation: str, node: MapNode, place: Node, *, is_resolved: bool = False
) -> None:
    """Run the checks of an executor type. Raises: FaultError on field `type`.

    `is_resolved`: no text is a reference any more.
    """
    check = _CHECKS.get(type_)
    if check is not None:
        check(_Inputs(node, place, is_resolved), operation)


def _wait(inputs: _Inputs, operation: str) -> None:
    key = {"duration": "duration", "until": "until", "file": "path", "http": "url"}[operation]
    inputs.require("wait: ", operation, key)
    for name in {"duration", "poll_interval", "request_timeout"} & set(inputs.node.entries):
        _check_duration(inputs, name)
    until = inputs.literal("until") if operation == "until" else None
    if until is not None and not _is_timestamp(until):
        inputs.fail("until", "wait: until must be RFC3339 timestamp")
    url = inputs.literal("url") if operation == "http" else None
    if url is not None and not _HTTP_URL.match(url):
        inputs.fail("url", "wait: url must be an absolute HTTP URL")
    status = inputs.integer("status")
    if status is not None and not 100 <= status <= 599:
        inputs.fail("status", "wait: status must be between 100 and 599")


def _check_duration(inputs: _Inputs, key: str) -> None:
    text = inputs.literal(key)
    if text is None:
        return
    try:
        seconds = parse_go_duration(text)
    except ValueError as exc:
        inputs.fail(key, f"wait: {key} must be a duration such as 30s: {exc}")
    if seconds <= 0:
        inputs.fail(key, f"wait: {key} must be greater than 0")


def _is_timestamp(text: str) -> bool:
    if not _RFC3339.fullmatch(text):
        return False
    # the fraction has any length; the rest says whether such a time exists
    whole = re.sub(r"\.\d+", "", text.upper())
    try:
        dt.datetime.fromisoformat(whole)
    except ValueError:
        return False
    return True


def _file(inputs: _Inputs, operation: str) -> None:
    prefix = "file: configuration error: "
    if operation in ("copy", "move"):
        inputs.require(prefix, operation, "source", "destination")
    else:
        inputs.require(prefix, operation, "path")
    _check_content(inputs, operation, prefix)


def _artifact(inputs: _Inputs, operation: str) -> None:
    prefix = "artifact: configuration error: "
    if operation != "list":
        inputs.require(prefix, operation, "path")
    _check_content(inputs, operation, prefix)
    if inputs.flag("overwrite") and not inputs.flag("atomic", True):
        inputs.fail("overwrite", prefix + "overwrite requires atomic writes")


def _check_content(inputs: _Inputs, operation: str, prefix: str) -> None:
    if operation == "write" and not inputs.has("content"):
        inputs.fail("content", f"{prefix}content is required for write")
    mode = inputs.literal("mode")
    if mode is not None and mode and not _MODE.fullmatch(mode):
        inputs.fail("mode", f'{prefix}mode must be an octal text such as "0644", got "{mode}"')


def _state(inputs: _Inputs, operation: str) -> None:
    prefix = "state: configuration error: "
    if operation != "list" and not inputs.text("key").strip():
        inputs.fail("key", prefix + "key is required")
    if operation in ("set", "diff") and "value" not in inputs.node.entries:
        inputs.fail("value", f"{prefix}value is required for {operation}")
    version = inputs.literal("expected_version")
    if inputs.integer("expected_version") is None and version is not None:
        if not re.fullmatch(r"[+-]?\d{1,18}", version.strip(), re.ASCII):
            inputs.fail("expected_version", prefix + "expected_version must be an integer")


def _outputs(inputs: _Inputs, operation: str) -> None:
    prefix = "outputs: configuration error: "
    values = inputs.node.entries.get("values")
    if is_null(values):
        inputs.fail("values", f"{prefix}values is required for {operation}")
    assert isinstance(values, MapNode)
    if not values.entries:
        inputs.fail("values", prefix + "values must not be empty")
    if any(not key.strip() for key in values.entries):
        inputs.fail("values", prefix + "values contains an empty key")


def _data(inputs: _Inputs, operation: str) -> None:
    prefix = "data: configuration error: "
    if ("data" in inputs.node.entries) == inputs.has("input"):
        at = inputs.node.entries.get("input", inputs.place)
        reason = "invalid data config: validating root: oneOf: exactly one of data and input"
        raise FaultError([Fault(at.line, at.column, "with", reason)])
    inputs.require(prefix, operation, "from")
    if operation == "convert":
        inputs.require(prefix, operation, "to")
    else:
        inputs.require(prefix, operation, "select")
        if inputs.flag("raw") and inputs.has("to"):
            inputs.fail("raw", prefix + "raw cannot be used together with to")
    delimiter = inputs.literal("delimiter")
    if delimiter and len(delimiter) != 1:
        inputs.fail("delimiter", prefix + "delimiter must be one character")


def _git(inputs: _Inputs, operation: str) -> None:
    if operation != "checkout":
        return
    inputs.require("git: ", operation, "repository", "path")
    password = inputs.has("username") or inputs.has("password")
    if inputs.has("ssh_key_path") and (inputs.has("token") or password):
        inputs.fail("ssh_key_path", "git: ssh_key_path cannot be combined with token or password")
    if inputs.has("token") and password:
        inputs.fail("token", "git: token cannot be combined with username/password")


def _log(inputs: _Inputs, operation: str) -> None:
    if not inputs.text("message").strip():
        inputs.fail("message", "log: message is required")


def _kubernetes(inputs: _Inputs, operation: str) -> None:
    policy = inputs.literal("cleanup_policy")
    if policy not in (None, "delete", "keep"):
        inputs.fail("cleanup_policy", "k8s: cleanup_policy must be either delete or keep")
    for key in ("active_deadline", "backoff_limit", "ttl_after_finished"):
        if (inputs.integer(key) or 0) < 0:
            inputs.fail(key, f"k8s: {key} must be >= 0")


_CHECKS: dict[str, Callable[[_Inputs, str], None]] = {
    "wait": _wait,
    "file": _file,
    "artifact": _artifact,
    "state": _state,
    "outputs": _outputs,
    "data": _data,
    "git": _git,
    "log": _log,
    "k8s": _kubernetes,
    "kubernetes": _kubernetes,
}
