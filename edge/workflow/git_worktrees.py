"""Inputs of `git.worktree.add` and `git.worktree.remove` (spec 13 section 20)."""

from __future__ import annotations

from edge.workflow.decode import Decoded
from edge.workflow.nodes import MapNode, Node, ScalarNode
from edge.workflow.shapes import fail, is_null

__all__ = ["check_worktree"]

_TEXTS = {"add": ("branch", "path", "base"), "remove": ("branch", "path")}
_FLAGS = {"add": ("create_branch",), "remove": ("force", "delete_branch", "force_delete_branch")}


def check_worktree(operation: str, inputs: MapNode, fields: Decoded, place: Node) -> None:
    """Refuse wrong inputs, and any declaration of outputs. Raises: FaultError."""
    _refuse_outputs(fields)
    given: set[str] = set()
    for key, node in inputs.entries.items():
        if key in _TEXTS[operation]:
            value = node.value if isinstance(node, ScalarNode) else None
            if not isinstance(value, str) or not value.strip():
                fail(node, f"with.{key}", f"with.{key} must be a non-empty string")
            given.add(key)
        elif key in _FLAGS[operation]:
            value = node.value if isinstance(node, ScalarNode) else None
            if not isinstance(value, bool):
                fail(node, f"with.{key}", f"with.{key} must be a boolean")
            if value:
                given.add(key)
        else:
            fail(node, f"with.{key}", f'unsupported git worktree field "{key}"')
    if operation == "add":
        if "base" in given and "branch" in given and "create_branch" not in given:
            message = "with.base together with with.branch requires create_branch: true"
            fail(inputs.entries["base"], "with.base", message)
        return
    if not given & {"branch", "path"}:
        fail(place, "with", "git.worktree.remove requires with.branch or with.path")
    if "delete_branch" in given and "branch" not in given:
        at = inputs.entries["delete_branch"]
        fail(at, "with.delete_branch", "with.delete_branch requires with.branch")
    if "force_delete_branch" in given and "delete_branch" not in given:
        message = "with.force_delete_branch requires delete_branch: true"
        fail(inputs.entries["force_delete_branch"], "with.force_delete_branch", message)


def _refuse_outputs(fields: Decoded) -> None:
    message = "git worktree actions have fixed outputs"
    for key in ("output", "outputs"):
        node = fields.get(key)
        if node is not None:
            fail(node, key, message)
    stdout = fields.get("stdout")
    if isinstance(stdout, MapNode) and not is_null(stdout.entries.get("outputs")):
        fail(stdout.entries["outputs"], "stdout.outputs", message)
