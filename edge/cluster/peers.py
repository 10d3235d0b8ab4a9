"""Client side: which coordinator gets which call (spec 20 sections 1.4, 5.2, 6, 15).

Calls without an owner go to any coordinator, in random order, after a health check. Calls about
a claimed task go to its owner first and then to whoever answers. One channel per address; a dead
one is closed so that the next call resolves and connects anew.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import trio
from google.protobuf.message import Message

from edge.cluster.rpc import Code, RpcError, is_retryable
from edge.cluster.wire import health_pb2

__all__ = ["LogCall", "Owner", "PeerChannel", "Peers"]

#: a health check that succeeded this short a time ago is not repeated
_CHECK_FRESH_S = 5.0
_NOT_OWNER = (
    "run heartbeat sent to non-owner coordinator",
    "status update sent to non-owner coordinator",
    "log chunk sent to non-owner coordinator",
    "artifact chunk sent to non-owner coordinator",
)


class LogCall(Protocol):
    """A client stream, as `bridge.ClientStream` offers it."""

    async def write(self, message: Message) -> None: ...
    async def finish(self) -> Any: ...
    def cancel(self) -> None: ...


class PeerChannel(Protocol):
    """A connection, as `bridge.Channel` offers it."""

    is_edge_peer: bool | None

    async def unary(
        self, method: str, request: Message, *, timeout_s: float | None = None
    ) -> Any: ...
    async def stream(self, method: str, *, timeout_s: float | None = None) -> LogCall: ...
    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Owner:
    """The coordinator that handed a task out."""

    id: str
    host: str
    port: int

    @property
    def address(self) -> str:
        """Return `host:port`; empty without a host."""
        if not self.host:
            return ""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Peers:
    """Channels to coordinators and the rules for choosing among them."""

    def __init__(
        self, addresses: Sequence[str], connect: Callable[[str], Awaitable[PeerChannel]]
    ) -> None:
        self.addresses = tuple(addresses)
        self._connect = connect
        self._channels: dict[str, PeerChannel] = {}
        self._checked_at: dict[str, float] = {}
        #: owner id -> address that worked last
        self._route: dict[str, str] = {}

    async def aclose(self) -> None:
        """Close every channel."""
        for address in list(self._channels):
            await self.drop(address)

    async def drop(self, address: str) -> None:
        """Close one channel; calls on it fail, the next call connects anew."""
        self._checked_at.pop(address, None)
        channel = self._channels.pop(address, None)
        if channel is not None:
            await channel.aclose()

    def is_edge(self, address: str) -> bool | None:
        """Return whether the peer there is edge; None while nobody knows."""
        channel = self._channels.get(address)
        return channel.is_edge_peer if channel else None

    def owner_is_edge(self, owner: Owner) -> bool | None:
        """Return whether the owner is edge, by the address that worked for it last."""
        return self.is_edge(self._route.get(owner.id, owner.address))

    async def at(
        self,
        address: str,
        method: str,
        request: Message,
        *,
        timeout_s: float | None = None,
        check: bool = True,
    ) -> Any:
        """Call one coordinator, after a health check. Raises: RpcError."""
        started = trio.current_time()
        if check:
            await self.check(address, timeout_s)
        if timeout_s is not None:
            timeout_s = max(0.001, timeout_s - (trio.current_time() - started))
        return await (await self._channel(address)).unary(method, request, timeout_s=timeout_s)

    async def any(self, method: str, request: Message, *, timeout_s: float | None = None) -> Any:
        """Call the first healthy coordinator that succeeds, in random order.

        `timeout_s` is divided over the ones not yet tried. Raises: RpcError of the last one.
        """
        if not self.addresses:
            raise RpcError(Code.UNAVAILABLE, "no coordinators available")
        order = random.sample(self.addresses, len(self.addresses))
        deadline = None if timeout_s is None else trio.current_time() + timeout_s
        for left, address in zip(range(len(order), 0, -1), order, strict=True):
            share = None if deadline is None else _share(deadline, left)
            try:
                return await self.at(address, method, request, timeout_s=share)
            except RpcError as exc:
                if left == 1 or exc.code is Code.FAILED_PRECONDITION:
                    raise
        raise AssertionError

    async def owner(self, owner: Owner, method: str, request: Message, *, timeout_s: float) -> Any:
        """Call about a claimed task: its owner first, then the other candidates.

        Raises: RpcError, the first one that another candidate cannot cure, else the last.
        """
        candidates = self._candidates(owner)
        deadline = trio.current_time() + timeout_s
        for left, address in zip(range(len(candidates), 0, -1), candidates, strict=True):
            try:
                answer = await self.at(
                    address, method, request, timeout_s=_share(deadline, left), check=False
                )
            except RpcError as exc:
                if left == 1 or not self._is_elsewhere(owner, exc):
                    raise
                continue
            self._route[owner.id] = address
            return answer
        raise AssertionError

    async def owner_stream(
        self, owner: Owner, method: str, *, timeout_s: float | None = None
    ) -> LogCall:
        """Open a stream about a claimed task; the health check picks the candidate.

        Raises: RpcError when no candidate is healthy.
        """
        candidates = self._candidates(owner)
        deadline = None if timeout_s is None else trio.current_time() + timeout_s
        for left, address in zip(range(len(candidates), 0, -1), candidates, strict=True):
            share = 10.0 if deadline is None else _share(deadline, left)
            try:
                await self.check(address, share)
            except RpcError:
                if left == 1:
                    raise
                continue
            rest = None if deadline is None else max(0.001, deadline - trio.current_time())
            return await (await self._channel(address)).stream(method, timeout_s=rest)
        raise AssertionError

    async def check(self, address: str, timeout_s: float | None = None) -> None:
        """Ask for health unless that was answered a moment ago. Raises: RpcError."""
        if trio.current_time() - self._checked_at.get(address, -_CHECK_FRESH_S) < _CHECK_FRESH_S:
            return
        channel = await self._channel(address)
        try:
            answer = await channel.unary(
                "Check", health_pb2.HealthCheckRequest(), timeout_s=timeout_s
            )
        except RpcError as exc:
            raise RpcError(exc.code, f"health check failed: {exc.text}") from exc
        if answer.status != health_pb2.HealthCheckResponse.SERVING:
            raise RpcError(Code.UNAVAILABLE, f"coordinator {address} is not serving")
        self._checked_at[address] = trio.current_time()

    async def _channel(self, address: str) -> PeerChannel:
        channel = self._channels.get(address)
        if channel is None:
            # Connecting is lazy, so this returns at once; still, somebody else may have won.
            made = await self._connect(address)
            channel = self._channels.setdefault(address, made)
        return channel

    def _candidates(self, owner: Owner) -> list[str]:
        ordered = [self._route.get(owner.id, ""), owner.address, *self.addresses]
        found = list(dict.fromkeys(address for address in ordered if address))
        if not found:
            raise RpcError(Code.UNAVAILABLE, "no coordinators available")
        return found

    def _is_elsewhere(self, owner: Owner, error: RpcError) -> bool:
        """Return whether another candidate may do better, and forget the route if so."""
        elsewhere = is_retryable(error) or (
            error.code is Code.FAILED_PRECONDITION
            and any(text in error.text for text in _NOT_OWNER)
        )
        if elsewhere:
            self._route.pop(owner.id, None)
        return elsewhere


def _share(deadline: float, left: int) -> float:
    return max(0.001, (deadline - trio.current_time()) / left)
