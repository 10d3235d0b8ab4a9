"""`noop`: succeeds at once; what it publishes is in its `output` (spec 13 section 10)."""

from __future__ import annotations

from edge.actions.base import ActionContext, Outcome

__all__ = ["run_noop"]


async def run_noop(context: ActionContext) -> Outcome:
    """Do nothing."""
    return Outcome(0)
