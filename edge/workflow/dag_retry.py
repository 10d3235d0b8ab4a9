"""`retry_policy` of the root: the scheduler starts a failed run again (spec 10 section 7.2)."""

from __future__ import annotations

import re

from edge.workflow.decode import Decoded
from edge.workflow.model import DAGRetryPolicy
from edge.workflow.nodes import MapNode, Node, ScalarNode, go_text, go_type
from edge.workflow.policies import read_backoff
from edge.workflow.problems import Findings
from edge.workflow.shapes import fail

__all__ = ["read_dag_retry_policy"]

_PATH = "retry_policy"


def read_dag_retry_policy(node: Node | None) -> DAGRetryPolicy | None:
    """Return the policy, every number concrete; None when there is none.

    Raises: FaultError with every fault of it.
    """
    if not isinstance(node, MapNode):
        return None
    fields = Decoded(node)
    found = Findings()
    policy = DAGRetryPolicy(
        limit=found.read(lambda: _limit(fields), 0),
        interval_s=found.read(lambda: _seconds(fields, "interval_sec", 60), 60),
        backoff=found.read(lambda: read_backoff(fields, _PATH), 0.0),
        max_interval_s=found.read(lambda: _seconds(fields, "max_interval_sec", 3600), 3600),
    )
    found.raise_any()
    return policy


def _limit(fields: Decoded) -> int:
    node = fields.get("limit")
    if node is None:
        fail(fields.node, f"{_PATH}.limit", "limit is required when retry_policy is specified")
    value = _integer(node, "limit")
    if value < 0:
        fail(node, f"{_PATH}.limit", "limit must be >= 0", go_text(node))
    return value


def _seconds(fields: Decoded, key: str, default: int) -> int:
    node = fields.get(key)
    if node is None:
        return default
    value = _integer(node, key)
    if value <= 0:
        fail(node, f"{_PATH}.{key}", f"{key} must be > 0", go_text(node))
    return value


def _integer(node: Node, key: str) -> int:
    value = node.value if isinstance(node, ScalarNode) else None
    if isinstance(value, str):
        if re.fullmatch(r"[+-]?[0-9]{1,18}", value.strip(), re.ASCII):
            return int(value)
        fail(node, f"{_PATH}.{key}", f"{key} must be an integer or numeric string", value)
    if isinstance(value, bool) or not isinstance(value, int):
        fail(node, f"{_PATH}.{key}", f"invalid type: {go_type(node)}", go_text(node))
    if not -(2**63) <= value < 2**63:
        fail(node, f"{_PATH}.{key}", f"{key} must be an integer or numeric string", go_text(node))
    return value
