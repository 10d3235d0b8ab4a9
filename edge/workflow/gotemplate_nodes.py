"""The tree of a Go template (spec 13 section 11)."""

from __future__ import annotations

from typing import TypeAlias

from edge.core.jsontypes import JsonValue

__all__ = [
    "Action",
    "Branch",
    "Call",
    "Chain",
    "Constant",
    "Dot",
    "FieldOf",
    "Jump",
    "Node",
    "Operand",
    "Pipe",
    "Text",
    "Variable",
]


class Text:
    """Plain text."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


class Constant:
    """A literal; `is_nil` tells the word `nil` from a value."""

    __slots__ = ("is_nil", "value")

    def __init__(self, value: JsonValue, is_nil: bool = False) -> None:
        self.value = value
        self.is_nil = is_nil


class Dot:
    """`.`"""

    __slots__ = ()


class FieldOf:
    """`.a.b` on the dot."""

    __slots__ = ("names",)

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names


class Variable:
    """`$x.a.b`"""

    __slots__ = ("name", "names")

    def __init__(self, name: str, names: tuple[str, ...]) -> None:
        self.name = name
        self.names = names


class Chain:
    """`(pipe).a.b`"""

    __slots__ = ("names", "pipe")

    def __init__(self, pipe: Pipe, names: tuple[str, ...]) -> None:
        self.pipe = pipe
        self.names = names


class Call:
    """One command of a pipeline: a function, or a value when `function` is empty."""

    __slots__ = ("args", "at", "function", "text")

    def __init__(self, function: str, args: tuple[Operand, ...], at: int, text: str) -> None:
        self.function = function
        self.args = args
        self.at = at
        self.text = text


class Pipe:
    """Commands joined by `|`, and the variables that take the result."""

    __slots__ = ("calls", "declares", "variables")

    def __init__(
        self, calls: tuple[Call, ...], variables: tuple[str, ...] = (), declares: bool = False
    ) -> None:
        self.calls = calls
        self.variables = variables
        self.declares = declares


Operand: TypeAlias = "Constant | Dot | FieldOf | Variable | Chain | Call"


class Action:
    """`{{pipeline}}`"""

    __slots__ = ("pipe",)

    def __init__(self, pipe: Pipe) -> None:
        self.pipe = pipe


class Branch:
    """`if`, `with`, `range`, or the use of a template: `kind` is that word."""

    __slots__ = ("at", "body", "kind", "name", "otherwise", "pipe")

    def __init__(
        self,
        kind: str,
        at: int,
        pipe: Pipe | None,
        body: tuple[Node, ...] = (),
        otherwise: tuple[Node, ...] = (),
        name: str = "",
    ) -> None:
        self.kind = kind
        self.at = at
        self.pipe = pipe
        self.body = body
        self.otherwise = otherwise
        self.name = name


class Jump:
    """`break` or `continue`."""

    __slots__ = ("word",)

    def __init__(self, word: str) -> None:
        self.word = word


Node: TypeAlias = "Text | Action | Branch | Jump"
