"""jq's functions that take filters, and its assignments (spec 13 section 7). Pure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

from edge.workflow.jq_functions import FUNCTIONS
from edge.workflow.jq_parser import Node
from edge.workflow.jq_scope import NOWHERE, Env, Path, Result, Results, is_true, nowhere
from edge.workflow.jq_values import (
    JqError,
    arithmetic,
    delete_paths,
    describe,
    get_in,
    set_in,
    type_name,
)

__all__ = ["SPECIAL", "Calls"]

_MAX_STACK = 100_000


class Calls(ABC):
    """The part of a program that carries these out; `jq.Program` has the rest."""

    @abstractmethod
    def _run(self, node: Node, env: Env, path: Path | None, value: Any) -> Results: ...

    @abstractmethod
    def _values(self, node: Node, env: Env, value: Any) -> Iterator[Any]: ...

    @abstractmethod
    def _count_step(self) -> None: ...

    def _assign(self, node: Node, env: Env, path: Path | None, value: Any) -> Results:
        sign, left, right = node[1:]
        where = nowhere(path)
        if sign == "|=":
            yield where, self._updated(left, right, env, value)
            return
        for new in self._values(right, env, value):
            found = value
            for place in self._paths(left, env, value):
                old = get_in(found, place)
                if sign == "=":
                    changed = new
                elif sign == "//=":
                    changed = old if is_true(old) else new
                else:
                    changed = arithmetic(sign[:-1], old, new)
                found = set_in(found, place, changed)
            yield where, found

    def _updated(self, left: Node, right: Node, env: Env, value: Any) -> Any:
        gone = []
        for place in self._paths(left, env, value):
            new: Any = next(self._values(right, env, get_in(value, place)), NOWHERE)
            if new is NOWHERE:
                gone.append(place)
            else:
                value = set_in(value, place, new)
        return delete_paths(value, gone) if gone else value

    def _paths(self, node: Node, env: Env, value: Any) -> list[Path]:
        found = []
        for path, item in self._run(node, env, (), value):
            assert path is not None
            if path is NOWHERE:
                raise JqError(f"invalid path expression with result {describe(item)}")
            found.append(path)
        return found

    def _path_of(self, args: Any, env: Env, path: Path | None, value: Any) -> Results:
        for place, item in self._run(args[0], env, (), value):
            if place is NOWHERE:
                raise JqError(f"invalid path expression with result {describe(item)}")
            yield nowhere(path), list(place or ())

    def _getpath(self, args: Any, env: Env, path: Path | None, value: Any) -> Results:
        for place in self._values(args[0], env, value):
            if not isinstance(place, list):
                raise JqError("path must be specified as an array")
            if path is NOWHERE:
                raise JqError(f"invalid path expression with result {describe(value)}")
            yield None if path is None else (*path, *place), get_in(value, tuple(place))

    def _del(self, args: Any, env: Env, path: Path | None, value: Any) -> Results:
        yield nowhere(path), delete_paths(value, self._paths(args[0], env, value))

    def _error(self, args: Any, env: Env, path: Path | None, value: Any) -> Results:
        for found in self._values(args[0], env, value) if args else (value,):
            raise JqError(found)
        return iter(())

    def _recurse(self, args: Any, env: Env, path: Path | None, value: Any) -> Results:
        node = args[0] if args else ("try", ("iterate", ("identity",)), None)
        return self._unfold(lambda result: True, node, env, (path, value))

    def _while(self, args: Any, env: Env, path: Path | None, value: Any) -> Results:
        def goes_on(result: Result) -> bool:
            return any(is_true(item) for item in self._values(args[0], env, result[1]))

        return self._unfold(goes_on, args[1], env, (path, value))

    def _until(self, args: Any, env: Env, path: Path | None, value: Any) -> Results:
        stack: list[Results] = [iter([(path, value)])]
        while stack:
            found = next(stack[-1], None)
            if found is None:
                stack.pop()
            elif any(is_true(item) for item in self._values(args[0], env, found[1])):
                yield found
            else:
                self._push(stack, self._run(args[1], env, *found))

    def _unfold(
        self, goes_on: Callable[[Result], bool], node: Node, env: Env, start: Result
    ) -> Results:
        """Yield a value and, depth first, what a filter makes of it, and of that, and so on."""
        stack: list[Results] = [iter([start])]
        while stack:
            found = next(stack[-1], None)
            if found is None:
                stack.pop()
            elif goes_on(found):
                yield found
                self._push(stack, self._run(node, env, *found))

    def _push(self, stack: list[Results], results: Results) -> None:
        if len(stack) >= _MAX_STACK:
            raise JqError("nested too deeply")
        stack.append(results)

    def _range(self, args: Any, env: Env, path: Path | None, value: Any) -> Results:
        where = nowhere(path)
        parts = [list(self._values(arg, env, value)) for arg in args]
        if len(parts) == 1:
            parts.insert(0, [0.0])
        for choice in product(*parts):
            if any(type_name(item) != "number" for item in choice):
                raise JqError("range bounds must be numeric")
            at, end, by = (*choice, 1.0)[:3]
            while (by > 0 and at < end) or (by < 0 and at > end):
                self._count_step()
                yield where, at
                at += by

    def _limit(self, args: Any, env: Env, path: Path | None, value: Any) -> Results:
        for count in self._values(args[0], env, value):
            left = count if type_name(count) == "number" else 0
            if left <= 0:
                continue
            for found in self._run(args[1], env, path, value):
                yield found
                left -= 1
                if left <= 0:
                    break

    def _first(self, args: Any, env: Env, path: Path | None, value: Any) -> Results:
        for found in self._run(args[0], env, path, value):
            yield found
            return

    def _keyed(self, args: Any, env: Env, path: Path | None, value: Any) -> Results:
        """Give `sort_by` and its like the keys of each item."""
        name, body = args
        if not isinstance(value, list):
            raise JqError(f"{describe(value)} cannot be sorted, as it is not an array")
        keys: Any = [list(self._values(body, env, item)) for item in value]
        yield nowhere(path), FUNCTIONS[name, 1](value, keys)


def _keyed(name: str) -> Callable[..., Results]:
    return lambda program, args, *rest: program._keyed((name, args[0]), *rest)


SPECIAL: dict[tuple[str, int], Callable[..., Results]] = {
    ("empty", 0): lambda *_: iter(()),
    ("error", 0): Calls._error,
    ("error", 1): Calls._error,
    ("path", 1): Calls._path_of,
    ("getpath", 1): Calls._getpath,
    ("del", 1): Calls._del,
    ("recurse", 0): Calls._recurse,
    ("recurse", 1): Calls._recurse,
    ("repeat", 1): Calls._recurse,
    ("while", 2): Calls._while,
    ("until", 2): Calls._until,
    **{("range", count): Calls._range for count in (1, 2, 3)},
    ("limit", 2): Calls._limit,
    ("first", 1): Calls._first,
    **{
        (name, 1): _keyed(f"_{name}")
        for name in ("sort_by", "group_by", "unique_by", "min_by", "max_by")
    },
}
