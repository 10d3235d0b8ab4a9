"""`worker_selector` of the root: which workers may run the DAG (spec 10 section 11)."""

from __future__ import annotations

from collections.abc import Mapping

from edge.core.errors import UserError
from edge.workflow.field_policy import policy_of
from edge.workflow.model import DAG
from edge.workflow.nodes import MapNode, Node, ScalarNode, go_text
from edge.workflow.shapes import fail
from edge.workflow.values import Scope, Source, resolve

__all__ = ["read_selector", "resolve_selector"]

_FIELD = "worker_selector"


def read_selector(node: Node | None) -> Mapping[str, str] | str | None:
    """Return the labels as written, `local`, or None when nothing is said.

    References stay; a key that needs none must be neither empty nor there twice.
    Raises: FaultError.
    """
    if node is None:
        return None
    if isinstance(node, ScalarNode) and isinstance(node.value, str):
        if node.value.strip().lower() == "local":
            return "local"
        fail(
            node,
            _FIELD,
            f'unsupported worker_selector string value "{node.value}"; the only allowed string'
            ' value is "local"',
        )
    if not isinstance(node, MapNode):
        fail(node, _FIELD, 'worker_selector must be a map or "local"', go_text(node))
    found: dict[str, str] = {}
    for written, value in node.entries.items():
        key = written.strip()
        message = _fault_of(key, found)
        if message:
            fail(value, _FIELD, message)
        found[key] = go_text(value).strip()
    return found or None


def resolve_selector(
    dag: DAG, params: Mapping[str, str], host: Mapping[str, str]
) -> dict[str, str]:
    """Return the labels that a run with these parameters asks for; empty for none or `local`.

    References see constants, parameters and the DAG's own environment; `host` is the process
    environment, which only the DAG's `env` may read. Raises: UserError for an empty or a
    duplicate key.
    """
    written = dag.label_selector
    if not any("$" in key or "$" in value for key, value in written.items()):
        return written
    scope = Scope(consts=dag.consts, params=params, host=host)
    named = [(name, value) for name, value in params.items() if not name.isdigit()]
    scope = scope.child(named, Source.PARAM)
    for entry in dag.env:
        value = resolve(entry.value, policy_of("env"), scope)
        scope = scope.child([(entry.name, value)], Source.DAG_ENV)
    found: dict[str, str] = {}
    for key, value in written.items():
        label = resolve(key, policy_of(_FIELD), scope).strip()
        message = _fault_of(label, found)
        if message:
            raise UserError(f"field '{_FIELD}': {message}")
        found[label] = resolve(value, policy_of(_FIELD), scope).strip()
    return found


def _fault_of(key: str, taken: Mapping[str, str]) -> str:
    if not key:
        return "a worker label resolved to an empty key"
    if key in taken:
        return f'worker labels resolve to duplicate key "{key}"'
    return ""
