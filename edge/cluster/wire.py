"""The methods of the wire and its limits, as one table (spec 20 sections 1 and 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message

from edge.cluster.pb import coordinator_pb2 as pb
from edge.cluster.pb import health_pb2

__all__ = ["MAX_MESSAGE_BYTES", "METHODS", "SERVICE", "Kind", "Method", "health_pb2", "pb"]

SERVICE = "coordinator.v1.CoordinatorService"
#: larger messages are refused by both ends
MAX_MESSAGE_BYTES = 16 * 1024 * 1024

#: "unary", "client_stream" or "server_stream"
Kind = str


@dataclass(frozen=True, slots=True)
class Method:
    """One method: where it lives and which messages it carries."""

    name: str
    path: str
    kind: Kind
    request: type[Message]
    response: type[Message]


def _methods(service: Any, module: Any) -> dict[str, Method]:
    table = {}
    for method in service.methods:
        if method.client_streaming:
            kind = "client_stream"
        elif method.server_streaming:
            kind = "server_stream"
        else:
            kind = "unary"
        table[method.name] = Method(
            name=method.name,
            path=f"/{service.full_name}/{method.name}",
            kind=kind,
            request=getattr(module, method.input_type.name),
            response=getattr(module, method.output_type.name),
        )
    return table


#: by method name; the names of the two services do not clash
METHODS: dict[str, Method] = {
    **_methods(pb.DESCRIPTOR.services_by_name["CoordinatorService"], pb),
    **_methods(health_pb2.DESCRIPTOR.services_by_name["Health"], health_pb2),
}
