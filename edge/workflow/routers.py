"""Routers: their table of routes, and what it does to the targets (spec 13 section 15)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from edge.workflow.model import Precondition, Router, Step
from edge.workflow.nodes import ListNode, MapNode, Node, ScalarNode, go_text
from edge.workflow.problems import Fault, FaultError
from edge.workflow.shapes import fail, is_null

if TYPE_CHECKING:
    from edge.workflow.identity import NamedStep

__all__ = ["check_routers", "link_routers", "read_router"]


def read_router(value: Node | None, routes: Node | None, place: Node, canonical: bool) -> Router:
    """Return the routes in listing order; `canonical` = inputs of `with`. Raises: FaultError."""
    prefix = "with." if canonical else ""
    text = value.value if isinstance(value, ScalarNode) else None
    if is_null(value):
        fail(place, f"{prefix}value", f"{prefix}value is required")
    if not isinstance(text, str) or not text.strip():
        assert value is not None
        fail(value, f"{prefix}value", f"{prefix}value must be a non-empty string", go_text(value))
    if is_null(routes):
        fail(place, f"{prefix}routes", f"{prefix}routes is required")
    assert routes is not None
    if not isinstance(routes, MapNode):
        message = f"{prefix}routes must be a map of patterns to lists of step names"
        fail(routes, f"{prefix}routes", message, go_text(routes))
    if not routes.entries:
        fail(routes, "routes", "router step requires at least one route")
    found = {key: _targets(key, node) for key, node in routes.entries.items()}
    return Router(text, tuple((key, found[key]) for key in sorted(found, key=_order)))


def _order(pattern: str) -> tuple[int, str]:
    """Exact patterns first, then expressions, the one that matches everything last."""
    if not pattern.startswith("re:"):
        return 0, pattern
    return (2 if pattern == "re:.*" else 1), pattern


def _targets(pattern: str, node: Node) -> tuple[str, ...]:
    if not pattern:
        fail(node, "routes", "route pattern must not be empty")
    if is_null(node) or (isinstance(node, ListNode) and not node.items):
        fail(node, "routes", f'route pattern "{pattern}" has no targets')
    if not isinstance(node, ListNode):
        message = f'route pattern "{pattern}" must have a list of step names'
        fail(node, "routes", message, go_text(node))
    names = []
    for item in node.items:
        value = item.value if isinstance(item, ScalarNode) else None
        if not isinstance(value, str) or not value:
            message = f'targets of route pattern "{pattern}" must be step names'
            fail(item, "routes", message, go_text(item))
        names.append(value)
    return tuple(names)


def check_routers(built: Sequence[NamedStep], names: Sequence[str]) -> Iterator[Fault]:
    """Yield the faults of a chain that holds routers."""
    for item, name in zip(built, names, strict=True):
        if item.step.router is not None:
            message = (
                f"step '{name}': router steps require type 'graph'; change DAG type from 'chain'"
                " to 'graph' to use router steps"
            )
            yield _fault(item, "type", message, name)


def link_routers(
    steps: Sequence[Step], built: Sequence[NamedStep], *, chain: bool = False
) -> tuple[Step, ...]:
    """Let the targets of routers wait for them: precondition, dependency, `continue_on.skipped`.

    `steps` are named and in the order of `built`. Raises: FaultError with every finding.
    """
    if all(step.router is None for step in steps):
        return tuple(steps)
    if chain:
        raise FaultError(list(check_routers(built, [step.name for step in steps])))
    by_name = {step.name: index for index, step in enumerate(steps)}
    by_id = {step.id: index for index, step in enumerate(steps) if step.id}
    linked = list(steps)
    faults: list[Fault] = []
    for index, item in enumerate(built):
        router = steps[index].router
        if router is None:
            continue
        skipped = replace(linked[index].continue_on, skipped=True)
        linked[index] = replace(linked[index], continue_on=skipped)
        name = steps[index].name
        routes = []
        seen: set[int] = set()
        for pattern, targets in router.routes:
            for target in targets:
                at = by_name.get(target, by_id.get(target, -1))
                if at < 0:
                    message = f'router "{name}" references non-existent step "{target}"'
                    faults.append(_fault(item, "routes", message, target))
                elif at in seen:
                    message = (
                        f'step "{target}" is targeted by multiple routes of router "{name}";'
                        " each step can only be a target of one route"
                    )
                    faults.append(_fault(item, "routes", message, target))
                else:
                    seen.add(at)
                    linked[at] = _target(linked[at], name, router.value, pattern)
            routes.append(
                (pattern, tuple(steps[by_name.get(t, by_id.get(t, index))].name for t in targets))
            )
        linked[index] = replace(linked[index], router=Router(router.value, tuple(routes)))
    if faults:
        raise FaultError(faults)
    return tuple(linked)


def _target(step: Step, router: str, value: str, pattern: str) -> Step:
    depends = step.depends if router in step.depends else (*step.depends, router)
    return replace(
        step,
        depends=depends,
        preconditions=(*step.preconditions, Precondition(condition=value, expected=pattern)),
        continue_on=replace(step.continue_on, skipped=True),
    )


def _fault(item: NamedStep, key: str, message: str, value: str) -> Fault:
    inputs = item.fields.get("with")
    node = item.fields.get(key)
    if node is None and isinstance(inputs, MapNode):
        node = inputs.entries.get(key)
    if node is None:
        node = item.fields.at("action")
    return Fault(
        node.line,
        node.column,
        f"{item.path}.{key}",
        message,
        bullet=f"field 'steps': field '{key}': {message} (value: {value}) ({item.path})",
    )
