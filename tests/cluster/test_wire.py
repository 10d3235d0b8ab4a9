"""The recorded messages decode with our contract, and nothing of a status is lost."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.unknown_fields import UnknownFieldSet

from edge.cluster.wire import METHODS, pb
from edge.core.clock import parse_rfc3339
from edge.core.record import RunRecord
from tests.cluster.recordings import NAMES, as_dict, events, message

_ROOT = Path(__file__).parent.parent.parent


def _unknown(value: Any) -> list[str]:
    # The stubs do not know that it can be walked through.
    fields: Any = UnknownFieldSet(value)
    found = [f"{value.DESCRIPTOR.name}:{field.field_number}" for field in fields]
    for descriptor, content in value.ListFields():
        if descriptor.message_type is None or descriptor.message_type.GetOptions().map_entry:
            continue
        for item in content if descriptor.is_repeated else [content]:
            found += _unknown(item)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_recorded_message_decodes(name: str) -> None:
    count = 0
    for event in events(name):
        if event["kind"] != "msg":
            continue
        decoded = message(event)
        assert _unknown(decoded) == []
        assert as_dict(decoded) == event["msg"]
        count += 1
    assert count > 10


def test_the_unknown_field_check_can_fail() -> None:
    decoded = pb.PollResponse.FromString(b"\x0a\x04\xf2\x0d\x01x")
    assert _unknown(decoded) == ["Task:222"]


def test_all_recorded_messages_are_covered() -> None:
    kinds = [event["type"] for name in NAMES for event in events(name) if event["kind"] == "msg"]
    kinds = [kind for kind in kinds if not kind.startswith("HealthCheck")]
    assert (len(kinds), len(set(kinds))) == (1149, 41)


def _statuses(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["json_data"]] if "json_data" in value else []
        return own + [text for item in value.values() for text in _statuses(item)]
    return []


def _instants(value: Any) -> Any:
    """Return the record with times as instants: zones and the two spellings of unset are free."""
    if isinstance(value, dict):
        return {
            key: parse_rfc3339(item)
            if key in ("startedAt", "finishedAt", "queuedAt", "retriedAt") and item != ""
            else (None if item == "" and key.endswith("At") else _instants(item))
            for key, item in value.items()
        }
    return [_instants(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", NAMES)
def test_statuses_survive_the_record(name: str) -> None:
    for event in events(name):
        for text in _statuses(event.get("msg")):
            data = json.loads(text)
            assert _instants(RunRecord.from_json(data).to_json()) == _instants(data)


def test_method_table() -> None:
    assert METHODS["Poll"].path == "/coordinator.v1.CoordinatorService/Poll"
    assert METHODS["StreamLogs"].kind == "client_stream"
    assert METHODS["GetWorkspaceBundle"].kind == "server_stream"
    assert METHODS["Check"].path == "/grpc.health.v1.Health/Check"
    recorded = {
        (event["method"], event["path"])
        for name in NAMES
        for event in events(name)
        if event["kind"] == "call"
    }
    assert all(METHODS[method].path == path for method, path in recorded)


def test_the_log_offset_zero_is_on_the_wire() -> None:
    assert b"\x70\x00" in pb.LogChunk(byte_offset=0).SerializeToString()
    assert not pb.LogChunk().HasField("byte_offset")
    encoded = base64.b64encode(pb.LogChunk(byte_offset=0).SerializeToString())
    assert encoded == b"cAA="


def test_generated_modules_are_current(tmp_path: Path) -> None:
    pytest.importorskip("grpc_tools", reason="grpcio-tools is not installed")
    code = (
        "import sys, pathlib; sys.path.insert(0, sys.argv[1]);"
        "import generate; generate.generate(pathlib.Path(sys.argv[2]))"
    )
    command = [sys.executable, "-c", code, str(_ROOT / "proto"), str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(made) == {
        "coordinator_pb2.py",
        "coordinator_pb2.pyi",
        "health_pb2.py",
        "health_pb2.pyi",
    }
    package = _ROOT / "edge" / "cluster" / "pb"
    stale = [name for name, text in made.items() if (package / name).read_bytes() != text]
    assert stale == [], "run: python proto/generate.py"
