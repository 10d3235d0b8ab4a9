"""`log.write`: prints a message (spec 13 section 10)."""

from __future__ import annotations

from edge.actions.base import ActionContext, Outcome
from edge.actions.options import option_text, resolved_options

__all__ = ["run_log"]


async def run_log(context: ActionContext) -> Outcome:
    """Print the message, with a newline if it has none."""
    message = option_text(resolved_options(context.step, context.scope).get("message"))
    if not message:
        return Outcome(1, "failed to set up step: log: message is required")
    text = message if message.endswith("\n") else message + "\n"
    context.write_stdout(text.encode("utf-8", "surrogateescape"))
    return Outcome(0)
