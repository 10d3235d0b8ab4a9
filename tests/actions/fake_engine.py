"""A container engine of the test: the calls of the Engine API over a unix socket, no containers.

A container's program is a function of the test (`Program`); the protocol is real.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import trio

from tests.actions.loopback import Seen, read_request


def frame(data: bytes, stream: int = 1) -> bytes:
    """Return output as the engine frames it."""
    return bytes((stream, 0, 0, 0)) + len(data).to_bytes(4, "big") + data


@dataclass(slots=True)
class FakeContainer:
    """One container as the engine knows it."""

    ident: str
    name: str
    body: dict[str, Any]
    status: str = "created"
    code: int = 0
    health: str = ""
    #: set by a stop or kill
    stopped: trio.Event = field(default_factory=trio.Event)

    def about(self) -> dict[str, Any]:
        state: dict[str, Any] = {
            "Status": self.status,
            "Running": self.status == "running",
            "ExitCode": self.code,
        }
        if self.health:
            state["Health"] = {"Status": self.health}
        return {"Id": self.ident, "Config": self.body, "State": state}


Send = Callable[[bytes], Awaitable[None]]
#: what a container or an exec prints; returns its exit code
Program = Callable[[list[str], Send, trio.Event], Awaitable[int]]


async def _true(words: list[str], send: Send, stopped: trio.Event) -> int:
    return 0


class FakeEngine:
    """What the engine holds, and every call that it got: (method, path, query, body)."""

    def __init__(self) -> None:
        self.containers: dict[str, FakeContainer] = {}
        self.images: dict[str, dict[str, Any]] = {}
        self.execs: dict[str, tuple[FakeContainer, dict[str, Any]]] = {}
        self.exec_codes: dict[str, int] = {}
        self.calls: list[tuple[str, str, dict[str, str], Any]] = []
        self.auths: list[str] = []
        self.program: Program = _true
        self.exec_program: Program = _true
        #: lines of a pull's progress
        self.pull: list[dict[str, Any]] = [{"status": "Pulling"}]
        self.pull_status = 200
        #: a pull that never ends
        self.pull_blocks = False
        self.has_pulled = trio.Event()
        self.refuses: dict[str, tuple[int, str]] = {}

    def paths(self) -> list[str]:
        """Return the calls as `METHOD path`, ids of containers and execs left out."""
        return [f"{method} {path}" for method, path, _, _ in self.calls]

    def find(self, name: str) -> FakeContainer | None:
        return next((c for c in self.containers.values() if name in (c.ident, c.name)), None)

    def add(self, name: str, status: str = "running") -> FakeContainer:
        ident = f"c{len(self.containers)}"
        made = self.containers[ident] = FakeContainer(ident, name, {}, status)
        return made

    @asynccontextmanager
    async def serve(self, path: Path) -> AsyncIterator[str]:
        """Listen on a socket until the block ends; give its URL."""
        listener = trio.socket.socket(trio.socket.AF_UNIX, trio.socket.SOCK_STREAM)
        await listener.bind(str(path))
        listener.listen()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.serve_listeners, self._talk, [trio.SocketListener(listener)])
            yield f"unix://{path}"
            nursery.cancel_scope.cancel()

    async def _talk(self, line: trio.SocketStream) -> None:
        async with line:
            try:
                seen = await read_request(line)
                if seen is not None:
                    await self._answer(seen, line)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                pass

    async def _answer(self, seen: Seen, line: trio.SocketStream) -> None:
        parts = urlsplit(seen.target)
        path = unquote(parts.path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        body = json.loads(seen.body) if seen.body else None
        self.calls.append((seen.method, path, query, body))
        if path in self.refuses:
            await _reply(line, *self.refuses[path])
            return
        words = path.strip("/").split("/")
        if path == "/info":
            await _reply(line, 200, {"OSType": "linux"})
        elif words[0] == "images":
            await self._images(seen, path, query, line)
        elif words[0] == "exec":
            await self._exec(words, line)
        elif words == ["containers", "create"]:
            ident = f"c{len(self.containers)}"
            name = query.get("name", "")
            self.containers[ident] = FakeContainer(ident, name, body)
            await _reply(line, 201, {"Id": ident})
        else:
            await self._container(seen.method, words, query, body, line)

    async def _images(
        self, seen: Seen, path: str, query: dict[str, str], line: trio.SocketStream
    ) -> None:
        if path == "/images/create":
            self.auths.append(seen.headers.get("x-registry-auth", ""))
            self.has_pulled.set()
            if self.pull_blocks:
                await trio.sleep_forever()
            if self.pull_status != 200:
                await _reply(line, self.pull_status, "pull access denied")
                return
            self.images[f"{query['fromImage']}:{query['tag']}"] = {}
            text = "".join(json.dumps(item) + "\r\n" for item in self.pull)
            await _stream_head(line)
            await line.send_all(text.encode())
            return
        name = path.removeprefix("/images/").removesuffix("/json")
        if name in self.images:
            await _reply(line, 200, self.images[name])
        else:
            await _reply(line, 404, "No such image")

    async def _container(
        self,
        method: str,
        words: list[str],
        query: dict[str, str],
        body: Any,
        line: trio.SocketStream,
    ) -> None:
        found = self.find(words[1])
        if found is None:
            await _reply(line, 404, f"No such container: {words[1]}")
            return
        verb = words[2] if len(words) > 2 else "delete"
        if verb == "json":
            await _reply(line, 200, found.about())
        elif verb == "start":
            found.status = "running"
            await _reply(line, 204, None)
        elif verb == "logs":
            await _stream_head(line)
            found.code = await self.program(
                found.body.get("Cmd") or [], line.send_all, found.stopped
            )
            found.status = "exited"
        elif verb == "wait":
            await _reply(line, 200, {"StatusCode": found.code})
        elif verb in ("stop", "kill"):
            found.stopped.set()
            found.status = "exited"
            await _reply(line, 204, None)
        elif verb == "exec":
            ident = f"e{len(self.execs)}"
            self.execs[ident] = (found, body)
            await _reply(line, 201, {"Id": ident})
        else:
            assert (method, verb) == ("DELETE", "delete")
            found.stopped.set()
            del self.containers[found.ident]
            await _reply(line, 204, None)

    async def _exec(self, words: list[str], line: trio.SocketStream) -> None:
        ident = words[1]
        found, body = self.execs[ident]
        if words[2] == "json":
            await _reply(line, 200, {"ExitCode": self.exec_codes.get(ident)})
            return
        await _stream_head(line)
        self.exec_codes[ident] = await self.exec_program(body["Cmd"], line.send_all, found.stopped)


async def _stream_head(line: trio.SocketStream) -> None:
    kind = "application/vnd.docker.multiplexed-stream"
    await line.send_all(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n\r\n".encode())


async def _reply(line: trio.SocketStream, status: int, answer: Any) -> None:
    if isinstance(answer, str):
        answer = {"message": answer}
    data = b"" if answer is None else json.dumps(answer).encode()
    head = f"HTTP/1.1 {status} x\r\nContent-Length: {len(data)}\r\n\r\n"
    await line.send_all(head.encode() + data)
