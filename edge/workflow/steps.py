"""Steps and handlers: containers, fields, defaults (spec 10 sections 6.1, 6.4, 7.5, 7.6)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from edge.workflow.build import Build, Defaults
from edge.workflow.decode import Decoded, decode
from edge.workflow.identity import NamedStep, name_steps
from edge.workflow.model import (
    ContinueOn,
    EnvVar,
    Handlers,
    Precondition,
    RetryPolicy,
    Step,
)
from edge.workflow.nodes import ListNode, MapNode, Node, ScalarNode, go_text
from edge.workflow.policies import read_preconditions, read_retry_policy
from edge.workflow.problems import NOT_YET, Fault, FaultError, Findings
from edge.workflow.runs import read_execution
from edge.workflow.shapes import (
    fail,
    is_null,
    read_continue_on,
    read_depends,
    read_env,
    read_log_output,
)

__all__ = ["as_map", "build_handlers", "build_steps", "concatenated", "read_defaults"]

_SIGNALS = frozenset(
    "SIG" + name
    for name in [
        "ABRT",
        "ALRM",
        "BUS",
        "CHLD",
        "CONT",
        "FPE",
        "HUP",
        "ILL",
        "INT",
        "IO",
        "IOT",
        "KILL",
        "PIPE",
        "POLL",
        "PROF",
        "PWR",
        "QUIT",
        "SEGV",
        "STKFLT",
        "STOP",
        "SYS",
        "TERM",
        "TRAP",
        "TSTP",
        "TTIN",
        "TTOU",
        "URG",
        "USR1",
        "USR2",
        "VTALRM",
        "WINCH",
        "XCPU",
        "XFSZ",
    ]
)
#: fields of `defaults` that a step's own key replaces
_OVERRIDES = ("continue_on", "retry_policy", "timeout_sec", "signal_on_stop")
HANDLER_NAMES = {
    "init": "onInit",
    "success": "onSuccess",
    "failure": "onFailure",
    "abort": "onAbort",
    "exit": "onExit",
    "wait": "onWait",
}


class _Item:
    """A step as it stands in the file."""

    __slots__ = ("name", "node", "path", "position")

    def __init__(self, node: Node, path: str, position: int, name: str = "") -> None:
        self.node = node
        self.path = path
        self.position = position
        self.name = name


def read_defaults(node: Node | None) -> Defaults:
    """Check `defaults`. Raises: FaultError."""
    if node is None or is_null(node):
        return Defaults({})
    fields = decode(node, "defaults", path="")
    _policies(fields)
    return Defaults(fields.node.entries)


def build_steps(node: Node | None, build: Build) -> tuple[Step, ...]:
    """Build every step; names settled, `depends` rewritten to names.

    Raises: FaultError; building stops at the first bad step. Faults across steps come together.
    """
    if node is None or is_null(node):
        return ()
    built: list[NamedStep] = []
    for item in _items(node):
        try:
            built.append(_build_item(item, build))
        except FaultError as exc:
            raise exc.within(item.path, "steps") from None
    return name_steps(
        built, chain=build.is_chain and isinstance(node, ListNode), dialect=build.dialect
    )


def build_handlers(node: Node | None, build: Build) -> Handlers:
    """Build the handlers; their names are forced, a written name or `depends` has no effect."""
    found: dict[str, Step] = {}
    if not isinstance(node, MapNode):
        return Handlers()
    for event, value in node.entries.items():
        if is_null(value) or (isinstance(value, MapNode) and not value.entries):
            continue
        path = f"handler_on.{event}"
        try:
            fields = decode(value, "step")
            step, _, _ = _step(fields, build.inside(handler=event), value.line)
        except FaultError as exc:
            raise exc.within(path, "handlers") from None
        found[event] = replace(step, name=HANDLER_NAMES[event])
    return Handlers(**found)


def _build_item(item: _Item, build: Build) -> NamedStep:
    node = item.node
    if isinstance(node, ScalarNode) and isinstance(node.value, str):
        node = MapNode(node.line, node.column, {"command": node}, {"command": (node.line, 1)})
        fields = Decoded(node)
    elif isinstance(node, MapNode):
        fields = decode(node, "step")
    else:
        fail(node, "", "invalid step data", go_text(node))
    step, prefix, depends = _step(fields, build, node.line)
    name = item.name or step.name
    if depends is not None and build.is_chain and build.dialect != "v1":
        fail(
            fields.at("depends"),
            "depends",
            f"step '{name or step.id}': depends field is not allowed for DAGs with type 'chain';"
            " use type 'graph' for explicit dependencies",
            "[" + " ".join(depends) + "]",
        )
    return NamedStep(
        step=step,
        name=name,
        prefix=prefix,
        depends=depends or (),
        fields=fields,
        path=item.path,
        position=item.position,
    )


def _items(node: Node) -> Iterator[_Item]:
    """Yield the steps of all containers; members of a group share their position."""
    if isinstance(node, MapNode):
        for index, name in enumerate(sorted(node.entries)):
            yield _Item(node.entries[name], f"steps.{name}", index, name.strip())
        return
    if not isinstance(node, ListNode):
        raise FaultError(
            [Fault(node.line, node.column, "steps", "steps must be an array or a map")]
        )
    for position, child in enumerate(node.items):
        path = f"steps[{position}]"
        if isinstance(child, ListNode):
            for index, member in enumerate(child.items):
                yield _Item(member, f"{path}[{index}]", position)
        else:
            yield _Item(child, path, position)


def _step(fields: Decoded, build: Build, line: int) -> tuple[Step, str, tuple[str, ...] | None]:
    """Return the step with the name as written, the prefix for a generated one, and `depends`."""
    found = Findings()
    execution = found.read(lambda: read_execution(fields, build), None)
    merged = _with_defaults(fields, build.defaults)
    policies = found.read(lambda: _policies(merged), _NO_POLICIES)
    stdout = found.read(lambda: _file(fields, "stdout"), "")
    stderr = found.read(lambda: _file(fields, "stderr"), "")
    if stdout and stdout == stderr:
        message = (
            f'stdout and stderr cannot point to the same file "{stdout}"; '
            "use 'log_output: merged' instead"
        )
        found.read(lambda: fail(fields.at("stderr"), "stderr", message), None)
    found.raise_any()
    assert execution is not None
    depends = fields.get("depends")
    log_output = fields.get("log_output")
    step = Step(
        name=fields.text("name").strip(),
        id=fields.text("id").strip(),
        description=fields.text("description").strip(),
        run=execution.run,
        type=execution.type,
        action=execution.action,
        options=execution.options,
        sub_dag=execution.sub_dag,
        router=execution.router,
        shell=execution.shell,
        shell_args=execution.shell_args,
        shell_packages=execution.shell_packages,
        env=policies.env,
        working_dir=fields.text("working_dir"),
        stdout=stdout,
        stderr=stderr,
        log_output=None if log_output is None else read_log_output(log_output),
        timeout_s=policies.timeout_s,
        retry_policy=policies.retry_policy,
        continue_on=policies.continue_on,
        preconditions=policies.preconditions,
        signal_on_stop=policies.signal_on_stop,
        line=line,
    )
    return step, execution.prefix, None if depends is None else read_depends(depends)


_NO_RULE = ContinueOn()


class _Policies:
    """The fields that `defaults` may hold too."""

    __slots__ = (
        "continue_on",
        "env",
        "preconditions",
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
        continue_on: ContinueOn = _NO_RULE,
        preconditions: tuple[Precondition, ...] = (),
        signal_on_stop: str = "",
    ) -> None:
        self.env = env
        self.timeout_s = timeout_s
        self.retry_policy = retry_policy
        self.continue_on = continue_on
        self.preconditions = preconditions
        self.signal_on_stop = signal_on_stop


_NO_POLICIES = _Policies()


def _policies(fields: Decoded) -> _Policies:
    found = Findings()
    env = fields.get("env")
    retry = fields.get("retry_policy")
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
    result = _Policies(
        env=() if env is None else found.read(lambda: read_env(env), ()),
        timeout_s=timeout,
        retry_policy=None
        if retry is None
        else found.read(lambda: read_retry_policy(Decoded(as_map(retry))), None),
        continue_on=_NO_RULE if continue_on is None else read_continue_on(continue_on),
        preconditions=() if checks is None else found.read(lambda: read_preconditions(checks), ()),
        signal_on_stop=signal,
    )
    found.raise_any()
    return result


def as_map(node: Node) -> MapNode:
    """Return a node that was checked to be a mapping."""
    assert isinstance(node, MapNode)
    return node


def _with_defaults(fields: Decoded, defaults: Defaults) -> Decoded:
    if not defaults.entries:
        return fields
    entries = dict(fields.node.entries)
    for key in _OVERRIDES:
        if key in defaults.entries and key not in entries:
            entries[key] = defaults.entries[key]
    for key in ("env", "preconditions"):
        before = defaults.entries.get(key)
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


def _file(fields: Decoded, key: str) -> str:
    node = fields.get(key)
    if node is None:
        return ""
    if isinstance(node, MapNode):
        fail(node, key, f"the object form is {NOT_YET}")
    value = node.value if isinstance(node, ScalarNode) else None
    if not isinstance(value, str):
        fail(node, key, f"{key} must be a string path or an object", go_text(node))
    return value
