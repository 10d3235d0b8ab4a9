"""Worker side of StreamLogs: one local log file to the coordinator (spec 20 section 10).

The bytes are read from the file at offsets, so an outage costs no memory: after a failure the
stream is opened again and everything since the last acknowledged offset is sent again.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from edge.cluster.backoff import Backoff
from edge.cluster.peers import LogCall, Owner, Peers
from edge.cluster.rpc import Code, RpcError, is_retryable
from edge.cluster.wire import pb

if TYPE_CHECKING:
    from edge.config.log import Logger

__all__ = ["LogPump"]

_CHUNK_BYTES = 32 * 1024
_FLUSH_S = 2.0
#: after this many bytes the stream is closed for an acknowledgement
_ACK_BYTES = 16 * 1024 * 1024
#: how long the end of a stream may take to be delivered
_FINAL_S = 180.0
_OP_TIMEOUT_S = 5.0
_NOT_CONFIGURED = "log streaming not configured"


class LogPump:
    """Sends one file while it grows, then its end.

    `grew` and `close` never block. `run` ends when everything was delivered, when the coordinator
    refuses the stream for good, or when the time for the end is over; a lost log is logged and
    never fails the run.
    """

    def __init__(
        self,
        peers: Peers,
        owner: Owner,
        template: Callable[[], pb.LogChunk],
        *,
        log: Logger,
        restarts_sequence: bool,
    ) -> None:
        """`template` makes chunks that carry the identity members and the step.

        `restarts_sequence`: after a failure the numbers begin again behind the last acknowledged
        one, as for steps; the scheduler's stream goes on counting.
        """
        self._peers = peers
        self._owner = owner
        self._template = template
        self._log = log
        self._restarts_sequence = restarts_sequence
        self._path: Path | None = None
        self._size = 0
        self.is_closing = False
        self._wake = trio.Event()
        self._call: LogCall | None = None
        self._sent = self._acked = 0
        self._sequence = self._acked_sequence = 0
        self._backoff = Backoff(0.1, 2.0, 2.0, low=0.5, high=1.5)
        self.done = trio.Event()

    def grew(self, path: Path, size: int) -> None:
        """Note that the file has `size` bytes now."""
        self._path, self._size = path, max(self._size, size)
        if self._size - self._sent >= _CHUNK_BYTES:
            self._wake.set()

    def close(self, path: Path, size: int) -> None:
        """Note that the file is complete with `size` bytes; sends the rest and the final chunk."""
        self._path, self._size, self.is_closing = path, size, True
        self._wake.set()

    def close_as_is(self) -> None:
        """Note that what was announced is all."""
        self.is_closing = True
        self._wake.set()

    async def run(self) -> None:
        """Deliver the file. Cancelling it breaks the stream off."""
        try:
            deadline = float("inf")
            while not self._is_delivered():
                if not self.is_closing and self._size - self._sent < _CHUNK_BYTES:
                    self._wake = trio.Event()
                    with trio.move_on_after(_FLUSH_S):
                        await self._wake.wait()
                if self.is_closing and deadline == float("inf"):
                    deadline = trio.current_time() + _FINAL_S
                    self._backoff.reset()
                with trio.CancelScope(deadline=deadline) as scope:
                    if not await self._try_send():
                        return
                if scope.cancelled_caught:
                    self._log.warning("Log not delivered in time", path=str(self._path))
                    return
        finally:
            if self._call is not None:
                self._call.cancel()
            self.done.set()

    def _is_delivered(self) -> bool:
        return self.is_closing and self._acked == self._size and self._call is None

    async def _try_send(self) -> bool:
        """Send what there is; False when the stream was refused for good."""
        try:
            await self._send()
            self._backoff.reset()
        except RpcError as exc:
            self._reset()
            if _NOT_CONFIGURED in exc.text:
                return False
            if not is_retryable(exc) and exc.code not in (Code.ABORTED, Code.CANCELLED):
                self._log.warning("Log stream refused", path=str(self._path), error=exc.text)
                return False
            await trio.sleep(self._backoff.next_s())
        except OSError as exc:
            self._log.warning(
                "Log cannot be read", path=str(self._path), error=exc.strerror or str(exc)
            )
            return False
        return True

    async def _send(self) -> None:
        while self._sent < self._size:
            data = await trio.to_thread.run_sync(self._read)
            if not data:
                # Shorter than announced: what is there is all there will be.
                self._size = self._sent
                break
            await self._write(self._chunk(data=data))
            self._sent += len(data)
            if self._sent - self._acked >= _ACK_BYTES:
                await self._finish()
        if self.is_closing and self._size and (self._call is not None or self._acked < self._size):
            await self._write(self._chunk(is_final=True))
            await self._finish()

    async def _write(self, chunk: pb.LogChunk) -> None:
        # A write that cannot finish means a dead path; the call is broken off and sent again.
        with trio.move_on_after(_OP_TIMEOUT_S * 2) as scope:
            if self._call is None:
                timeout_s = _FINAL_S if self.is_closing else None
                self._call = await self._peers.owner_stream(
                    self._owner, "StreamLogs", timeout_s=timeout_s
                )
            # Counted before it is known to have arrived: a number is not used twice.
            self._sequence = chunk.sequence
            await self._call.write(chunk)
        if scope.cancelled_caught:
            raise RpcError(Code.DEADLINE_EXCEEDED, "log stream stalled")

    async def _finish(self) -> None:
        assert self._call is not None
        with trio.move_on_after(_OP_TIMEOUT_S * 2) as scope:
            await self._call.finish()
        if scope.cancelled_caught:
            raise RpcError(Code.DEADLINE_EXCEEDED, "log stream was not acknowledged")
        self._call = None
        self._acked, self._acked_sequence = self._sent, self._sequence

    def _reset(self) -> None:
        if self._call is not None:
            self._call.cancel()
            self._call = None
        self._sent = self._acked
        if self._restarts_sequence:
            self._sequence = self._acked_sequence

    def _chunk(self, *, data: bytes = b"", is_final: bool = False) -> pb.LogChunk:
        chunk = self._template()
        chunk.data = data
        chunk.sequence = self._sequence + 1
        chunk.is_final = is_final
        chunk.byte_offset = self._sent
        return chunk

    def _read(self) -> bytes:
        assert self._path is not None
        with self._path.open("rb") as file:
            file.seek(self._sent)
            return file.read(min(_CHUNK_BYTES, self._size - self._sent))
