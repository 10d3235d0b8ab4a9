"""The recordings of tests/data/grpc as Python objects (format: README there)."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from edge.cluster.wire import health_pb2, pb

FOLDER = Path(__file__).parent.parent / "data" / "grpc"
NAMES = sorted(path.stem for path in FOLDER.glob("*.jsonl"))


def events(name: str) -> list[dict[str, Any]]:
    """Return every event of one recording."""
    with (FOLDER / f"{name}.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def message_type(name: str) -> type[Message]:
    """Return the message class of a `type`."""
    found: type[Message] = getattr(pb, name, None) or getattr(health_pb2, name)
    assert issubclass(found, Message)
    return found


def message(event: dict[str, Any]) -> Any:
    """Return the decoded message of a `msg` event."""
    return message_type(event["type"]).FromString(base64.b64decode(event["b64"]))


def as_dict(value: Message) -> dict[str, Any]:
    """Return the JSON form that the recordings use."""
    return MessageToDict(value, preserving_proto_field_name=True)


def messages(name: str, method: str, direction: str) -> list[Any]:
    """Return the messages of one method and direction, in order."""
    return [
        message(event)
        for event in events(name)
        if event["kind"] == "msg" and event["method"] == method and event["dir"] == direction
    ]
