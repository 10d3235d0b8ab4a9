"""What jq filters see, and where values are (spec 13 section 7). Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from edge.core.jsontypes import JsonValue
from edge.workflow.jq_parser import Definition, Node
from edge.workflow.jq_values import JqError, describe

__all__ = [
    "NOWHERE",
    "BreakError",
    "Env",
    "Path",
    "Result",
    "Results",
    "below",
    "is_true",
    "nowhere",
]

Path = tuple[JsonValue, ...]
#: the path of a value while paths are asked for, else None; and the value
Result = tuple[Path | None, Any]
Results = Iterator[Result]

#: the path of a value that is at none
NOWHERE: Path = (object(),)  # type: ignore[assignment]


class BreakError(Exception):
    def __init__(self, label: object) -> None:
        super().__init__()
        self.label = label


class Env:
    """Variables and functions that a filter sees; an inner one hides an outer one's names."""

    __slots__ = ("functions", "parent", "variables")

    def __init__(self, parent: Env | None) -> None:
        self.parent = parent
        self.variables: dict[str, Any] = {}
        #: (name, number of parameters) -> parameters, body, where it was defined
        self.functions: dict[tuple[str, int], tuple[tuple[str, ...], Node, Env]] = {}

    def with_variable(self, name: str, value: Any) -> Env:
        inner = Env(self)
        inner.variables[name] = value
        return inner

    def with_function(self, definition: Definition) -> Env:
        name, names, body = definition
        inner = Env(self)
        inner.functions[name, len(names)] = (names, body, inner)
        return inner

    def variable(self, name: str) -> Any:
        env: Env | None = self
        while env is not None:
            if name in env.variables:
                return env.variables[name]
            env = env.parent
        raise JqError(f"variable not defined: {name}")

    def function(self, name: str, count: int) -> tuple[tuple[str, ...], Node, Env] | None:
        env: Env | None = self
        while env is not None:
            found = env.functions.get((name, count))
            if found is not None:
                return found
            env = env.parent
        return None


def is_true(value: object) -> bool:
    return value is not None and value is not False


def nowhere(path: Path | None) -> Path | None:
    return None if path is None else NOWHERE


def below(path: Path | None, key: JsonValue, value: Any) -> Path | None:
    if path is None:
        return None
    if path is NOWHERE:
        raise JqError(f"invalid path expression with result {describe(value)}")
    return (*path, key)
