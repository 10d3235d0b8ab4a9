"""What a step that was pushed back knows of it (spec 12 section 14). Pure."""

from __future__ import annotations

import json

from edge.core.jsontypes import JsonObject
from edge.core.record import NodeRecord

__all__ = ["push_back_env"]


def push_back_env(node: NodeRecord) -> dict[str, str]:
    """Return the variables of a pushed-back node; empty for any other one."""
    iteration = node.extra.get("approvalIteration")
    if not isinstance(iteration, int) or iteration < 1:
        return {}
    given = node.extra.get("pushBackInputs")
    inputs = given if isinstance(given, dict) else {}
    found = {name: str(value) for name, value in inputs.items()}
    found["DAG_PUSHBACK_ITERATION"] = str(iteration)
    found["DAG_PUSHBACK_PREVIOUS_STDOUT_FILE"] = str(node.extra.get("pushBackPreviousStdout", ""))
    past = node.extra.get("pushBackHistory")
    rounds = past if isinstance(past, list) else []
    history = [_shown(item) for item in rounds if isinstance(item, dict)]
    last = history[-1] if history else {"iteration": iteration}
    whole: JsonObject = {**last, "history": list(history)}
    found["DAG_PUSHBACK"] = json.dumps(whole, ensure_ascii=False, separators=(",", ":"))
    return found


def _shown(entry: JsonObject) -> JsonObject:
    return {key: entry[key] for key in ("iteration", "by", "at", "inputs") if entry.get(key)}
