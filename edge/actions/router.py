"""`router.route`: prints its routes; the targets decide by preconditions (spec 13 section 15).

What makes steps targets is done at load (`workflow.routers`), so nothing is chosen here.
"""

from __future__ import annotations

from edge.actions.base import ActionContext, Outcome

__all__ = ["run_router"]


async def run_router(context: ActionContext) -> Outcome:
    """Print the value as it is written, and each route with its targets."""
    router = context.step.router
    assert router is not None
    lines = [f"Router evaluating: {router.value}"]
    lines += [f"  {pattern} -> [{' '.join(targets)}]" for pattern, targets in router.routes]
    context.write_stdout(("\n".join(lines) + "\n").encode("utf-8", "surrogateescape"))
    return Outcome(0)
