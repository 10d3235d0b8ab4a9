"""Actions without a process: log.write, noop, outputs.write (spec 13 section 10)."""

from __future__ import annotations

import os
from typing import Any

import pytest

from edge.actions.base import Outcome
from edge.actions.table import find_action
from edge.core.jsontypes import JsonObject
from edge.workflow.model import DAG, Step
from edge.workflow.values import Scope, Source


class Context:
    """Keeps what is printed."""

    def __init__(self, step: Step) -> None:
        self.dag = DAG(name="t")
        self.step = step
        self.scope = Scope(params={"P": "p"}).child([("S", "api")], Source.DAG_ENV)
        self.cwd = os.sep
        self.default_shell = ""
        self.printed = b""

    def write_stdout(self, data: bytes) -> None:
        self.printed += data

    def note_command(self, *_: Any) -> None:
        raise AssertionError("no command")

    async def run_process(self, *_: Any) -> int:
        raise AssertionError("no process")


async def _run(kind: str, options: JsonObject) -> tuple[Outcome, bytes]:
    context = Context(Step(name="a", type=kind, options=options))
    return await find_action(context.step)(context), context.printed


# spec 13 section 10: log.write
@pytest.mark.parametrize(
    ("message", "printed"),
    [
        ("hi", b"hi\n"),
        ("hi\n", b"hi\n"),
        ("$S ${params.P} ${none.x}", b"api p ${none.x}\n"),
        (5, b"5\n"),
    ],
)
async def test_log(message: str | int, printed: bytes) -> None:
    assert await _run("log", {"message": message}) == (Outcome(0), printed)


async def test_an_empty_message() -> None:
    """spec 13 section 10: message is required, also after it is resolved."""
    error = "failed to set up step: log: message is required"
    assert await _run("log", {"message": ""}) == (Outcome(1, error), b"")


async def test_noop() -> None:
    """spec 13 section 10: prints nothing, succeeds."""
    assert await _run("noop", {}) == (Outcome(0), b"")


async def test_outputs_keep_their_types() -> None:
    """spec 13 section 10: outputs.write."""
    values: JsonObject = {"n": 5, "s": "$S", "l": ["${params.P}", {"x": None}]}
    outcome, printed = await _run("outputs", {"values": values})
    assert outcome.published == {"n": 5, "s": "api", "l": ["p", {"x": None}]}
    assert (outcome.code, printed) == (0, b"")


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
    assert await _run("outputs", options) == (Outcome(1, error), b"")
