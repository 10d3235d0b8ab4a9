"""What a call can answer besides its message: codes, errors, caller. No gRPC in here.

Handlers and clients speak in these terms; the bridge alone translates them to gRPC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from edge.core.errors import PeerError

__all__ = ["EDGE_PROTOCOL_KEY", "Caller", "Code", "RpcError", "is_retryable"]

#: metadata key by which two edge ends know each other (spec 20 section 18a)
EDGE_PROTOCOL_KEY = "edge-protocol"


class Code(IntEnum):
    """Status codes of gRPC, by their numbers on the wire."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


class RpcError(PeerError):
    """A call ended with a code other than OK.

    A handler raises it to refuse a call; a client gets it when the other end did.
    """

    def __init__(self, code: Code, text: str) -> None:
        super().__init__(text or code.name)
        self.code = code
        self.text = text


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling: address as the transport tells it, and the call's metadata."""

    peer: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_edge(self) -> bool:
        """Return whether the other end is edge, so that section 18a holds."""
        return EDGE_PROTOCOL_KEY in self.metadata


def is_retryable(error: RpcError) -> bool:
    """Return whether another try, or another coordinator, may do better (spec 20 section 3)."""
    return error.code in (Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED)
