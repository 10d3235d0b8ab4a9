"""jq filters over decoded JSON (spec 13 section 7). Pure.

The Python binding of jq has no wheel for 32-bit ARM and would carry C code for a page of filters,
so this is our own: the core of the language (paths, assignments, functions, reduce, foreach, try,
label, destructuring, formats) and the functions of `jq_functions`. What it has not is refused by
name. Numbers are floats. `tick` is called as work goes on, so that the caller can end it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

from edge.core.jsontypes import JsonValue
from edge.workflow.jq_calls import SPECIAL, Calls
from edge.workflow.jq_check import check
from edge.workflow.jq_formats import format_text
from edge.workflow.jq_functions import FUNCTIONS
from edge.workflow.jq_parser import JqSyntaxError, Node, parse
from edge.workflow.jq_prelude import PRELUDE
from edge.workflow.jq_scope import (
    BreakError,
    Env,
    Path,
    Result,
    Results,
    below,
    is_true,
    nowhere,
)
from edge.workflow.jq_values import (
    JqError,
    arithmetic,
    compare,
    describe,
    key_of,
    type_name,
)

__all__ = ["JqError", "JqSyntaxError", "Program", "as_floats"]

_TICKS = 256
_COMPARISONS: dict[str, Callable[[int], bool]] = {
    "==": lambda found: found == 0,
    "!=": lambda found: found != 0,
    "<": lambda found: found < 0,
    "<=": lambda found: found <= 0,
    ">": lambda found: found > 0,
    ">=": lambda found: found >= 0,
}


def as_floats(value: JsonValue) -> JsonValue:
    """Return a value as jq sees it: every number a float."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        try:
            return float(value)
        except OverflowError:
            return 1.7976931348623157e308 if value > 0 else -1.7976931348623157e308
    if isinstance(value, list):
        return [as_floats(item) for item in value]
    if isinstance(value, dict):
        return {key: as_floats(item) for key, item in value.items()}
    return value


class Program(Calls):
    """A compiled filter. Raises (constructor): JqSyntaxError."""

    def __init__(self, text: str) -> None:
        self._node = parse(text)
        env = Env(None)
        node = parse(PRELUDE)
        while node[0] == "def":
            env = env.with_function(node[1])
            node = node[2]
        self._env = env
        check(self._node, env)
        self._tick: Callable[[], None] = lambda: None
        self._steps = 0

    def run(self, value: JsonValue, tick: Callable[[], None] | None = None) -> Iterator[JsonValue]:
        """Yield the results for one input. Raises: JqError."""
        if tick is not None:
            self._tick = tick
        try:
            for _, found in self._run(self._node, self._env, None, as_floats(value)):
                yield found
        except BreakError:
            raise JqError("break") from None
        except RecursionError:
            raise JqError("nested too deeply") from None
        except OverflowError as exc:
            raise JqError(str(exc)) from None

    # -- evaluation

    def _run(self, node: Node, env: Env, path: Path | None, value: Any) -> Results:
        self._count_step()
        found: Results = _KINDS[node[0]](self, node, env, path, value)
        return found

    def _count_step(self) -> None:
        self._steps += 1
        if self._steps % _TICKS == 0:
            self._tick()

    def _values(self, node: Node, env: Env, value: Any) -> Iterator[Any]:
        return (found for _, found in self._run(node, env, None, value))

    def _identity(self, node: Node, env: Env, path: Path | None, value: Any) -> Results:
        yield path, value

    def _empty(self, node: Node, env: Env, path: Path | None, value: Any) -> Results:
        return iter(())

    def _literal(self, node: Node, env: Env, path: Path | None, value: Any) -> Results:
        yield nowhere(path), node[1]

    def _variable(self, node: Node, env: Env, path: Path | None, value: Any) -> Results:
        yield nowhere(path), env.variable(node[1])

    def _pipe(self, node: Node, env: Env, path: Path | None, value: Any) -> Results:
        for inner, found in self._run(node[1], env, path, value):
            yield from self._run(node[2], env, inner, found)

    def _comma(self, node: Node, env: Env, path: Path | None, value: Any) -> Results:
        yield from self._run(node[1], env, path, value)
        yield from self._run(node[2], env, path, value)

    def _alternative(self, node: Node, env: Env, path: Path | None, value: Any) -> Results:
        has_any = False
        try:
            for inner, found in self._run(node[1], env, path, value):
                if found is not None and found is not False:
                    has_any = True
                    yield inner, found
        except JqError:
            pass
        if not has_any:
            yield from self._run(node[2], env, path, value)

    def _negate(self, node: Node, env: Env, path: Path | None, value: Any) -> Results:
        for found in self._values(node[1], env, value):
            if type_name(found) != "number":
                raise JqError(f"{describe(found)} cannot be negated")
            yield nowhere(path), -found

    def _binary(self, node: Node, env: Env, path: Path | None, value: Any) -> Results:
        sign, left, right = node[1:]
        where = nowhere(path)
        if sign in ("and", "or"):
            for one in self._values(left, env, value):
                if is_true(one) is (sign == "or"):
                    yield where, sign == "or"
                else:
                    for other in self._values(right, env, value):
                        yield where, is_true(other)
            return
        test = _COMPARISONS.get(sign)
        for other in self._values(right, env, value):
            for one in self._values(left, env, value):
                yield where, test(compare(one, other)) if test else arithmetic(sign, one, other)

    def _index(self, node: Node, env: Env, path: Path | None, value: Any) -> Results:
        for inner, found in self._run(node[1], env, path, value):
            for key in self._values(node[2], env, value):
                yield below(inner, key, found), key_of(found, key)

    def _slice(self, node: Node, env: Env, path: Path | None, value: Any) -> Results:
        start, end = (part or ("literal", None) for part in node[2:])
        for inner, found in self._run(node[1], env, path, value):
            for last in self._values(end, env, value):
                for first in self._values(start, env, value):
                    key: Any = {"start": first, "end": last}
                    yield below(inner, key, found), key_of(found, key)

    def _iterate(self, node: Node, env: Env, path: Path | None, value: Any) -> Results:
        for inner, found in self._run(node[1], env, path, value):
            if isinstance(found, list):
                keys: Any = map(float, range(len(found)))
                items: Any = found
            elif isinstance(found, dict):
                keys = sorted(found)
                items = (found[key] for key in keys)
            else:
                raise JqError(
                    f"cannot iterate over {describe(found) if found is not None else 'null'}"
                )
            for key, item in zip(list(keys), items, strict=True):
                yield below(inner, key, found), item

    def _array(self, node: Node, env: Env, path: Path | None, value: Any) -> Results:
        yield nowhere(path), [] if node[1] is None else list(self._values(node[1], env, value))

    def _object(self, node: Node, env: Env, path: Path | None, value: Any) -> Results:
        found: list[dict[str, Any]] = [{}]
        for key_node, value_node in node[1]:
            longer = []
            for before in found:
                for key in self._values(key_node, env, value):
                    if not isinstance(key, str):
                        raise JqError(f"object keys must be strings, not {describe(key)}")
                    longer += [
                        {**before, key: item} for item in self._values(value_node, env, value)
                    ]
            found = longer
        for item in found:
            yield nowhere(path), item

    def _string(self, node: Node, env: Env, path: Path | None, value: Any) -> Results:
        parts = [
            [part]
            if isinstance(part, str)
            else [format_text(node[1] or "@text", item) for item in self._values(part, env, value)]
            for part in node[2]
        ]
        for choice in product(*parts):
            yield nowhere(path), "".join(choice)

    def _format(self, node: Node, env: Env, path: Path | None, value: Any) -> Results:
        yield nowhere(path), format_text(node[1], value)

    def _if(self, node: Node, env: Env, path: Path | None, value: Any) -> Results:
        for found in self._values(node[1], env, value):
            yield from self._run(node[2] if is_true(found) else node[3], env, path, value)

    def _try(self, node: Node, env: Env, path: Path | None, value: Any) -> Results:
        results: Results | None = None
        while True:
            # only errors of the body count, not of what takes its results
            try:
                results = results or self._run(node[1], env, path, value)
                found = next(results)
            except StopIteration:
                return
            except JqError as exc:
                if node[2] is not None:
                    yield from self._run(node[2], env, nowhere(path), exc.value)
                return
            yield found

    def _label(self, node: Node, env: Env, path: Path | None, value: Any) -> Results:
        label = object()
        try:
            yield from self._run(node[2], env.with_variable(f"label {node[1]}", label), path, value)
        except BreakError as exc:
            if exc.label is not label:
                raise

    def _break(self, node: Node, env: Env, path: Path | None, value: Any) -> Results:
        raise BreakError(env.variable(f"label {node[1]}"))

    def _bind(self, node: Node, env: Env, path: Path | None, value: Any) -> Results:
        for found in self._values(node[1], env, value):
            for inner in self._match(node[2], env, found):
                yield from self._run(node[3], inner, path, value)

    def _match(self, pattern: Node, env: Env, value: Any) -> Iterator[Env]:
        """Yield the environments in which a pattern has taken a value apart."""
        if pattern[0] == "variable":
            yield env.with_variable(pattern[1], value)
            return
        found = [env]
        if pattern[0] == "list":
            for at, part in enumerate(pattern[1]):
                item = key_of(value, float(at))
                found = [new for old in found for new in self._match(part, old, item)]
        else:
            for key_node, name, part in pattern[1]:
                longer: list[Env] = []
                for old in found:
                    for key in self._values(key_node, old, value):
                        item = key_of(value, key)
                        inner = old.with_variable(name, item) if name else old
                        longer += self._match(part, inner, item) if part else [inner]
                found = longer
        yield from found

    def _reduce(self, node: Node, env: Env, path: Path | None, value: Any) -> Results:
        for start in self._run(node[3], env, path, value):
            state = start
            for item in self._values(node[1], env, value):
                for inner in self._match(node[2], env, item):
                    last: Result = (state[0], None)
                    for result in self._run(node[4], inner, *state):
                        last = result
                    state = last
            yield state

    def _foreach(self, node: Node, env: Env, path: Path | None, value: Any) -> Results:
        for start in self._run(node[3], env, path, value):
            state = start
            for item in self._values(node[1], env, value):
                for inner in self._match(node[2], env, item):
                    for result in self._run(node[4], inner, *state):
                        state = result
                        if len(node) > 5:
                            yield from self._run(node[5], inner, *state)
                        else:
                            yield state

    def _def(self, node: Node, env: Env, path: Path | None, value: Any) -> Results:
        return self._run(node[2], env.with_function(node[1]), path, value)

    # -- calls

    def _call(self, node: Node, env: Env, path: Path | None, value: Any) -> Results:
        name, args = node[1:]
        found = env.function(name, len(args))
        if found is not None:
            return self._own(found, args, env, path, value)
        special = SPECIAL.get((name, len(args)))
        if special is not None:
            return special(self, args, env, path, value)
        return self._native(name, args, env, path, value)

    def _native(
        self, name: str, args: tuple[Node, ...], env: Env, path: Path | None, value: Any
    ) -> Results:
        function = FUNCTIONS[name, len(args)]
        choices = [list(self._values(arg, env, value)) for arg in reversed(args)]
        for choice in product(*choices):
            yield nowhere(path), function(value, *reversed(choice))

    def _own(
        self,
        function: tuple[tuple[str, ...], Node, Env],
        args: tuple[Node, ...],
        env: Env,
        path: Path | None,
        value: Any,
    ) -> Results:
        names, body, home = function
        frames = [Env(home)]
        for name, arg in zip(names, args, strict=True):
            plain = name.lstrip("$")
            if name == plain:
                for frame in frames:
                    frame.functions[name, 0] = ((), arg, env)
                continue
            longer = []
            for frame in frames:
                for item in self._values(arg, env, value):
                    inner = Env(frame)
                    inner.variables[name] = item
                    inner.functions[plain, 0] = ((), ("variable", name), inner)
                    longer.append(inner)
            frames = longer
        for frame in frames:
            yield from self._run(body, frame, path, value)


_KINDS: dict[str, Callable[..., Results]] = {
    name: getattr(Program, f"_{name}")
    for name in (
        "identity empty literal variable pipe comma alternative negate binary index slice iterate"
        " array object string format if try label break bind reduce foreach def assign call"
    ).split()
}
