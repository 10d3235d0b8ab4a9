"""Where the steps stand in a composed document, for `migrate-dag`."""

from __future__ import annotations

from collections.abc import Iterator

from yaml.nodes import MappingNode, Node, SequenceNode

from edge.workflow.migrate_source import value_of

__all__ = ["children", "outer_steps", "written_steps"]


def children(node: Node) -> list[Node]:
    """Return the steps below `steps`: of a list with its groups, or of a map."""
    if isinstance(node, MappingNode):
        return [value for _, value in node.value]
    found: list[Node] = []
    for item in node.value if isinstance(node, SequenceNode) else ():
        found += item.value if isinstance(item, SequenceNode) else [item]
    return found


def written_steps(root: MappingNode) -> Iterator[tuple[str, Node]]:
    """Yield path and node of every step and handler, the innermost of `foreach` first."""
    yield from _below(value_of(root, "steps"), "steps")
    handlers = value_of(root, "handler_on")
    if isinstance(handlers, MappingNode):
        for name, value in handlers.value:
            if isinstance(value, MappingNode):
                yield from _one(value, f"handler_on.{name.value}")


def outer_steps(root: MappingNode) -> list[Node]:
    """Return the nodes of the steps in the order of the built ones."""
    steps = value_of(root, "steps")
    if isinstance(steps, MappingNode):
        return [value for _, value in sorted(steps.value, key=lambda pair: str(pair[0].value))]
    return [] if steps is None else children(steps)


def _below(node: Node | None, path: str) -> Iterator[tuple[str, Node]]:
    if isinstance(node, MappingNode):
        for name, step in node.value:
            yield from _one(step, f"{path}.{name.value}")
    elif isinstance(node, SequenceNode):
        for index, step in enumerate(node.value):
            if isinstance(step, SequenceNode):
                for at, member in enumerate(step.value):
                    yield from _one(member, f"{path}[{index}][{at}]")
            else:
                yield from _one(step, f"{path}[{index}]")


def _one(node: Node, path: str) -> Iterator[tuple[str, Node]]:
    body = value_of(node, "foreach") if isinstance(node, MappingNode) else None
    if isinstance(body, MappingNode):
        yield from _below(value_of(body, "steps"), f"{path}.foreach.steps")
    yield path, node
