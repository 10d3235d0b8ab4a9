"""`wait.http`: polls until a server answers with a status (spec 13 section 14).

Network errors and other statuses mean another try, for ever: the limit is the step's timeout.
"""

from __future__ import annotations

import trio

from edge.actions.base import ActionContext, ActionError, Outcome
from edge.actions.http_client import HttpFailure, Request, exchange
from edge.actions.inprocess import run_in_process
from edge.actions.inputs import Inputs
from edge.actions.wait import poll_interval_s
from edge.core.durations import parse_go_duration
from edge.workflow.with_resolved import as_text

__all__ = ["wait_http"]

_DEFAULT_STATUS = 200
_DEFAULT_TIMEOUT = "10s"


async def wait_http(context: ActionContext) -> Outcome:
    """Send the request until its answer has the status; print nothing."""
    return await run_in_process(context, _poll)


async def _poll(context: ActionContext, inputs: Inputs) -> None:
    try:
        headers = tuple((name, as_text(v)) for name, v in inputs.members("headers").items())
    except ValueError as exc:
        raise ActionError(f"wait: headers: {exc}") from None
    body = inputs.text("body")
    request = Request(
        method=(inputs.text("method") or "GET").strip().upper(),
        url=inputs.text("url"),
        headers=headers,
        body=body.encode("utf-8", "surrogateescape") if body else None,
    )
    wanted = inputs.integer("status", _DEFAULT_STATUS)
    timeout_s = parse_go_duration(inputs.text("request_timeout") or _DEFAULT_TIMEOUT)
    interval_s = poll_interval_s(inputs)
    while await _status(request, timeout_s) != wanted:  # noqa: ASYNC110 - another machine
        await trio.sleep(interval_s)


async def _status(request: Request, timeout_s: float) -> int:
    """Return the status of an answer; 0 when there is none in time."""
    with trio.move_on_after(timeout_s):
        try:
            async with exchange(request) as sent:
                return sent.answer.code
        except HttpFailure:
            return 0
    return 0
