"""The language of Dagu 1.30, turned into ours before anything else sees it (spec 10 section 13).

A rewrite of the tree only: each new key keeps the place of the old one, so that every later message
points into the file as it is written.
"""

from __future__ import annotations

from edge.workflow.dialect_keys import CHILDREN, EXECUTORS, RENAMED, ROOT_MOVED, snake
from edge.workflow.nodes import ListNode, MapNode, Node, ScalarNode, go_type
from edge.workflow.problems import Fault, FaultError
from edge.workflow.shapes import is_null

__all__ = ["Normalised", "is_v1", "normalise"]


class Normalised:
    """A document in our spelling, and what `validate` says about the old one."""

    __slots__ = ("root", "warnings")

    def __init__(self, root: MapNode, warnings: list[str]) -> None:
        self.root = root
        self.warnings = warnings


def is_v1(root: MapNode) -> bool:
    """Tell whether the document holds a key that only Dagu 1.30 knows (spec 10 section 13.1)."""
    return not root.entries.keys().isdisjoint(ROOT_MOVED) or _has_marker(root, "root")


def normalise(root: MapNode, *, prefix: str = "") -> Normalised:
    """Return a 1.30 document in our spelling.

    `prefix` is put before the paths of warnings. Raises: FaultError(decoding=True) for a key in
    both spellings.
    """
    work = _Work()
    done = work.root(root)
    if work.faults:
        raise FaultError(work.faults, decoding=True)
    return Normalised(done, [prefix + text for text in work.warnings])


def _has_marker(node: Node, context: str) -> bool:
    if context == "steps":
        return any(_has_marker(step, "step") for step, _ in _steps(node, ""))
    if not isinstance(node, MapNode):
        return False
    renamed = RENAMED.get(context, {})
    if not node.entries.keys().isdisjoint(renamed):
        return True
    children = CHILDREN.get(context)
    if children is None:
        return False
    entries = node.entries
    return any(_has_marker(entries[key], children[key]) for key in children.keys() & entries.keys())


def _steps(node: Node, path: str) -> list[tuple[Node, str]]:
    """Return the steps of a list with its groups, or of a map, with their paths."""
    if isinstance(node, MapNode):
        return [(value, f"{path}.{name}") for name, value in node.entries.items()]
    found: list[tuple[Node, str]] = []
    for index, item in enumerate(node.items if isinstance(node, ListNode) else ()):
        where = f"{path}[{index}]"
        if isinstance(item, ListNode):
            found += [(child, f"{where}[{at}]") for at, child in enumerate(item.items)]
        else:
            found.append((item, where))
    return found


class _Work:
    """One walk over a document."""

    __slots__ = ("faults", "warnings")

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.faults: list[Fault] = []

    def root(self, node: MapNode) -> MapNode:
        node = self._without_moved(node)
        return self._map(node, "root", "")

    def _tell(self, path: str, new: str) -> None:
        self.warnings.append(f"{path} is Dagu 1.30 spelling; use {new}")

    def _twice(self, node: MapNode, key: str, new: str, path: str) -> None:
        line, column = node.keys[key]
        text = f"'{path}' is the same as '{new}', which is given too; keep '{new}'"
        self.faults.append(Fault(line, column, path, text, bullet=text))

    def _without_moved(self, root: MapNode) -> MapNode:
        entries, keys = dict(root.entries), dict(root.keys)
        for old in root.entries:
            if old not in ROOT_MOVED:
                continue
            outer, inner = ROOT_MOVED[old]
            value, place = entries.pop(old), keys.pop(old)
            self._tell(old, f"{outer}.{inner}")
            before = entries.get(outer)
            if before is not None and not is_null(before) and not isinstance(before, MapNode):
                continue  # the table says that the object has a wrong type
            known = before.entries if isinstance(before, MapNode) else {}
            if inner in known:
                self._twice(root, old, f"{outer}.{inner}", old)
            below = before.keys if isinstance(before, MapNode) else {}
            keys.setdefault(outer, place)
            entries[outer] = MapNode(
                place[0], place[1], {**known, inner: value}, {**below, inner: place}
            )
        return MapNode(root.line, root.column, entries, keys)

    def _node(self, node: Node, context: str, path: str) -> Node:
        if context == "steps":
            return self._step_list(node, path)
        if not isinstance(node, MapNode):
            return node
        return self._map(node, context, path)

    def _step_list(self, node: Node, path: str) -> Node:
        if isinstance(node, MapNode):
            entries = {
                name: self._node(value, "step", f"{path}.{name}")
                for name, value in node.entries.items()
            }
            return MapNode(node.line, node.column, entries, node.keys)
        if not isinstance(node, ListNode):
            return node
        items: list[Node] = []
        for index, item in enumerate(node.items):
            where = f"{path}[{index}]"
            if isinstance(item, ListNode):
                group = [
                    self._node(child, "step", f"{where}[{at}]")
                    for at, child in enumerate(item.items)
                ]
                items.append(ListNode(item.line, item.column, group))
            else:
                items.append(self._node(item, "step", where))
        return ListNode(node.line, node.column, items)

    def _map(self, node: MapNode, context: str, path: str) -> MapNode:
        dot = f"{path}." if path else ""
        renamed = RENAMED.get(context, {})
        children = CHILDREN.get(context, {})
        entries: dict[str, Node] = {}
        keys: dict[str, tuple[int, int]] = {}
        for key, value in node.entries.items():
            new = renamed.get(key, key)
            where = dot + key
            if key == "executor" and context == "step":
                self._executor(node, value, where, entries, keys)
                continue
            if new != key:
                self._tell(where, new)
                if new in node.entries and not self._may_meet(node, key, new, dot):
                    continue
            if new == "preconditions":
                value = _conditions(value)
                if key != new and new in node.entries:
                    value = _joined(value, _conditions(node.entries[new]))
                elif new in entries:
                    continue  # already joined with `precondition`
            elif new in children:
                value = self._node(value, children[new], where)
            entries[new] = value
            keys[new] = node.keys[key]
        done = MapNode(node.line, node.column, entries, keys)
        return self._options(done, path) if context == "step" else done

    def _may_meet(self, node: MapNode, key: str, new: str, dot: str) -> bool:
        """Tell whether the value of an old key counts beside its new one; both may be an error."""
        if key == "dir":
            return False  # working_dir wins
        if key == "precondition":
            return True
        self._twice(node, key, dot + new, dot + key)
        return False

    def _executor(
        self,
        step: MapNode,
        value: Node,
        path: str,
        entries: dict[str, Node],
        keys: dict[str, tuple[int, int]],
    ) -> None:
        """Turn `executor: TYPE` or `{type, config}` into `type` and `with`."""
        self.warnings.append(
            f"{path} is Dagu 1.30 spelling; use action and pass executor options under with"
        )
        place = step.keys["executor"]
        if is_null(value):
            return
        parts: dict[str, Node]
        if isinstance(value, MapNode):
            parts = value.entries
        elif isinstance(value, ScalarNode) and isinstance(value.value, str):
            parts = {"type": value}
        else:
            text = f"'{path}' must be a string or an object, got {go_type(value)}"
            self.faults.append(Fault(value.line, value.column, path, text, bullet=text))
            return
        for key, part in parts.items():
            if key not in ("type", "config"):
                text = f"'{path}' has invalid keys: {key}"
                line, column = value.keys[key] if isinstance(value, MapNode) else place
                self.faults.append(Fault(line, column, f"{path}.{key}", text, bullet=text))
                continue
            if is_null(part) or (isinstance(part, ScalarNode) and part.value == ""):
                continue
            new = "type" if key == "type" else "with"
            taken = [name for name in (new, key) if name in step.entries]
            if taken:
                self._twice(step, "executor", taken[0], f"{path}.{key}")
                continue
            entries[new] = part
            keys[new] = value.keys[key] if isinstance(value, MapNode) else place

    def _options(self, step: MapNode, path: str) -> MapNode:
        """Respell the options of a builtin executor, one level deep."""
        entries = dict(step.entries)
        executor = _executor_of(step)
        if executor not in EXECUTORS:
            return step
        for key in ("with", "config"):
            options = entries.get(key)
            if isinstance(options, MapNode):
                entries[key] = self._snake(options, f"{path}.{key}")
        return MapNode(step.line, step.column, entries, step.keys)

    def _snake(self, options: MapNode, path: str) -> MapNode:
        entries: dict[str, Node] = {}
        keys: dict[str, tuple[int, int]] = {}
        for key, value in options.entries.items():
            new = snake(key)
            if new != key:
                self._tell(f"{path}.{key}", new)
                if new in options.entries:
                    self._twice(options, key, f"{path}.{new}", f"{path}.{key}")
                    continue
            entries[new] = value
            keys[new] = options.keys[key]
        return MapNode(options.line, options.column, entries, keys)


def _executor_of(step: MapNode) -> str:
    for key in ("type", "action"):
        node = step.entries.get(key)
        if isinstance(node, ScalarNode) and isinstance(node.value, str):
            return node.value.strip().partition(".")[0]
    return ""


def _conditions(node: Node) -> Node:
    """Return preconditions as a list whose maps say `condition` for `command`."""
    if isinstance(node, MapNode):
        return ListNode(node.line, node.column, [_condition(node)])
    if isinstance(node, ListNode):
        return ListNode(node.line, node.column, [_condition(item) for item in node.items])
    return node


def _condition(node: Node) -> Node:
    if not isinstance(node, MapNode):
        return node
    lowered = {key.lower() for key in node.entries}
    if "command" not in lowered or "condition" in lowered:
        return node

    def new(key: str) -> str:
        return "condition" if key.lower() == "command" else key

    return MapNode(
        node.line,
        node.column,
        {new(key): value for key, value in node.entries.items()},
        {new(key): place for key, place in node.keys.items()},
    )


def _joined(first: Node, second: Node) -> Node:
    """Return both as one list; a value of a wrong shape stays, so that it is reported."""
    if is_null(first):
        return second
    if is_null(second):
        return first
    items = [
        item
        for node in (first, second)
        for item in (node.items if isinstance(node, ListNode) else [node])
    ]
    return ListNode(first.line, first.column, items)
