"""Actions without a process: log.write, noop, outputs.write (spec 13 section 10)."""

from __future__ import annotations

import pytest

from edge.actions.base import Outcome
from edge.core.jsontypes import JsonObject
from tests.actions.context import Context, act


# spec 13 section 10: log.write
@pytest.mark.parametrize(
    ("message", "printed"),
    [
        ("hi", "hi\n"),
        ("hi\n", "hi\n"),
        ("$S ${params.P} ${none.x}", "api p ${none.x}\n"),
        (5, "5\n"),
    ],
)
async def test_log(message: str | int, printed: str) -> None:
    assert await act("log.write", {"message": message}) == (Outcome(0), printed)


async def test_an_empty_message() -> None:
    """spec 13 section 10: message is required, also after it is resolved."""
    error = "failed to set up step: log: message is required"
    assert await act("log.write", {"message": ""}) == (Outcome(1, error), "")


async def test_noop() -> None:
    """spec 13 section 10: prints nothing, succeeds."""
    assert await act("noop") == (Outcome(0), "")


async def test_outputs_keep_their_types() -> None:
    """spec 13 section 10: outputs.write."""
    values: JsonObject = {"n": 5, "s": "$S", "l": ["${params.P}", {"x": None}]}
    outcome, printed = await act("outputs.write", {"values": values})
    assert outcome.published == {"n": 5, "s": "api", "l": ["p", {"x": None}]}
    assert (outcome.code, printed) == (0, "")


# spec 13 section 10: outputs.write, errors
@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, "values is required for write"),
        ({"values": {}}, "values must not be empty"),
        ({"values": {" ": 1}}, "values contains an empty key"),
    ],
)
async def test_outputs_errors(options: JsonObject, reason: str) -> None:
    error = f"failed to set up step: outputs: configuration error: {reason}"
    assert await act("outputs.write", options) == (Outcome(1, error), "")


# spec 13 section 1.4: these are short and ignore stop signals
@pytest.mark.parametrize(
    ("action", "options"),
    [("log.write", {"message": "m"}), ("outputs.write", {"values": {"a": 1}})],
)
async def test_short_actions_ignore_a_stop(action: str, options: JsonObject) -> None:
    context = Context(action, options)
    assert (await context.run()).error == ""
    assert context.ignores_stop
