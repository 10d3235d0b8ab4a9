"""Names that a jq filter uses, looked at before it runs (spec 13 section 7). Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from edge.workflow.jq_calls import SPECIAL
from edge.workflow.jq_functions import FUNCTIONS, UNBUILT
from edge.workflow.jq_parser import JqSyntaxError, Node
from edge.workflow.jq_scope import Env

__all__ = ["check"]


def check(node: Node, env: Env) -> None:
    """Refuse functions and variables that nobody defines. Raises: JqSyntaxError."""
    waiting: list[tuple[Any, frozenset[Any]]] = [(node, frozenset())]
    while waiting:
        item, known = waiting.pop()
        kind = item[0] if isinstance(item, tuple) and item else None
        if kind == "def":
            name, names, body = item[1]
            known |= {(name, len(names))}
            own = {(arg.lstrip("$"), 0) for arg in names} | {arg for arg in names if arg[0] == "$"}
            waiting += [(body, known | own), (item[2], known)]
            continue
        if kind in ("bind", "reduce", "foreach"):
            waiting.append((item[1], known))
            waiting += [(part, known | set(_names(item[2]))) for part in item[2:]]
            continue
        if kind == "label":
            known |= {("label", item[1])}
        elif kind == "variable" and item[1] not in known:
            raise JqSyntaxError(f"variable not defined: {item[1]}")
        elif kind == "break" and ("label", item[1]) not in known:
            raise JqSyntaxError(f"label not defined: {item[1]}")
        elif kind == "call":
            _check_call(item[1], len(item[2]), known, env)
        if isinstance(item, tuple | list):
            waiting.extend((part, known) for part in item)


def _check_call(name: str, count: int, known: frozenset[Any], env: Env) -> None:
    key = (name, count)
    if key in known or key in FUNCTIONS or key in SPECIAL or env.function(*key):
        return
    if name in UNBUILT:
        raise JqSyntaxError(f'function "{name}/{count}" is not available in this build of edge')
    raise JqSyntaxError(f"function not defined: {name}/{count}")


def _names(pattern: Any) -> Iterator[str]:
    """Yield the variables of a pattern."""
    waiting = [pattern]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str) and item.startswith("$"):
            yield item
        elif isinstance(item, tuple):
            waiting.extend(item)
