"""A client of the Engine API of Docker and Podman: h11 over a trio stream (spec 13 section 4.1).

One connection for each call: the socket is local, and a call that was cancelled leaves nothing
behind that another could trip over.
"""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import quote, urlencode

import h11
import trio

from edge.actions.base import ActionError
from edge.actions.engine_endpoint import Endpoint
from edge.actions.net_errors import DialError, dial
from edge.core.jsontypes import JsonObject, JsonValue

__all__ = ["EngineClient", "EngineError"]

_DIAL_S = 10.0
_CHUNK_BYTES = 65_536
#: of an answer that is read whole
_ANSWER_MAX_BYTES = 16 * 1024 * 1024
_TLS_FILES = ("cert.pem", "key.pem")


class EngineError(ActionError):
    """The engine refused a call; `status` is the HTTP one, 0 = no engine answers."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class EngineClient:
    """Calls one engine. Holds no connection between calls."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: JsonValue = None,
    ) -> JsonValue:
        """Return the decoded answer of a call, None for an empty one. Raises: EngineError."""
        async with self.stream(method, path, query=query, body=body) as pieces:
            data = bytearray()
            async for piece in pieces:
                data += piece
                if len(data) > _ANSWER_MAX_BYTES:
                    raise EngineError("the container engine's answer is too large")
        if not data.strip():
            return None
        try:
            answer: JsonValue = json.loads(data)
        except (ValueError, RecursionError) as exc:
            raise EngineError(f"the container engine's answer is no JSON: {exc}") from exc
        return answer

    async def get(self, path: str) -> JsonObject:
        """Return an object. Raises: EngineError."""
        answer = await self.call("GET", path)
        return answer if isinstance(answer, dict) else {}

    async def post(
        self, path: str, body: JsonValue = None, query: Mapping[str, str] | None = None
    ) -> JsonObject:
        """Return the object of a POST. Raises: EngineError."""
        answer = await self.call("POST", path, query=query, body=body)
        return answer if isinstance(answer, dict) else {}

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: JsonValue = None,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Give the answer's body in pieces as they come; leaving closes it. Raises: EngineError."""
        line = await self._connect()
        try:
            connection = h11.Connection(h11.CLIENT)
            target = self._endpoint.prefix + path + (f"?{urlencode(query)}" if query else "")
            data = b"" if body is None else json.dumps(body).encode("utf-8", "replace")
            fields = {
                "Host": self._endpoint.host or "docker",
                "User-Agent": "edge",
                "Connection": "close",
                "Content-Length": str(len(data)),
                **({} if body is None else {"Content-Type": "application/json"}),
                **(headers or {}),
            }
            try:
                await line.send_all(
                    (connection.send(_request(method, target, fields)) or b"")
                    + ((connection.send(h11.Data(data)) or b"") if data else b"")
                    + (connection.send(h11.EndOfMessage()) or b"")
                )
                await _check_status(connection, line)
            except (h11.ProtocolError, trio.BrokenResourceError, OSError) as exc:
                raise EngineError(f"the container engine broke the connection: {exc}") from exc
            yield _pieces(connection, line)
        finally:
            await trio.aclose_forcefully(line)

    async def _connect(self) -> trio.abc.Stream:
        at = self._endpoint
        try:
            if at.path:
                with trio.fail_after(_DIAL_S):
                    return await trio.open_unix_socket(at.path)
            line = await dial(at.host, at.port, timeout_s=_DIAL_S)
            return await self._secured(line) if at.is_tls else line
        except DialError as exc:
            reason = str(exc)
        except trio.TooSlowError:
            reason = f"dial unix {at.path}: i/o timeout"
        except ssl.SSLError as exc:
            reason = f"tls: {exc.reason or exc}"
        except (OSError, ValueError) as exc:
            cause = exc.__cause__ if isinstance(exc.__cause__, OSError) else exc
            word = (getattr(cause, "strerror", None) or str(cause)).lower()
            reason = f"dial unix {at.path}: connect: {word}"
        raise EngineError(
            f"failed to connect to the docker API at {at.url}; check if the path is correct and"
            f" if the daemon is running: {reason}"
        )

    async def _secured(self, line: trio.SocketStream) -> trio.SSLStream[trio.SocketStream]:
        at = self._endpoint
        context = await trio.to_thread.run_sync(_tls_context, at)
        secured = trio.SSLStream(line, context, server_hostname=at.host)
        with trio.fail_after(_DIAL_S):
            await secured.do_handshake()
        return secured


def _tls_context(at: Endpoint) -> ssl.SSLContext:
    ca = os.path.join(at.cert_path, "ca.pem")
    context = ssl.create_default_context(cafile=ca if os.path.exists(ca) else None)
    if not at.verifies_tls:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    cert, key = (os.path.join(at.cert_path, name) for name in _TLS_FILES)
    if os.path.exists(cert) and os.path.exists(key):
        context.load_cert_chain(cert, key)
    return context


def _request(method: str, target: str, fields: Mapping[str, str]) -> h11.Request:
    return h11.Request(
        method=method,
        target=quote(target, safe="/:?&=%+,;@!$'()*~-._"),
        headers=[
            (name.encode(), value.encode("latin-1", "replace")) for name, value in fields.items()
        ],
    )


async def _next(connection: h11.Connection, line: trio.abc.Stream) -> object:
    while True:
        event = connection.next_event()
        if event is not h11.NEED_DATA:
            return event
        connection.receive_data(bytes(await line.receive_some(_CHUNK_BYTES)))


async def _check_status(connection: h11.Connection, line: trio.abc.Stream) -> None:
    """Read the head of the answer. Raises: EngineError with the engine's text for a refusal."""
    event = await _next(connection, line)
    while isinstance(event, h11.InformationalResponse):
        event = await _next(connection, line)
    assert isinstance(event, h11.Response)
    if event.status_code < 400:
        return
    data = bytearray()
    while len(data) < _CHUNK_BYTES and isinstance(part := await _next(connection, line), h11.Data):
        data += part.data
    raise EngineError(_message(bytes(data), event.status_code), event.status_code)


def _message(data: bytes, status: int) -> str:
    """Return the text of a refusal: `{"message": ...}`, or what came."""
    text = data.decode("utf-8", "replace").strip()
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        answer = None
    if isinstance(answer, dict):
        said = answer.get("message") or answer.get("cause")
        if isinstance(said, str) and said:
            return f"Error response from daemon: {said}"
    return f"Error response from daemon: {text or f'status {status}'}"


async def _pieces(connection: h11.Connection, line: trio.abc.Stream) -> AsyncIterator[bytes]:
    try:
        while isinstance(event := await _next(connection, line), h11.Data):
            yield bytes(event.data)
    except (h11.ProtocolError, trio.BrokenResourceError, OSError) as exc:
        raise EngineError(f"the container engine broke the connection: {exc}") from exc
