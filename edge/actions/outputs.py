"""`outputs.write`: publishes values for whoever started the run (spec 13 section 10)."""

from __future__ import annotations

from edge.actions.base import ActionContext, Outcome
from edge.actions.options import resolved_options

__all__ = ["run_outputs"]

_ERROR = "failed to set up step: outputs: configuration error: "


async def run_outputs(context: ActionContext) -> Outcome:
    """Publish the values, their JSON types kept; print nothing."""
    values = resolved_options(context.step, context.scope).get("values")
    if not isinstance(values, dict):
        return Outcome(1, f"{_ERROR}values is required for write")
    if not values:
        return Outcome(1, f"{_ERROR}values must not be empty")
    if not all(key.strip() for key in values):
        return Outcome(1, f"{_ERROR}values contains an empty key")
    return Outcome(0, published=values)
