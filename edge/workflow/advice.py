"""What `validate` says about old forms that still work (spec 10 sections 13.1 and 14).

Reads the tree as it is written, so that the paths are those of the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from edge.workflow.fields import CONTEXTS
from edge.workflow.model import DAGType
from edge.workflow.nodes import ListNode, MapNode, Node, ScalarNode
from edge.workflow.shapes import is_null

__all__ = ["called_by_run", "deprecations", "order_warning", "written_steps"]

_REPLACEMENTS = {
    name: field.deprecated for name, field in CONTEXTS["step"].items() if field.deprecated
}
_NAME = re.compile(r"[a-zA-Z0-9_.-]+\Z")
_LEGACY = frozenset(("command", "script", "exec", "type", "call", "executor"))
_PARALLEL = (
    "type is not set: steps run in parallel (Dagu 1.30 ran them in order); set type: chain or graph"
)


def written_steps(root: MapNode) -> Iterator[tuple[str, Node]]:
    """Yield the path and the node of every step and handler, bodies of `foreach` included."""
    yield from _below(root.entries.get("steps"), "steps")
    for key in ("handler_on", "handlerOn"):
        handlers = root.entries.get(key)
        if isinstance(handlers, MapNode):
            for event, node in handlers.entries.items():
                yield from _one(node, f"{key}.{event}")


def _below(node: Node | None, path: str) -> Iterator[tuple[str, Node]]:
    if isinstance(node, MapNode):
        for name, step in node.entries.items():
            yield from _one(step, f"{path}.{name}")
    elif isinstance(node, ListNode):
        for index, step in enumerate(node.items):
            if isinstance(step, ListNode):
                for at, member in enumerate(step.items):
                    yield from _one(member, f"{path}[{index}][{at}]")
            else:
                yield from _one(step, f"{path}[{index}]")


def _one(node: Node, path: str) -> Iterator[tuple[str, Node]]:
    yield path, node
    body = node.entries.get("foreach") if isinstance(node, MapNode) else None
    if isinstance(body, MapNode):
        yield from _below(body.entries.get("steps"), f"{path}.foreach.steps")


def deprecations(root: MapNode, prefix: str = "") -> list[str]:
    """Return the warnings `Deprecated DAG syntax: ...`, in the order of the file.

    `prefix` is that of the paths of a later document.
    """
    found = []
    kind = root.entries.get("type")
    if isinstance(kind, ScalarNode) and kind.value == "controller":
        found.append(f"{prefix}type: controller is deprecated; use type: agent")
    if not is_null(root.entries.get("step_types")):
        found.append(f"{prefix}step_types is deprecated; use actions")
    for path, node in written_steps(root):
        if isinstance(node, ScalarNode) and isinstance(node.value, str):
            found.append(f"{prefix}{path} string shorthand is deprecated; use run")
        elif isinstance(node, MapNode):
            found += [prefix + text for text in _of_step(node, path)]
    return [f"Deprecated DAG syntax: {text}" for text in found]


def _of_step(step: MapNode, path: str) -> Iterator[str]:
    for key in step.entries:
        if key in _REPLACEMENTS:
            yield f"{path}.{key} is deprecated; {_REPLACEMENTS[key]}"
    if "with" in step.entries and not {"run", "action"} & step.entries.keys():
        yield f"{path}.with is deprecated with legacy execution syntax; use action with with"


def called_by_run(root: MapNode, is_dag: Callable[[str], bool], prefix: str = "") -> list[str]:
    """Warn of `run: NAME` in a 1.30 document, where it was a way to call a DAG (section 13.1)."""
    found = []
    for path, node in written_steps(root):
        run = node.entries.get("run") if isinstance(node, MapNode) else None
        value = run.value if isinstance(run, ScalarNode) else None
        if isinstance(value, str) and _NAME.match(value.strip()) and is_dag(value.strip()):
            found.append(
                f"{prefix}{path}.run is a shell command; Dagu 1.30 called the DAG"
                f" {value.strip()} here: use action: dag.run with with.dag"
            )
    return found


def order_warning(root: MapNode, dag_type: DAGType, prefix: str = "") -> list[str]:
    """Warn where Dagu 1.30 ran the steps in order and the newest does not (section 13.1)."""
    kind = root.entries.get("type")
    if dag_type is not DAGType.GRAPH or not is_null(kind):
        return []
    steps = root.entries.get("steps")
    found = [node for _, node in _below(steps, "steps")]
    if not isinstance(steps, ListNode) or len(found) < 2:
        return []
    is_old = False
    for node in found:
        if isinstance(node, MapNode):
            if "depends" in node.entries:
                return []
            is_old = is_old or not _LEGACY.isdisjoint(node.entries)
        else:
            is_old = True
    return [prefix + _PARALLEL] if is_old else []
