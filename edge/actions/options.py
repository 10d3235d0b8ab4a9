"""The `with` of a step when it runs (spec 13 section 1.3)."""

from __future__ import annotations

from edge.core.jsontypes import JsonObject, JsonValue
from edge.workflow.field_policy import policy_of
from edge.workflow.model import Step
from edge.workflow.values import Scope, resolve

__all__ = ["option_text", "resolved_options"]

_POLICY = policy_of("steps[].with")


def resolved_options(step: Step, scope: Scope) -> JsonObject:
    """Return the step's options, every text inside them resolved; keys stay."""
    return {key: _resolved(value, scope) for key, value in step.options.items()}


def _resolved(value: JsonValue, scope: Scope) -> JsonValue:
    if isinstance(value, str):
        return resolve(value, _POLICY, scope)
    if isinstance(value, list):
        return [_resolved(item, scope) for item in value]
    if isinstance(value, dict):
        return {key: _resolved(item, scope) for key, item in value.items()}
    return value


def option_text(value: JsonValue) -> str:
    """Return an option as text: weakly, a number or flag is taken for one."""
    if isinstance(value, bool):
        return "1" if value else "0"
    return "" if value is None else str(value)
