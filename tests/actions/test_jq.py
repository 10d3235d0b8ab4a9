"""`jq.filter` (spec 13 section 7)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edge.actions.base import Outcome
from edge.core.jsontypes import JsonObject
from tests.actions.context import Context, act


# spec 13 section 7: results, numbers, raw
@pytest.mark.parametrize(
    ("options", "printed"),
    [
        (
            {"filter": ".a, .b", "data": {"b": "x<y", "a": [1, 2.50, 12345678901234567890]}},
            '[\n    1,\n    2.5,\n    12345678901234567000\n]\n"x\\u003cy"\n',
        ),
        ({"filter": ".", "data": '{"b":3.0,"a":1e21}'}, '{\n    "a": 1e+21,\n    "b": 3\n}\n'),
        ({"filter": ".", "data": 1e21, "raw": True}, "1000000000000000000000\n"),
        (
            {"filter": ".[]", "data": ["<a>", None, 1.5, ["<"]], "raw": True},
            '<a>\n\n1.5\n["\\u003c"]\n',
        ),
        ({"filter": ".a", "input": "f.json"}, "7\n"),
        ({"filter": ".a", "input": "$F"}, "7\n"),
        ({"filter": ".a", "data": "file://f.json"}, "7\n"),
        ({"filter": "empty", "data": 1}, ""),
        ({"filter": "nan, -infinite", "data": 1}, "null\n-1.7976931348623157e+308\n"),
        ({"filter": ".x", "data": {"x": "$S"}}, '"api"\n'),
        ({"filter": ".", "data": 1, "unknown": True}, "1\n"),
    ],
)
async def test_results(tmp_path: Path, options: JsonObject, printed: str) -> None:
    (tmp_path / "f.json").write_text('{"a": 7}')
    outcome, found = await act("jq.filter", options, cwd=tmp_path, env={"F": "f.json"})
    assert (outcome, found) == (Outcome(0), printed)


# spec 13 section 7: errors
@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"filter": "."}, "failed to set up step: jq: no input provided"),
        (
            {"filter": ".", "input": "no.json"},
            'failed to set up step: jq: reading input file "no.json": open W/no.json: no such file',
        ),
        ({"filter": ".", "data": "{"}, "failed to parse jq input: "),
        ({"filter": ".", "data": "$E"}, "with.data must not be empty"),
        ({"filter": ".[", "data": 1}, "failed to parse jq filter: unexpected EOF"),
        ({"filter": "now", "data": 1}, 'function "now/0" is not available in this build of edge'),
    ],
)
async def test_errors(tmp_path: Path, options: JsonObject, error: str) -> None:
    outcome, printed = await act("jq.filter", options, cwd=tmp_path, env={"E": ""})
    assert (outcome.code, printed) == (1, "")
    assert error in outcome.error.replace(str(tmp_path), "W")


@pytest.mark.parametrize(
    ("text", "data", "message"),
    [(".a", 5, 'cannot index number with "a"'), ('error("no")', None, "no")],
)
async def test_an_error_of_the_filter_is_no_failure(text: str, data: Any, message: str) -> None:
    """spec 13 section 7: told on stderr, exit 0."""
    context = Context("jq.filter", {"filter": text, "data": data})
    assert await context.run() == Outcome(0)
    assert context.err.decode() == f"failed to run jq query: error: {message}\n"


async def test_an_endless_filter_ends_when_killed() -> None:
    """spec 13 section 1.4."""

    class StoppedAtOutput(Context):
        def write_stdout(self, data: bytes) -> None:
            self.stop()

    context = StoppedAtOutput("jq.filter", {"filter": "1, last(repeat(1))", "data": None})
    assert await context.run() == Outcome(1, "context canceled")
