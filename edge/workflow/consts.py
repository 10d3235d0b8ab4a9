"""`consts`: the constants of a document (spec 11 section 4)."""

from __future__ import annotations

from collections.abc import Mapping

from edge.workflow.nodes import (
    ListNode,
    MapNode,
    Node,
    ScalarNode,
    decimal_text,
    go_text,
    scalar_text,
)
from edge.workflow.shapes import fail, is_null
from edge.workflow.values import Policy, Scope, resolve
from edge.workflow.words import is_name

__all__ = ["read_consts"]

#: constants may be built from earlier ones; doubling line by line must not fill the memory
_MAX_TEXT = 1024 * 1024


def read_consts(node: Node | None, inherited: Mapping[str, str]) -> dict[str, str]:
    """Return constants in order over the inherited ones (spec 11 section 4).

    A text may use `${consts.x}` of an earlier entry; everything else stays as written.
    """
    found = dict(inherited)
    if node is None or is_null(node):
        return found
    if not isinstance(node, ListNode):
        fail(node, "consts", "consts must use list form", go_text(node))
    own: set[str] = set()
    for index, item in enumerate(node.items):
        if not isinstance(item, MapNode):
            fail(item, f"consts[{index}]", "consts entries must be single-entry mappings")
        if len(item.entries) != 1:
            fail(item, f"consts[{index}]", "consts entries must contain exactly one key")
        (name, value) = next(iter(item.entries.items()))
        if not is_name(name):
            fail(item, f"consts[{index}]", f'consts key "{name}" is invalid', name)
        if name in own:
            fail(item, f"consts.{name}", f'consts key "{name}" is defined more than once', name)
        own.add(name)
        scalar = value.value if isinstance(value, ScalarNode) else None
        if scalar is None or (isinstance(scalar, float) and scalar - scalar != 0):
            fail(
                value,
                f"consts.{name}",
                f'const "{name}" must be a literal string, number, or boolean',
                go_text(value),
            )
        if isinstance(scalar, str):
            found[name] = resolve(scalar, Policy.STRICT, Scope(consts=found))
            if len(found[name]) > _MAX_TEXT:
                fail(value, f"consts.{name}", f'const "{name}" is longer than 1 MiB')
        else:
            found[name] = decimal_text(scalar) if isinstance(scalar, float) else scalar_text(scalar)
    return found
