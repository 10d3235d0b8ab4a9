"""Values that come in several shapes: env, shell, depends, labels, continue_on (spec 10).

Each reader returns the value or raises `FaultError`. A wrong shape is a decoding fault, a wrong
content a build fault; the difference decides how the error is wrapped (spec 10 section 1.3).
"""

from __future__ import annotations

import re
from typing import NoReturn

from edge.workflow.model import ContinueOn, EnvVar, LogOutput, Shell
from edge.workflow.nodes import (
    ListNode,
    MapNode,
    Node,
    ScalarNode,
    go_text,
    go_type,
    scalar_text,
)
from edge.workflow.problems import Fault, FaultError
from edge.workflow.words import is_env_name, split_words

__all__ = [
    "fail",
    "is_null",
    "read_continue_on",
    "read_depends",
    "read_dotenv",
    "read_env",
    "read_labels",
    "read_log_output",
    "read_port",
    "read_shell",
    "read_shell_words",
    "read_texts",
]

_LABEL_KEY = r"[a-zA-Z0-9][a-zA-Z0-9_.-]*"
_LABEL_VALUE = r"[a-zA-Z0-9][a-zA-Z0-9_./-]*"


def fail(
    node: Node, field: str, message: str, value: str | None = None, *, said: str = ""
) -> NoReturn:
    """Raise a build fault at a node; `said` is the shorter field of the bullet text."""
    fault = Fault(node.line, node.column, field, message, value)
    if said:
        fault.bullet = Fault(0, 0, said, message, value).text
    raise FaultError([fault])


def _misshaped(node: Node, field: str, message: str) -> NoReturn:
    text = f"'{field}' failed to unmarshal from YAML: {message}"
    raise FaultError([Fault(node.line, node.column, field, text, bullet=text)], decoding=True)


def is_null(node: Node | None) -> bool:
    """Return whether the value is absent: not there, or null."""
    return node is None or (isinstance(node, ScalarNode) and node.value is None)


def read_env(node: Node, field: str = "env", *, checked: bool = True) -> tuple[EnvVar, ...]:
    """Return the entries in author order (spec 10 section 8).

    `checked` False takes the names of Dagu 1.30: any that a process can be given.
    """
    if is_null(node):
        return ()
    found: list[EnvVar] = []
    if isinstance(node, MapNode):
        _env_map(node, node, field, 0, found, checked)
    elif isinstance(node, ListNode):
        for index, item in enumerate(node.items):
            if isinstance(item, MapNode):
                _env_map(item, item, field, index, found, checked)
            elif isinstance(item, ScalarNode) and isinstance(item.value, str):
                name, equals, value = item.value.partition("=")
                if not equals:
                    _misshaped(
                        item,
                        field,
                        f'env[{index}]: invalid format "{item.value}" (expected KEY=value)',
                    )
                found.append(_env_var(item, field, index, name.strip(), value, checked))
            else:
                _misshaped(
                    item, field, f"env[{index}]: expected map or string, got {go_type(item)}"
                )
    else:
        _misshaped(node, field, f"env must be map or array, got {go_type(node)}")
    return tuple(found)


def _env_map(
    node: MapNode, at: Node, field: str, index: int, found: list[EnvVar], checked: bool
) -> None:
    for name, value in node.entries.items():
        place = value if value.line else at
        found.append(_env_var(place, field, index, name, go_text(value), checked))


def _env_var(node: Node, field: str, index: int, name: str, value: str, checked: bool) -> EnvVar:
    is_possible = bool(name) and "=" not in name and "\0" not in name
    if not (is_env_name(name) if checked else is_possible):
        fail(
            node,
            field,
            "env config should be map of strings or array of key=value formatted string: "
            f'invalid environment variable name "{name}" at env[{index}]',
            name,
        )
    if "\0" in value:
        fail(node, field, f"the value of {name} holds a NUL character")
    return EnvVar(name, value)


def read_shell(node: Node, field: str = "shell") -> tuple[str, ...]:
    """Return program and arguments of a shell given as text or list."""
    if is_null(node):
        return ()
    if isinstance(node, ListNode):
        return tuple(go_text(item) for item in node.items)
    if isinstance(node, ScalarNode) and isinstance(node.value, str):
        return read_shell_words(node.value)
    _misshaped(node, field, "shell must be string or array")


def read_shell_words(text: str) -> tuple[str, ...]:
    """Split a shell given as text; an unterminated quote makes it word by word."""
    words = split_words(text)
    return tuple(text.split() if words is None else words)


def read_dotenv(node: Node, field: str = "dotenv") -> tuple[str, ...]:
    """Return the files: `.env` first, then the listed ones; an empty list means none."""
    if is_null(node):
        return (".env",)
    if isinstance(node, ListNode):
        if not node.items:
            return ()
        names = [go_text(item) for item in node.items]
    elif isinstance(node, ScalarNode) and isinstance(node.value, str):
        names = [node.value] if node.value else []
    else:
        _misshaped(node, field, f"must be string or array, got {go_type(node)}")
    return tuple(dict.fromkeys([".env", *names]))


def read_port(node: Node, field: str = "port") -> str:
    """Return a port given as text or integer, as text; "" when absent."""
    if is_null(node):
        return ""
    value = node.value if isinstance(node, ScalarNode) else None
    if isinstance(value, bool) or not isinstance(value, int | str):
        _misshaped(node, field, f"port must be string or number, got {go_type(node)}")
    return str(value)


def read_texts(node: Node, field: str) -> tuple[str, ...]:
    """Return one text or a list of scalars as texts; () when absent."""
    if is_null(node):
        return ()
    if isinstance(node, ScalarNode) and isinstance(node.value, str):
        return (node.value,)
    if isinstance(node, ListNode) and all(isinstance(item, ScalarNode) for item in node.items):
        return tuple(go_text(item) for item in node.items)
    _misshaped(node, field, f"must be string or array, got {go_type(node)}")


def read_depends(node: Node, field: str = "depends") -> tuple[str, ...] | None:
    """Return the names as written; None when absent or null."""
    if is_null(node):
        return None
    if isinstance(node, ScalarNode) and isinstance(node.value, str):
        return (node.value,)
    if isinstance(node, ListNode):
        for item in node.items:
            if not isinstance(item, ScalarNode):
                _misshaped(item, field, f"must be string or array, got {go_type(item)}")
        return tuple(scalar_text(item.value) for item in node.items if isinstance(item, ScalarNode))
    _misshaped(node, field, f"must be string or array, got {go_type(node)}")


def read_log_output(node: Node, field: str = "log_output") -> LogOutput | None:
    """Return the mode; None when absent."""
    if is_null(node):
        return None
    if isinstance(node, ScalarNode) and isinstance(node.value, str):
        word = node.value.strip().lower()
        if word in ("", "separate"):
            return LogOutput.SEPARATE
        if word == "merged":
            return LogOutput.MERGED
        _misshaped(
            node,
            field,
            f"invalid log_output value: \"{node.value}\" (must be 'separate' or 'merged')",
        )
    _misshaped(node, field, f"log_output must be a string, got {go_type(node)}")


def read_labels(node: Node, field: str = "labels", *, checked: bool = True) -> tuple[str, ...]:
    """Return labels in lower case, `key` or `key=value` (spec 10 section 11).

    Those of Dagu 1.30 are not `checked`: any text passes but an empty key.
    """
    if is_null(node):
        return ()
    pairs: list[tuple[str, str | None, Node]] = []
    if isinstance(node, MapNode):
        for key in sorted(node.entries):
            pairs.append((key, _label_scalar(node.entries[key], field), node.entries[key]))
    elif isinstance(node, ListNode):
        for item in node.items:
            if isinstance(item, MapNode):
                for key in sorted(item.entries):
                    pairs.append((key, _label_scalar(item.entries[key], field), item))
            elif isinstance(item, ScalarNode) and isinstance(item.value, str):
                pairs.extend((key, value, item) for key, value in _label_words(item.value))
            else:
                _misshaped(item, field, "labels must be string, map, or array")
    elif isinstance(node, ScalarNode) and isinstance(node.value, str):
        pairs.extend((key, value, node) for key, value in _label_words(node.value))
    else:
        _misshaped(node, field, f"labels must be string, map, or array, got {go_type(node)}")
    return tuple(
        dict.fromkeys(_label(key, value, at, field, checked=checked) for key, value, at in pairs)
    )


def _label_scalar(node: Node, field: str) -> str:
    if is_null(node) or not isinstance(node, ScalarNode):
        _misshaped(node, field, f"label values must be strings, got {go_type(node)}")
    return scalar_text(node.value)


def _label_words(text: str) -> list[tuple[str, str | None]]:
    parts = text.split() if "=" in text and "," not in text else text.split(",")
    found: list[tuple[str, str | None]] = []
    for part in parts:
        part = part.strip()
        if part:
            key, equals, value = part.partition("=")
            found.append((key.strip(), value.strip() if equals else None))
    return found


def _label(key: str, value: str | None, node: Node, field: str, *, checked: bool) -> str:
    if not key.strip():
        fail(node, field, "label key cannot be empty")
    key = key.strip().lower()
    if checked and (not re.fullmatch(_LABEL_KEY, key) or len(key) > 63):
        fail(node, field, f'label key "{key}" contains invalid characters')
    if value is None:
        return key
    value = value.strip().lower()
    if checked and value and (not re.fullmatch(_LABEL_VALUE, value) or len(value) > 255):
        fail(node, field, f'label value "{value}" contains invalid characters')
    return f"{key}={value}"


def read_continue_on(node: Node, field: str = "continue_on") -> ContinueOn:
    """Return the rule of spec 10 section 7.1."""
    if is_null(node):
        return ContinueOn()
    if isinstance(node, ScalarNode) and isinstance(node.value, str):
        word = node.value.lower()
        if word == "skipped":
            return ContinueOn(skipped=True)
        if word == "failed":
            return ContinueOn(failed=True)
        _misshaped(
            node, field, f"continue_on: expected 'skipped' or 'failed', got \"{node.value}\""
        )
    if not isinstance(node, MapNode):
        _misshaped(node, field, f"continue_on must be string or map, got {go_type(node)}")
    flags = {"skipped": False, "failed": False, "failure": False, "mark_success": False}
    codes: tuple[int, ...] = ()
    outputs: tuple[str, ...] = ()
    for key, value in node.entries.items():
        if key in flags:
            if is_null(value):
                continue
            if not isinstance(value, ScalarNode) or not isinstance(value.value, bool):
                _misshaped(
                    value, field, f"continue_on.{key}: expected boolean, got {go_type(value)}"
                )
            flags[key] = value.value
        elif key == "exit_code":
            codes = () if is_null(value) else _exit_codes(value, field)
        elif key == "output":
            outputs = () if is_null(value) else _outputs(value, field)
        else:
            _misshaped(value, field, f'continue_on: unknown key "{key}"')
    return ContinueOn(
        failed=flags["failed"] or flags["failure"],
        skipped=flags["skipped"],
        mark_success=flags["mark_success"],
        exit_codes=codes,
        outputs=outputs,
    )


def _exit_codes(node: Node, field: str) -> tuple[int, ...]:
    items = node.items if isinstance(node, ListNode) else [node]
    codes = []
    for item in items:
        value = item.value if isinstance(item, ScalarNode) else None
        if (isinstance(value, str) and re.fullmatch(r"[-+]?[0-9]{1,18}", value.strip())) or (
            isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**63
        ):
            codes.append(int(value))
        else:
            _misshaped(item, field, f"continue_on.exit_code: expected integer, got {go_type(item)}")
    return tuple(codes)


def _outputs(node: Node, field: str) -> tuple[str, ...]:
    items = node.items if isinstance(node, ListNode) else [node]
    texts = []
    for item in items:
        if not isinstance(item, ScalarNode) or not isinstance(item.value, str):
            _misshaped(item, field, f"continue_on.output: expected string, got {go_type(item)}")
        texts.append(item.value)
    return tuple(texts)


def shell_of(argv: tuple[str, ...], args: tuple[str, ...]) -> Shell | None:
    """Return the shell with its extra arguments; None when none was given."""
    return Shell(argv + args) if argv else None
