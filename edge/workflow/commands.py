"""The forms of `run` and of the shell that goes with it (spec 10 section 6.6)."""

from __future__ import annotations

from edge.workflow.model import CommandRun, ScriptRun, Shell
from edge.workflow.nodes import ListNode, MapNode, Node, ScalarNode, go_text, go_type, scalar_text
from edge.workflow.problems import Fault, FaultError
from edge.workflow.shapes import fail, is_null, read_shell, shell_of

__all__ = ["ShellOptions", "read_run", "read_shell_options", "refuse_nul", "texts_of"]

SHELL_KEYS = ("shell", "shell_args", "shell_packages")


class ShellOptions:
    """A step's own shell: `shell_args` alone replace the arguments of the root's shell."""

    __slots__ = ("shell", "shell_args", "shell_packages")

    def __init__(
        self,
        words: tuple[str, ...] = (),
        args: tuple[str, ...] = (),
        packages: tuple[str, ...] = (),
    ) -> None:
        self.shell: Shell | None = shell_of(words, args)
        self.shell_args = () if words else args
        self.shell_packages = packages

    @property
    def is_given(self) -> bool:
        return self.shell is not None or bool(self.shell_args or self.shell_packages)


def read_run(node: Node, field: str = "run") -> CommandRun | ScriptRun:
    """Return the form of a `run` (or an old `command`). Raises: FaultError."""
    if isinstance(node, ListNode):
        return _commands(node)
    text = node.value if isinstance(node, ScalarNode) else None
    if not isinstance(text, str):
        fail(node, field, f"{field} must be a string or array", go_text(node))
    if not text.strip():
        fail(node, "command", "step command is empty", text)
    refuse_nul(node, text)
    return ScriptRun(text) if "\n" in text else CommandRun((text,))


def _commands(node: ListNode) -> CommandRun:
    texts = []
    for index, item in enumerate(node.items):
        text = _command_item(item, index)
        refuse_nul(item, text)
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


def refuse_nul(node: Node, text: str, field: str = "command") -> None:
    """Refuse what no program can be given as an argument."""
    if "\0" in text:
        fail(node, field, "a command cannot hold a NUL character")


def read_shell_options(node: MapNode) -> ShellOptions:
    """Return the `with` of a `run`. Raises: FaultError."""
    words: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    for key, value in node.entries.items():
        if key not in SHELL_KEYS:
            fail(
                value,
                "with",
                f'run only supports shell, shell_args, and shell_packages in with; got "{key}"',
                go_text(node),
            )
        if is_null(value):
            continue
        if key == "shell":
            words = read_shell(value, "with.shell")
        elif key == "shell_args":
            args = texts_of(value, "with.shell_args")
        else:
            packages = texts_of(value, "with.shell_packages")
    return ShellOptions(words, args, packages)


def texts_of(node: Node, field: str) -> tuple[str, ...]:
    """Return a list of scalars as texts. Raises: FaultError."""
    if not isinstance(node, ListNode):
        message = f"'{field}' source data must be an array or slice, got {go_type(node)}"
        raise FaultError([Fault(node.line, node.column, field, message)])
    for item in node.items:
        if not isinstance(item, ScalarNode) or item.value is None:
            fail(item, field, f"'{field}' expected type 'string', got {go_type(item)}")
    return tuple(go_text(item) for item in node.items)
