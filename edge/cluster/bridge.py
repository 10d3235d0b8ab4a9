"""gRPC for trio: the only module of edge that knows grpc, asyncio and trio-asyncio.

Server handlers are trio functions over messages; channels are awaited from trio. Streams use the
read and write calls of grpc.aio only: `async for` over its compiled generators fails under
trio-asyncio. A cancelled client cancels the handler's trio task, and a cancelled trio scope
around a call cancels the call.

grpc.aio wakes its event loops through one socket of the process, and trio lets one task wait for
it, so a trio run has one asyncio loop: `open_bridge` inside another one shares it, and the
outermost owns it.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeAlias, TypeVar

import grpc
import grpc.aio
import trio
import trio_asyncio
from google.protobuf.message import Message

from edge.cluster.groups import single_error
from edge.cluster.rpc import EDGE_PROTOCOL_KEY, Caller, Code, RpcError
from edge.cluster.wire import MAX_MESSAGE_BYTES, METHODS, Method
from edge.core.errors import UserError

__all__ = [
    "Bridge",
    "Channel",
    "ClientStream",
    "Handler",
    "Reader",
    "StreamHandler",
    "UnaryHandler",
    "open_bridge",
]

T = TypeVar("T")
UnaryHandler: TypeAlias = Callable[[Any, Caller], Awaitable[Message]]
StreamHandler: TypeAlias = Callable[["Reader", Caller], Awaitable[Message]]
Handler: TypeAlias = "UnaryHandler | StreamHandler"

#: a Dagu worker parks up to 100 polls on one connection, plus its other calls
_MAX_STREAMS = 4096
#: after the grace calls are cut; this is what the cutting itself may take
_HARD_STOP_S = 3.0
#: what closing a connection, or gRPC as a whole, may take
_CLOSE_S = 5.0
#: what starting a bound server may take
_START_S = 5.0
_closers = trio.CapacityLimiter(1)

_SIZE_OPTIONS = [
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
]
_SERVER_OPTIONS = [
    *_SIZE_OPTIONS,
    ("grpc.max_concurrent_streams", _MAX_STREAMS),
    # two servers on one port would share the calls between them by chance
    ("grpc.so_reuseport", 0),
]
# No keepalive option anywhere: a Go server answers pings with GOAWAY (spec 20 section 15).
_CHANNEL_OPTIONS = [
    *_SIZE_OPTIONS,
    ("grpc.enable_http_proxy", 0),
    # one connection per channel, so that closing one really starts anew
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 1000),
    ("grpc.max_reconnect_backoff_ms", 30_000),
]
_BROKEN = (
    grpc.aio.AioRpcError,
    grpc.aio.InternalError,
    grpc.aio.UsageError,
    asyncio.InvalidStateError,
)
_CODES = {code.value[0]: code for code in grpc.StatusCode}


class Reader:
    """The client's half of a streaming call, read one message at a time."""

    def __init__(self, context: Any) -> None:
        self._context = context

    async def read(self) -> Any:
        """Return the next message; None at the end. Raises: RpcError when the client broke off."""
        message = await _aio(self._context.read)
        return None if message is grpc.aio.EOF else message


class ClientStream:
    """One client-streaming call. Close it with `finish` or `cancel`.

    A cancelled `write` or `finish` breaks the stream off.
    """

    def __init__(self, call: Any) -> None:
        self._call = call

    async def write(self, message: Message) -> None:
        """Send one message; waits while the flow-control window is full. Raises: RpcError."""
        try:
            await _aio(self._send, message.SerializeToString())
        except _BROKEN as exc:
            raise await self._error(exc) from exc

    async def finish(self) -> Any:
        """End the stream and return the answer. Raises: RpcError."""
        try:
            await _aio(self._call.done_writing)
            return await _aio(self._answer)
        except _BROKEN as exc:
            raise await self._error(exc) from exc

    def cancel(self) -> None:
        """Break the stream off; harmless after its end."""
        self._call.cancel()

    async def _send(self, data: bytes) -> None:
        # Not `call.write`: when a send fails because the server has ended the call, that puts
        # "Internal error from Core" in the place of the server's status, which comes a moment
        # later and says whether the stream may be resent.
        await self._call.wait_for_connection()
        try:
            await self._call._cython_call.send_serialized_message(data)
        except asyncio.CancelledError:
            self._call.cancel()
            raise

    async def _answer(self) -> Any:
        return await self._call

    async def _error(self, exc: BaseException) -> RpcError:
        if isinstance(exc, grpc.aio.AioRpcError):
            return _map_error(exc)
        code, details = await _aio(self._call.code), await _aio(self._call.details)
        if code is grpc.StatusCode.OK:
            return RpcError(Code.ABORTED, "the other end ended the stream early")
        return RpcError(Code(code.value[0]), details or "")


class Channel:
    """One connection to a peer, over plain HTTP/2."""

    def __init__(self, address: str) -> None:
        self.address = address
        #: whether the peer said that it is edge; None until it has answered
        self.is_edge_peer: bool | None = None
        self._channel = grpc.aio.insecure_channel(address, options=_CHANNEL_OPTIONS)

    async def unary(self, method: str, request: Message, *, timeout_s: float | None = None) -> Any:
        """Call and return the answer. `timeout_s` is the deadline on the wire. Raises: RpcError."""
        entry = METHODS[method]
        invoke = self._channel.unary_unary(
            entry.path,
            request_serializer=entry.request.SerializeToString,
            response_deserializer=entry.response.FromString,
        )

        async def call() -> Any:
            running = invoke(request, timeout=timeout_s, metadata=_METADATA)
            answer = await running
            self.is_edge_peer = EDGE_PROTOCOL_KEY in dict(await running.initial_metadata())
            return answer

        try:
            return await _aio(call)
        except grpc.aio.AioRpcError as exc:
            raise _map_error(exc) from exc

    async def stream(self, method: str, *, timeout_s: float | None = None) -> ClientStream:
        """Open a client-streaming call. Raises: RpcError."""
        entry = METHODS[method]
        assert entry.kind == "client_stream"
        invoke = self._channel.stream_unary(
            entry.path,
            request_serializer=entry.request.SerializeToString,
            response_deserializer=entry.response.FromString,
        )

        async def call() -> Any:
            return invoke(timeout=timeout_s, metadata=_METADATA)

        return ClientStream(await _aio(call))

    async def aclose(self) -> None:
        """Close the connection; calls on it end as cancelled."""

        async def close() -> None:
            await self._channel.close(None)

        with trio.move_on_after(_CLOSE_S, shield=True):
            await _aio(close)


class Bridge:
    """gRPC inside this trio run: servers and channels. Made by `open_bridge`."""

    async def channel(self, address: str) -> Channel:
        """Return a channel to `host:port`. It connects at its first call."""

        async def make() -> Channel:
            return Channel(address)

        return await _aio(make)

    async def serve(
        self,
        handlers: Mapping[str, Handler],
        host: str,
        port: int,
        *,
        on_stop: Callable[[], None] = lambda: None,
        on_error: Callable[[str, Exception], None] = lambda _method, _error: None,
        drain_s: float = 2.0,
        task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Serve `handlers` (by method name) until cancelled; reports the bound port.

        `on_error` hears of the faults of handlers; the caller sees INTERNAL.
        When cancelled: calls `on_stop`, accepts nothing new, lets calls end for `drain_s`, then
        cuts them. Raises: UserError when the address cannot be bound.
        """
        stop = trio.Event()

        async def watch(*, task_status: trio.TaskStatus[None]) -> None:
            task_status.started()
            try:
                await trio.sleep_forever()
            finally:
                stop.set()

        # gRPC writes its own lines to stderr and does not say the reason, so look first.
        reason = await trio.to_thread.run_sync(_bind_fault, host, port)
        if reason:
            raise _bind_error(host, port, reason)
        with single_error():
            async with trio.open_nursery() as nursery:
                await nursery.start(watch)
                # Shielded from the start on, as a server that is forgotten never ends, and so that
                # running calls may end by themselves; bounded once stop is set.
                with trio.CancelScope(shield=True) as scope:
                    with trio.fail_after(_START_S):
                        server, bound = await _aio(_start, _Generic(handlers, on_error), host, port)
                    task_status.started(bound)
                    await stop.wait()
                    scope.deadline = trio.current_time() + drain_s + _HARD_STOP_S
                    on_stop()
                    await _aio(server.stop, drain_s)


@asynccontextmanager
async def open_bridge() -> AsyncIterator[Bridge]:
    """Open the bridge for the block; inside another bridge's block the loop is shared.

    Everything that uses it must run in tasks started inside the block. When the surrounding scope
    is cancelled, the calls' clean-up still runs.

    Resource handling: gRPC's completion queue, its thread and its sockets live at least as long as
    the loop. They end with it unless some gRPC object is still referred to, and then with that.
    """
    if trio_asyncio.current_loop.get() is not None:
        yield Bridge()
        return
    is_held = False
    try:
        async with trio_asyncio.open_loop() as loop:
            _pass_over_late_answers(loop)
            # Without this the queue would end whenever no channel, server or call is left, in
            # whichever thread the collector finds the last one, under the eyes of a waiting loop.
            grpc.aio.init_grpc_aio()
            is_held = True
            yield Bridge()
    finally:
        if is_held:
            # The last one out waits for what is under way in gRPC, and for gRPC's thread.
            with trio.move_on_after(_CLOSE_S, shield=True):
                await trio.to_thread.run_sync(
                    grpc.aio.shutdown_grpc_aio, abandon_on_cancel=True, limiter=_closers
                )


def _pass_over_late_answers(loop: Any) -> None:
    """Make the loop deaf once it is closed, where asyncio would raise.

    gRPC has one completion queue for the whole process: the answer to an operation that was given
    up with its loop comes out in the next loop, which hands it on to its owner. There nobody waits
    for it any more, and the next loop must not fail of it.
    """
    hand_over = loop.call_soon_threadsafe

    def call_soon_threadsafe(*args: Any, **options: Any) -> Any:
        return None if loop.is_closed() else hand_over(*args, **options)

    loop.call_soon_threadsafe = call_soon_threadsafe


_METADATA = ((EDGE_PROTOCOL_KEY, "1"),)


async def _aio(function: Callable[..., Awaitable[T]], *args: Any) -> T:
    """Await an asyncio function from trio. Its own cancellation comes out as an RpcError."""

    async def call() -> T:
        try:
            return await function(*args)
        except asyncio.CancelledError:
            if asyncio.current_task() is not None and asyncio.current_task().cancelling():  # type: ignore[union-attr]
                raise
            raise RpcError(Code.CANCELLED, "call was cancelled") from None

    result: T = await trio_asyncio.aio_as_trio(call)()
    return result


def _map_error(exc: grpc.aio.AioRpcError) -> RpcError:
    return RpcError(Code(exc.code().value[0]), exc.details() or "")


async def _start(generic: _Generic, host: str, port: int) -> tuple[Any, int]:
    server = grpc.aio.server(options=_SERVER_OPTIONS)
    server.add_generic_rpc_handlers((generic,))
    try:
        bound = server.add_insecure_port(_join(host, port))
        await server.start()
        return server, bound
    except RuntimeError:
        raise _bind_error(host, port, "address already in use") from None


def _join(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _bind_error(host: str, port: int, reason: str) -> UserError:
    address = _join(host, port)
    return UserError(
        f"failed to initialize coordinator: failed to create listener on {address}:"
        f" listen tcp {address}: bind: {reason}"
    )


def _bind_fault(host: str, port: int) -> str:
    """Return why an address cannot be bound; empty when it can."""
    try:
        infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        with socket.socket(infos[0][0], socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(infos[0][4])
            probe.listen(1)
    except OSError as exc:
        return (exc.strerror or str(exc)).lower()
    return ""


class _Generic(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Finds the handler of a call by its path."""

    def __init__(
        self, handlers: Mapping[str, Handler], on_error: Callable[[str, Exception], None]
    ) -> None:
        self._by_path = {
            METHODS[name].path: _method_handler(METHODS[name], handler, on_error)
            for name, handler in handlers.items()
        }

    def service(self, handler_call_details: Any) -> Any:
        return self._by_path.get(handler_call_details.method)


def _method_handler(
    method: Method, handler: Handler, on_error: Callable[[str, Exception], None]
) -> Any:
    streams = method.kind == "client_stream"

    async def invoke(request: Any, context: Any) -> Any:
        caller = Caller(
            peer=context.peer(),
            metadata={str(key): str(value) for key, value in context.invocation_metadata()},
        )
        try:
            await context.send_initial_metadata(_METADATA)
            argument = Reader(context) if streams else request
            return await trio_asyncio.trio_as_aio(handler)(argument, caller)
        except RpcError as exc:
            error = exc
        except asyncio.CancelledError:
            raise
        except Exception as exc:
            on_error(method.name, exc)
            error = RpcError(Code.INTERNAL, f"{method.name} failed")
        await context.abort(_CODES[int(error.code)], error.text)

    make = {
        "unary": grpc.unary_unary_rpc_method_handler,
        "client_stream": grpc.stream_unary_rpc_method_handler,
        "server_stream": grpc.unary_stream_rpc_method_handler,
    }[method.kind]
    return make(
        invoke,
        request_deserializer=method.request.FromString,
        response_serializer=method.response.SerializeToString,
    )
