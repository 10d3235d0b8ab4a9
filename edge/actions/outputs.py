"""`outputs.write`: publishes values for whoever started the run (spec 13 section 10)."""

from __future__ import annotations

from edge.actions.base import ActionContext, Outcome
from edge.actions.inprocess import run_in_process
from edge.actions.inputs import Inputs
from edge.core.jsontypes import JsonObject

__all__ = ["run_outputs"]


async def run_outputs(context: ActionContext) -> Outcome:
    """Publish the values, their JSON types kept; print nothing."""
    return await run_in_process(context, _write, ignores_stop=True)


async def _write(context: ActionContext, inputs: Inputs) -> JsonObject:
    return inputs.members("values")
