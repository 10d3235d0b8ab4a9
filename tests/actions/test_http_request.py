"""`http.request` against a server of the test (spec 13 section 3)."""

from __future__ import annotations

import dataclasses
import gzip
import json
from pathlib import Path

import pytest
import trio

from edge.actions.base import Outcome
from edge.core.jsontypes import JsonObject
from edge.core.status import NodeStatus, RunStatus
from edge.workflow.model import ScriptRun
from tests.actions.context import Context, act, ended_by_stop
from tests.actions.loopback import Seen, loopback, reply
from tests.engine.helpers import make_runner, run_to_end

_HEAD = "X-B: 2\r\nx-a: 1\r\n"
_SHOWN = "200 OK\nContent-Length: {}\r\nX-A: 1\r\nX-B: 2\r\n"


# spec 13 section 3: what is printed, by mode and status
@pytest.mark.parametrize(
    ("options", "answer", "printed", "error"),
    [
        ({}, reply("hi", headers=_HEAD), _SHOWN.format(2) + "hi", ""),
        ({"silent": True}, reply("hi", headers=_HEAD), "hi", ""),
        (
            {"silent": True},
            reply("no", status="404 Not Found"),
            "404 Not Found\nContent-Length: 2\r\nno",
            "http status code not 2xx: 404",
        ),
        (
            {"json": True},
            reply('{"b": 1, "a": [1.5, "<"]}'),
            '{\n "status_code": 200,\n "headers": {\n  "Content-Length": [\n   "25"\n  ]\n },\n'
            ' "body": {\n  "a": [\n   1.5,\n   "\\u003c"\n  ],\n  "b": 1\n }\n}',
            "",
        ),
        (
            {"format": "json", "silent": True},
            reply("[]"),
            '{\n "status_code": 0,\n "headers": null,\n "body": []\n}',
            "",
        ),
        (
            {"json": True, "silent": True},
            reply("[]", status="500 Oops"),
            '{\n "status_code": 500,\n "headers": {\n  "Content-Length": [\n   "2"\n  ]\n },\n'
            ' "body": []\n}',
            "http status code not 2xx: 500",
        ),
        (
            {"json": True},
            reply("not json", status="404 Not Found"),
            "",
            "invalid character 'n' looking for beginning of value",
        ),
        (
            {"json": True, "silent": True},
            reply(status="204 No Content"),
            '{\n "status_code": 0,\n "headers": null\n}',
            "",
        ),
    ],
)
async def test_what_is_printed(
    options: JsonObject, answer: bytes, printed: str, error: str
) -> None:
    async with loopback({"/": answer}) as server:
        outcome, out = await act("http.request", {"method": "get", "url": server.url(), **options})
    assert (out, outcome) == (printed, Outcome(1 if error else 0, error))


# spec 13 section 3: `output`
@pytest.mark.parametrize(
    ("options", "status", "printed", "written"),
    [
        ({}, "200 OK", "200 OK\nContent-Length: 4\r\n", "body"),
        ({"silent": True}, "200 OK", "", "body"),
        (
            {"json": True, "silent": True},
            "201 Created",
            '{\n "status_code": 0,\n "headers": null,\n "output": "%s"\n}',
            "body",
        ),
        ({}, "500 Oops", "500 Oops\nContent-Length: 4\r\nbody", None),
        (
            {"json": True},
            "500 Oops",
            '{\n "status_code": 500,\n "headers": {\n  "Content-Length": [\n   "4"\n  ]\n },\n'
            ' "body": "body"\n}',
            None,
        ),
    ],
)
async def test_a_body_for_a_file(
    tmp_path: Path, options: JsonObject, status: str, printed: str, written: str | None
) -> None:
    path = tmp_path / "new" / "f"
    async with loopback({"/": reply("body", status=status)}) as server:
        values: JsonObject = {"method": "GET", "url": server.url(), "output": "new/f", **options}
        _, out = await act("http.request", values, cwd=tmp_path)
    assert out == (printed % path if "%s" in printed else printed)
    assert (path.read_text() if path.exists() else None) == written
    if written:
        assert path.stat().st_mode & 0o777 == 0o600
        assert [item.name for item in path.parent.iterdir()] == ["f"]


async def _seen(options: JsonObject, cwd: Path | str = "/") -> Seen:
    async with loopback({"/": reply("ok"), "/p": reply("ok")}) as server:
        values: JsonObject = {"method": "POST", "url": server.url(), **options}
        outcome, _ = await act("http.request", values, cwd=cwd)
        assert outcome.error == ""
    return server.seen[0]


# spec 13 section 3: what is sent
@pytest.mark.parametrize(
    ("options", "method", "target", "headers", "body"),
    [
        ({"method": "get"}, "GET", "/", {"accept-encoding": "gzip"}, b""),
        ({"body": "x"}, "POST", "/", {"content-type": "text/plain; charset=utf-8"}, b"x"),
        ({"body": "<html>"}, "POST", "/", {"content-type": "text/html; charset=utf-8"}, b"<html>"),
        (
            {"body": "{}", "headers": {"content-type": "application/json", "N": 5}},
            "POST",
            "/",
            {"content-type": "application/json", "n": "5"},
            b"{}",
        ),
        ({"method": "GET", "body": "x"}, "GET", "/", {}, b""),
        ({"method": "HEAD", "body": "x"}, "HEAD", "/", {}, b""),
        ({"method": "OPTIONS", "body": "x"}, "OPTIONS", "/", {}, b""),
        ({"query": {"q": "a b", "a": "ü"}}, "POST", "/?a=%C3%BC&q=a+b", {}, b""),
        ({"body": "$S ${params.P}"}, "POST", "/", {}, b"api p"),
    ],
)
async def test_what_is_sent(
    options: JsonObject, method: str, target: str, headers: dict[str, str], body: bytes
) -> None:
    seen = await _seen(options)
    assert (seen.method, seen.target, seen.body) == (method, target, body)
    assert headers.items() <= seen.headers.items()


async def test_query_comes_after_that_of_the_url() -> None:
    """spec 13 section 3: `query` is appended."""
    async with loopback({"/p": reply()}) as server:
        url = server.url("/p?x=1#part")
        await act("http.request", {"method": "GET", "url": url, "query": {"q": "2"}})
    assert server.seen[0].target == "/p?x=1&q=2"


async def test_form_and_files_are_parts(tmp_path: Path) -> None:
    """spec 13 section 3: multipart text fields and files, the file's base name."""
    (tmp_path / "report.txt").write_text("content")
    seen = await _seen({"form": {"k": "v"}, "files": {"f": "report.txt"}}, tmp_path)
    assert seen.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert b'name="k"\r\n\r\nv\r\n' in seen.body
    assert b'name="f"; filename="report.txt"' in seen.body
    assert b"content" in seen.body


async def test_a_form_alone_is_multipart_too() -> None:
    """spec 13 section 3: `form`."""
    seen = await _seen({"form": {"k": "v"}})
    assert seen.headers["content-type"].startswith("multipart/form-data; boundary=")


# spec 13 section 3: errors before anything is sent
@pytest.mark.parametrize(
    ("options", "error"),
    [
        (
            {"method": "GET"},
            "failed to set up step: http executor: url is required (set via command, args, or"
            " with.url)",
        ),
        (
            {"url": "http://a"},
            "failed to set up step: http executor: method is required (set via command, args, or"
            " with.method)",
        ),
        (
            {"method": "POST", "url": "http://a", "body": "b", "form": {"a": "b"}},
            "failed to set up step: http executor: body cannot be combined with form or files",
        ),
        (
            {"method": "POST", "url": "http://a", "files": {"f": "/nonexistent/f"}},
            "open /nonexistent/f: no such file or directory",
        ),
        ({"method": "GET", "url": "ftp://a"}, 'Get "ftp://a": unsupported protocol scheme'),
        (
            {"method": "GET", "url": "http://127.0.0.1:1/x"},
            'Get "http://127.0.0.1:1/x": dial tcp 127.0.0.1:1: connect: connection refused',
        ),
    ],
)
async def test_errors_without_an_answer(options: JsonObject, error: str) -> None:
    outcome, out = await act("http.request", options)
    assert (outcome, out) == (Outcome(1, error), "")


@pytest.mark.parametrize(
    "url", ["http://[", "http://a:99999999", "http://\x01", "http://" + "a" * 9000]
)
async def test_odd_urls_are_errors_of_the_step(url: str) -> None:
    """spec 13 section 3: an error is a text."""
    outcome, _ = await act("http.request", {"method": "GET", "url": url})
    assert outcome.code == 1
    assert outcome.error.startswith('Get "')


async def test_redirects_are_followed_ten_times() -> None:
    """spec 13 section 3: at most 10."""
    loop = reply(status="302 Found", headers="Location: /loop\r\n")
    once = reply(status="302 Found", headers="Location: /end\r\n")
    async with loopback({"/loop": loop, "/once": once, "/end": reply("end")}) as server:
        outcome, out = await act(
            "http.request", {"method": "GET", "url": server.url("/once"), "silent": True}
        )
        assert (outcome.error, out) == ("", "end")
        server.seen.clear()
        outcome, _ = await act("http.request", {"method": "GET", "url": server.url("/loop")})
    assert outcome == Outcome(1, 'Get "/loop": stopped after 10 redirects')
    assert len(server.seen) == 10


async def test_no_cookies_and_no_passwords_in_texts() -> None:
    """spec 13 section 3: no cookies; a URL's password logs in and is never shown."""
    once = reply(status="302 Found", headers="Location: /end\r\nSet-Cookie: a=b; Path=/\r\n")
    async with loopback({"/once": once, "/end": reply()}) as server:
        url = server.url("/once").replace("//", "//me:pa55@")
        outcome, _ = await act("http.request", {"method": "GET", "url": url})
    assert outcome == Outcome(0)
    assert server.seen[0].headers["authorization"] == "Basic bWU6cGE1NQ=="
    assert "cookie" not in server.seen[1].headers
    outcome, _ = await act("http.request", {"method": "GET", "url": "http://me:pa55@127.0.0.1:1/"})
    assert outcome.error.startswith('Get "http://me:***@127.0.0.1:1/": dial tcp 127.0.0.1:1')


async def test_a_packed_body_is_unpacked() -> None:
    """spec 13 section 3: requests carry `Accept-Encoding: gzip`."""
    packed = reply(gzip.compress(b"hello"), headers="Content-Encoding: gzip\r\n")
    torn = reply(gzip.compress(b"hello")[:-9], headers="Content-Encoding: gzip\r\n")
    async with loopback({"/": packed, "/torn": torn}) as server:
        _, out = await act("http.request", {"method": "GET", "url": server.url()})
        assert out == "200 OK\nhello"
        values: JsonObject = {"method": "GET", "url": server.url("/torn"), "silent": True}
        outcome, _ = await act("http.request", values)
        assert outcome.error == "unexpected EOF"
        own: JsonObject = {"headers": {"Accept-Encoding": "gzip"}}
        context = Context("http.request", {"method": "GET", "url": server.url(), **own})
        await context.run()
    assert gzip.compress(b"hello")[:2] in context.out


async def _late(seen: Seen, stream: trio.SocketStream) -> None:
    await trio.sleep_forever()


async def _slow_body(seen: Seen, stream: trio.SocketStream) -> None:
    await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab")
    await trio.sleep_forever()


# spec 13 sections 3 and 1.4: the action's own limit is no step timeout
@pytest.mark.parametrize(
    ("server", "moment"), [(_late, "awaiting headers"), (_slow_body, "reading body")]
)
async def test_the_limit_ends_the_request(server: object, moment: str) -> None:
    async with loopback({"/": server}) as peer:
        values: JsonObject = {"method": "GET", "url": peer.url(), "timeout": 1}
        outcome, _ = await act("http.request", values)
        text = (
            f'Get "{peer.url()}": context deadline exceeded'
            f" (Client.Timeout exceeded while {moment})"
        )
    assert outcome == Outcome(1, text, is_deadline=True)


async def test_a_stop_ends_the_request() -> None:
    """spec 13 sections 3 and 26: cancel aborts the request."""
    async with loopback({"/": _late}) as server:
        assert await ended_by_stop(Context("http.request", {"method": "GET", "url": server.url()}))


async def test_the_old_form_has_its_settings_in_the_script() -> None:
    """spec 13 section 3: legacy `command: GET url`, its `script` the settings as JSON."""
    async with loopback({"/": reply("ok")}) as server:
        context = _scripted(server.url(), json.dumps({"headers": {"X": "$S"}, "silent": True}))
        outcome = await context.run()
        assert (outcome.error, context.out) == ("", b"ok")
        assert server.seen[0].headers["x"] == "api"
        outcome = await _scripted(server.url(), "nope").run()
    assert outcome.error.startswith("failed to set up step: http executor: script: ")


def _scripted(url: str, text: str) -> Context:
    context = Context("http.request", {"method": "GET", "url": url})
    context.step = dataclasses.replace(context.step, run=ScriptRun(text))
    return context


async def test_a_deadline_of_the_action_aborts_its_node(tmp_path: Path) -> None:
    """spec 13 section 1.4 and spec 12 section 5: the node is aborted, the run failed."""
    async with loopback({"/": _late}) as server:
        text = (
            "steps:\n  - id: a\n    action: http.request\n"
            f"    with: {{method: GET, url: '{server.url()}', timeout: 1}}\n"
            "    continue_on: {failed: true}\n"
            "  - {id: b, run: echo b, depends: [a]}\n"
        )
        runner = make_runner(text, tmp_path)
        result = await run_to_end(runner)
    first, second = runner.record.nodes
    assert (first.status, second.status) == (NodeStatus.ABORTED, NodeStatus.ABORTED)
    assert (result.status, result.exit_code) == (RunStatus.FAILED, 1)
    assert result.error == first.error
    assert "context deadline exceeded" in first.error
