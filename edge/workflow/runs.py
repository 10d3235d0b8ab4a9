"""What a step executes: `run`, and the old `command` and `script` (spec 10 section 6.6)."""

from __future__ import annotations

from typing import NoReturn

from edge.workflow.build import Build
from edge.workflow.decode import Decoded
from edge.workflow.model import CommandRun, ScriptRun, Shell
from edge.workflow.nodes import ListNode, MapNode, Node, ScalarNode, go_text, go_type, scalar_text
from edge.workflow.problems import NOT_YET, Fault, FaultError
from edge.workflow.shapes import fail, is_null, read_shell, shell_of

__all__ = ["Execution", "read_execution"]

_LEGACY = ("command", "script", "shell", "shell_args")
#: names and families of the reference's actions: known, not built
_ACTIONS = frozenset(("exec", "noop"))
_FAMILIES = frozenset(
    (
        *("dag", "log", "http", "router", "jq", "template", "wait", "file", "outputs", "state"),
        *("artifact", "data", "archive", "ssh", "sftp", "docker", "container", "k8s"),
        *("kubernetes", "human", "mail", "git", "s3", "postgres", "sqlite", "redis", "chat"),
        "harness",
    )
)
_OPTIONS = ("shell", "shell_args", "shell_packages")


class Execution:
    """The run, the step's own shell, and arguments for the root's shell."""

    __slots__ = ("run", "shell", "shell_args")

    def __init__(
        self, run: CommandRun | ScriptRun, shell: Shell | None, shell_args: tuple[str, ...]
    ) -> None:
        self.run = run
        self.shell = shell
        self.shell_args = shell_args

    @property
    def prefix(self) -> str:
        """Return the prefix of a generated step name."""
        return "script" if isinstance(self.run, ScriptRun) else "cmd"


def read_execution(fields: Decoded, build: Build) -> Execution:
    """Return what a step runs. Raises: FaultError."""
    if fields.has("action"):
        _refuse_action(fields)
    if fields.has("run"):
        for key in _LEGACY:
            if fields.get(key) is not None:
                fail(fields.at(key), key, f"run cannot be used together with {key}")
        run = _run(fields.at("run"))
        shell, args = _options(fields)
        return Execution(run, shell_of(shell, args), () if shell else args)
    if fields.has("with"):
        fail(fields.at("with"), "with", NOT_YET + " without run")
    return _legacy(fields)


def _refuse_action(fields: Decoded) -> NoReturn:
    """No action is built yet; say what is wrong with this one (spec 10 section 6.7)."""
    node = fields.at("action")
    name = node.value if isinstance(node, ScalarNode) else None
    if not isinstance(name, str):
        fail(node, "action", "action must be a string", go_text(node))
    if not name.strip():
        fail(node, "action", "action is required")
    for key in ("run", *_LEGACY):
        if fields.get(key) is not None:
            first, second = ("run", "action") if key == "run" else ("action", key)
            fail(node, "action", f"{first} cannot be used together with {second}", name)
    family = name.partition(".")[0]
    if name not in _ACTIONS and (family not in _FAMILIES or "." not in name) and "@" not in name:
        fail(node, "action", f'unknown action "{name}"', name)
    fail(node, "action", f"action {name} is {NOT_YET}")


def _run(node: Node) -> CommandRun | ScriptRun:
    if isinstance(node, ListNode):
        return _commands(node)
    text = node.value if isinstance(node, ScalarNode) else None
    if not isinstance(text, str):
        fail(node, "run", "run must be a string or array", go_text(node))
    if not text.strip():
        fail(node, "command", "step command is empty", text)
    _no_nul(node, text)
    return ScriptRun(text) if "\n" in text else CommandRun((text,))


def _commands(node: ListNode) -> CommandRun:
    texts = []
    for index, item in enumerate(node.items):
        text = _command_item(item, index)
        _no_nul(item, text)
        if text.strip():
            texts.append(text)
    if not texts:
        fail(node, "command", "step command is empty", go_text(node))
    return CommandRun(tuple(texts))


def _command_item(node: Node, index: int) -> str:
    field = f"command[{index}]"
    if isinstance(node, ScalarNode) and node.value is not None:
        return scalar_text(node.value)
    if isinstance(node, MapNode):
        pairs = list(node.entries.items())
        if len(pairs) == 1 and isinstance(pairs[0][1], ScalarNode) and not is_null(pairs[0][1]):
            return f"{pairs[0][0]}: {scalar_text(pairs[0][1].value)}"
        fail(
            node,
            field,
            "command array elements must be strings. If this contains a colon, wrap it in quotes",
            go_text(node),
        )
    fail(node, field, "command array elements must be strings or primitive types", go_text(node))


def _no_nul(node: Node, text: str) -> None:
    if "\0" in text:
        fail(node, "command", "a command cannot hold a NUL character")


def _options(fields: Decoded) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return shell and arguments of `with`."""
    if not fields.has("with"):
        return (), ()
    node = fields.at("with")
    if not isinstance(node, MapNode):
        fail(node, "with", "with must be an object", go_text(node))
    shell: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    for key, value in node.entries.items():
        if key not in _OPTIONS:
            fail(
                value,
                "with",
                f'run only supports shell, shell_args, and shell_packages in with; got "{key}"',
                go_text(node),
            )
        if is_null(value):
            continue
        if key == "shell":
            shell = read_shell(value, "with.shell")
        elif key == "shell_args":
            args = _texts(value, "with.shell_args")
        else:
            fail(value, "with.shell_packages", NOT_YET)
    return shell, args


def _texts(node: Node, field: str) -> tuple[str, ...]:
    if not isinstance(node, ListNode):
        message = f"'{field}' source data must be an array or slice, got {go_type(node)}"
        raise FaultError([Fault(node.line, node.column, field, message)])
    for item in node.items:
        if not isinstance(item, ScalarNode) or item.value is None:
            fail(item, field, f"'{field}' expected type 'string', got {go_type(item)}")
    return tuple(go_text(item) for item in node.items)


def _legacy(fields: Decoded) -> Execution:
    shell_node = fields.get("shell")
    shell = read_shell(shell_node) if shell_node is not None else ()
    args = fields.texts("shell_args")
    command = fields.get("command")
    script = fields.text("script").strip()
    if command is not None and script:
        fail(fields.at("script"), "script", NOT_YET + " together with command")
    if command is not None:
        run = _run(command)
    elif script:
        run = ScriptRun(script)
        _no_nul(fields.at("script"), script)
    else:
        fail(fields.node, "command", "step command is required")
    return Execution(run, shell_of(shell, args), () if shell else args)
