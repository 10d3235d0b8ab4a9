"""`log.write`: prints a message (spec 13 section 10)."""

from __future__ import annotations

from edge.actions.base import ActionContext, Outcome
from edge.actions.inprocess import run_in_process
from edge.actions.inputs import Inputs

__all__ = ["run_log"]


async def run_log(context: ActionContext) -> Outcome:
    """Print the message, with a newline if it has none."""
    return await run_in_process(context, _write, ignores_stop=True)


async def _write(context: ActionContext, inputs: Inputs) -> None:
    message = inputs.text("message")
    text = message if message.endswith("\n") else message + "\n"
    context.write_stdout(text.encode("utf-8", "surrogateescape"))
