"""Checks a mapping against the table of fields and gives typed access to its values.

The first stage of every mapping of the language: unknown keys, wrong types and wrong shapes stop
here, all of them reported together (spec 10 section 1.3).
"""

from __future__ import annotations

from collections.abc import Callable

from edge.workflow import fields as table
from edge.workflow.fields import Field, Kind
from edge.workflow.nodes import ListNode, MapNode, Node, ScalarNode, go_text, go_type
from edge.workflow.problems import Fault, FaultError
from edge.workflow.schedules import read_schedule
from edge.workflow.shapes import (
    is_null,
    read_continue_on,
    read_depends,
    read_dotenv,
    read_env,
    read_labels,
    read_log_output,
    read_port,
    read_shell,
    read_texts,
)

__all__ = ["Decoded", "check_mapping", "decode"]

_SHAPES: dict[Kind, Callable[[Node, str], object]] = {
    Kind.ENV: read_env,
    Kind.SHELL: read_shell,
    Kind.SCHEDULE: read_schedule,
    Kind.LABELS: read_labels,
    Kind.DOTENV: read_dotenv,
    Kind.DEPENDS: read_depends,
    Kind.CONTINUE_ON: read_continue_on,
    Kind.LOG_OUTPUT: read_log_output,
    Kind.PORT: read_port,
    Kind.TEXTS: read_texts,
}
#: keys of one mapping for which the one that was meant is looked for; each costs 0.3 ms
_GUESSES = 50
_TYPES = {Kind.TEXT: "string", Kind.INTEGER: "int", Kind.FLAG: "bool"}


class Decoded:
    """A mapping that passed the table; null counts as absent."""

    __slots__ = ("_entries", "node")

    def __init__(self, node: MapNode) -> None:
        self.node = node
        self._entries = node.entries

    def get(self, name: str) -> Node | None:
        """Return the value; None when absent or null."""
        node = self._entries.get(name)
        return None if node is None or is_null(node) else node

    def has(self, name: str) -> bool:
        """Return whether the key is written, even with null."""
        return name in self._entries

    def at(self, name: str) -> Node:
        """Return the value's place, or that of the mapping."""
        return self._entries.get(name, self.node)

    def text(self, name: str) -> str:
        node = self._entries.get(name)
        value = node.value if isinstance(node, ScalarNode) else None
        return value if isinstance(value, str) else ""

    def integer(self, name: str, default: int = 0) -> int:
        """Return an integer; a float is cut."""
        node = self._entries.get(name)
        value = node.value if isinstance(node, ScalarNode) else None
        return int(value) if isinstance(value, int | float) else default

    def flag(self, name: str) -> bool:
        node = self._entries.get(name)
        return isinstance(node, ScalarNode) and node.value is True

    def texts(self, name: str) -> tuple[str, ...]:
        node = self._entries.get(name)
        return tuple(go_text(item) for item in node.items) if isinstance(node, ListNode) else ()


def decode(node: Node, context: str, label: str = "", path: str = "") -> Decoded:
    """Check a mapping and return it for reading.

    Raises: FaultError(decoding=True) with every fault of the mapping and those inside it.
    """
    faults = check_mapping(node, context, label, path)
    if faults:
        raise FaultError(faults, decoding=True)
    assert isinstance(node, MapNode)
    return Decoded(node)


def check_mapping(node: Node, context: str, label: str = "", path: str = "") -> list[Fault]:
    """Return the faults of a mapping of a context; `path` is the prefix of its fields."""
    name = label or table.LABELS.get(context, context)
    if not isinstance(node, MapNode):
        message = f"'{name}' expected a map or struct, got \"{_short_type(node)}\""
        return [Fault(node.line, node.column, path, message, bullet=message)]
    known = table.CONTEXTS[context]
    prefix = f"{path}." if path else ""
    faults: list[Fault] = []
    unknown = []
    for key, value in node.entries.items():
        field = known.get(key)
        if field is None:
            unknown.append(key)
            continue
        if isinstance(value, ScalarNode) and value.value is None:
            continue
        _check_value(field, value, prefix + key, faults)
    if unknown:
        faults[:0] = _unknown_keys(node, unknown, name, prefix, list(known))
    return faults


def _unknown_keys(
    node: MapNode, keys: list[str], name: str, prefix: str, known: list[str]
) -> list[Fault]:
    keys = sorted(keys)
    hint = table.hint_for(keys)
    found = []
    for index, key in enumerate(keys):
        own = table.hint_for([key])
        if not own and index < _GUESSES:
            meant = table.suggestion(key, known)
            own = f'did you mean "{meant}"?' if meant else ""
        line, column = node.keys[key]
        text = f"'{name}' has invalid keys: {key}" + (f"; {own}" if own else "")
        # one problem each, one bullet for all keys of the mapping
        found.append(Fault(line, column, prefix + key, text, bullet=""))
    if len(keys) > 1:
        hints = f"; {hint}" if hint else ""
        bullet = f"'{name}' has invalid keys: {', '.join(keys)}{hints}"
    else:
        bullet = found[0].message
    first = found[0]
    found[0] = Fault(first.line, first.column, first.field, first.message, bullet=bullet)
    return found


def _check_value(field: Field, value: Node, path: str, faults: list[Fault]) -> None:
    kind = field.kind
    if kind is Kind.FREE:
        return
    wanted = _TYPES.get(kind)
    if wanted is not None:
        if not _is_of(kind, value):
            faults.append(_fault(value, path, f"'{path}' {_expected(wanted, value)}"))
    elif kind is Kind.TEXT_LIST:
        _check_texts(value, path, faults)
    elif kind is Kind.TEXT_MAP:
        _check_text_map(value, path, faults)
    elif kind is Kind.STRUCT:
        faults.extend(check_mapping(value, field.struct, path, path))
    elif kind is Kind.STRUCTS:
        _check_mappings(value, field.struct, path, faults)
    else:
        try:
            _SHAPES[kind](value, path)
        except FaultError as exc:
            if exc.decoding:
                faults.extend(exc.faults)


def _is_of(kind: Kind, node: Node) -> bool:
    value = node.value if isinstance(node, ScalarNode) else None
    if kind is Kind.TEXT:
        return isinstance(value, str)
    if kind is Kind.FLAG:
        return isinstance(value, bool)
    return (
        isinstance(value, int | float) and not isinstance(value, bool) and -(2**63) <= value < 2**63
    )


def _expected(wanted: str, node: Node) -> str:
    return f"expected type '{wanted}', got unconvertible type '{go_type(node)}'"


def _check_texts(node: Node, path: str, faults: list[Fault]) -> None:
    if not isinstance(node, ListNode):
        message = f"'{path}' source data must be an array or slice, got {_short_type(node)}"
        faults.append(_fault(node, path, message))
        return
    for index, item in enumerate(node.items):
        if not isinstance(item, ScalarNode) or not isinstance(item.value, str):
            where = f"{path}[{index}]"
            faults.append(_fault(item, where, f"'{where}' {_expected('string', item)}"))


def _check_text_map(node: Node, path: str, faults: list[Fault]) -> None:
    if not isinstance(node, MapNode):
        faults.append(_fault(node, path, f"'{path}' expected a map, got '{_short_type(node)}'"))
        return
    for key, value in node.entries.items():
        if not isinstance(value, ScalarNode) or not isinstance(value.value, str):
            where = f"{path}[{key}]"
            faults.append(_fault(value, where, f"'{where}' {_expected('string', value)}"))


def _check_mappings(node: Node, context: str, path: str, faults: list[Fault]) -> None:
    if not isinstance(node, ListNode):
        message = f"'{path}' source data must be an array or slice, got {_short_type(node)}"
        faults.append(_fault(node, path, message))
        return
    for index, item in enumerate(node.items):
        where = f"{path}[{index}]"
        faults.extend(check_mapping(item, context, where, where))


def _fault(node: Node, path: str, message: str) -> Fault:
    return Fault(node.line, node.column, path, message, bullet=message)


def _short_type(node: Node) -> str:
    return {"[]interface {}": "slice", "map[string]interface {}": "map"}.get(
        go_type(node), go_type(node)
    )
