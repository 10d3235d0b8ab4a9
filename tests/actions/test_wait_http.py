"""`wait.http` against a server of the test (spec 13 section 14)."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from edge.actions.base import Outcome
from edge.core.jsontypes import JsonObject
from edge.core.status import NodeStatus
from tests.actions.context import Context, act, ended_by_stop
from tests.actions.loopback import Seen, loopback, reply
from tests.engine.helpers import make_runner, run_to_end


# spec 13 section 14: `url`, `method`, `status`, `headers`, `body`
@pytest.mark.parametrize(
    ("options", "status", "seen"),
    [
        ({}, "200 OK", ("GET", b"")),
        ({"status": 503}, "503 Busy", ("GET", b"")),
        ({"method": "post", "body": "$S"}, "200 OK", ("POST", b"api")),
        ({"headers": {"X-Key": "${params.P}"}}, "200 OK", ("GET", b"")),
    ],
)
async def test_the_first_check_is_at_once(
    options: JsonObject, status: str, seen: tuple[str, bytes]
) -> None:
    async with loopback({"/": reply("ignored", status=status)}) as server:
        values: JsonObject = {"url": server.url(), "poll_interval": "1h", **options}
        outcome, out = await act("wait.http", values)
    assert (outcome, out) == (Outcome(0), "")
    (request,) = server.seen
    assert (request.method, request.body) == seen
    assert request.headers.get("x-key") == ("p" if "headers" in options else None)


async def test_other_statuses_mean_another_try() -> None:
    """spec 13 section 14: poll again."""
    answers = [reply(status="500 Oops"), reply(status="404 No"), reply()]

    def answer(seen: Seen) -> bytes:
        return answers.pop(0)

    async with loopback({"/": answer}) as server:
        outcome, _ = await act("wait.http", {"url": server.url(), "poll_interval": "10ms"})
    assert outcome == Outcome(0)
    assert len(server.seen) == 3


async def _never(seen: Seen, stream: trio.SocketStream) -> None:
    await trio.sleep_forever()


async def test_a_slow_answer_is_given_up() -> None:
    """spec 13 section 14: `request_timeout`."""
    answers: list[object] = [_never]

    async def answer(seen: Seen, stream: trio.SocketStream) -> None:
        if answers:
            answers.pop()
            await trio.sleep_forever()
        await stream.send_all(reply())

    async with loopback({"/": answer}) as server:
        limits: JsonObject = {"poll_interval": "10ms", "request_timeout": "100ms"}
        outcome, _ = await act("wait.http", {"url": server.url(), **limits})
    assert outcome == Outcome(0)


async def test_a_stop_ends_it() -> None:
    """spec 13 sections 14 and 26: cancellation ends the sleep at once."""
    async with loopback({"/": reply(status="500 Oops")}) as server:
        values: JsonObject = {"url": server.url(), "poll_interval": "1h"}
        assert await ended_by_stop(Context("wait.http", values))


async def test_no_server_is_polled_until_the_step_times_out(tmp_path: Path) -> None:
    """spec 13 section 26: an endless poll is ended by the step timeout with 124."""
    text = (
        "steps:\n  - id: a\n    action: wait.http\n    timeout_sec: 1\n"
        "    with: {url: 'http://127.0.0.1:1/', poll_interval: 50ms}\n"
    )
    runner = make_runner(text, tmp_path)
    await run_to_end(runner)
    (node,) = runner.record.nodes
    assert (node.status, node.exit_code) == (NodeStatus.FAILED, 124)
    assert node.error.startswith("step timed out after ")
