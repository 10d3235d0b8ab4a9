"""The fields that `defaults` may hold too, and how a step takes them over (spec 10 section 7.5)."""

from __future__ import annotations

from collections.abc import Mapping

from edge.workflow.build import Build, Defaults
from edge.workflow.decode import Decoded, decode
from edge.workflow.model import ContinueOn, EnvVar, Precondition, RepeatPolicy, RetryPolicy
from edge.workflow.nodes import ListNode, MapNode, Node
from edge.workflow.policies import read_preconditions, read_retry_policy
from edge.workflow.problems import Findings
from edge.workflow.repeats import read_repeat_policy
from edge.workflow.shapes import fail, is_null, read_continue_on, read_env

__all__ = ["Policies", "concatenated", "read_defaults", "read_policies", "with_defaults"]

#: fields of `defaults` that a step's own key replaces
_OVERRIDES = (
    "continue_on",
    "retry_policy",
    "repeat_policy",
    "timeout_sec",
    "mail_on_error",
    "signal_on_stop",
)
#: what a human task takes of `defaults` beside env and preconditions
_HUMAN_OVERRIDES = ("continue_on",)
_SIGNALS = frozenset(
    f"SIG{name}"
    for name in (
        "ABRT ALRM BUS CHLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT"
        " STOP SYS TERM TRAP TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ"
    ).split()
)
_NO_RULE = ContinueOn()


class Policies:
    """The fields that `defaults` may hold too."""

    __slots__ = (
        "continue_on",
        "env",
        "mail_on_error",
        "preconditions",
        "repeat_policy",
        "retry_policy",
        "signal_on_stop",
        "timeout_s",
    )

    def __init__(
        self,
        *,
        env: tuple[EnvVar, ...] = (),
        timeout_s: int = 0,
        retry_policy: RetryPolicy | None = None,
        repeat_policy: RepeatPolicy | None = None,
        continue_on: ContinueOn = _NO_RULE,
        preconditions: tuple[Precondition, ...] = (),
        mail_on_error: bool = False,
        signal_on_stop: str = "",
    ) -> None:
        self.env = env
        self.timeout_s = timeout_s
        self.retry_policy = retry_policy
        self.repeat_policy = repeat_policy
        self.continue_on = continue_on
        self.preconditions = preconditions
        self.mail_on_error = mail_on_error
        self.signal_on_stop = signal_on_stop


def read_defaults(node: Node | None, dialect: str = "v2") -> Defaults:
    """Check `defaults`. Raises: FaultError."""
    if node is None or is_null(node):
        return Defaults({})
    fields = decode(node, "defaults", path="")
    read_policies(fields, dialect)
    return Defaults(fields.node.entries)


def read_policies(fields: Decoded, dialect: str = "v2") -> Policies:
    """Read the policies of a step or of `defaults`. Raises: FaultError with every fault."""
    found = Findings()
    env = fields.get("env")
    retry = fields.get("retry_policy")
    repeat = fields.get("repeat_policy")
    continue_on = fields.get("continue_on")
    checks = fields.get("preconditions")
    timeout = fields.integer("timeout_sec")
    if timeout < 0:
        message = "timeout_sec must be >= 0"
        found.read(
            lambda: fail(fields.at("timeout_sec"), "timeout_sec", message, str(timeout)), None
        )
    signal = fields.text("signal_on_stop")
    if fields.get("signal_on_stop") is not None and signal not in _SIGNALS:
        message = f"invalid signal: {signal}"
        found.read(lambda: fail(fields.at("signal_on_stop"), "signal_on_stop", message), None)
    result = Policies(
        env=() if env is None else found.read(lambda: read_env(env, checked=dialect != "v1"), ()),
        timeout_s=timeout,
        retry_policy=None
        if not isinstance(retry, MapNode)
        else found.read(lambda: read_retry_policy(Decoded(retry)), None),
        repeat_policy=None
        if not isinstance(repeat, MapNode)
        else found.read(lambda: read_repeat_policy(Decoded(repeat)), None),
        continue_on=_NO_RULE if continue_on is None else read_continue_on(continue_on),
        preconditions=()
        if checks is None
        else found.read(lambda: read_preconditions(checks, dialect=dialect), ()),
        mail_on_error=fields.flag("mail_on_error"),
        signal_on_stop=signal,
    )
    found.raise_any()
    return result


def with_defaults(fields: Decoded, build: Build, *, is_human: bool) -> Decoded:
    """Return a step's fields with what it takes over from `defaults`.

    A key that the step has, even null, keeps the default out; env and preconditions of the defaults
    come before the step's own.
    """
    defaults: Mapping[str, Node] = build.defaults.entries
    if not defaults:
        return fields
    entries = dict(fields.node.entries)
    for key in _HUMAN_OVERRIDES if is_human else _OVERRIDES:
        if key in defaults and key not in entries:
            entries[key] = defaults[key]
    for key in ("env", "preconditions"):
        before = defaults.get(key)
        if before is not None and not is_null(before):
            entries[key] = concatenated(before, entries.get(key))
    node = fields.node
    return Decoded(MapNode(node.line, node.column, entries, node.keys))


def concatenated(first: Node, second: Node | None) -> Node:
    """Return a list of the entries of both; a single value counts as a list of one."""
    if second is None or is_null(second):
        return first
    items = [
        item
        for node in (first, second)
        for item in (node.items if isinstance(node, ListNode) else [node])
    ]
    return ListNode(second.line, second.column, items)
