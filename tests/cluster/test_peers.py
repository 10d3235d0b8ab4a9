"""Which coordinator gets which call: spec 20 sections 1.4 and 6."""

from __future__ import annotations

from typing import Any

import pytest
import trio
import trio.lowlevel
from trio.testing import MockClock

from edge.cluster.peers import Owner, Peers
from edge.cluster.rpc import Code, RpcError
from edge.cluster.wire import health_pb2, pb

OWNER = Owner("hub@1", "owner", 1)


class _Channel:
    """Answers as told; notes what was asked."""

    def __init__(self, net: _Net, address: str) -> None:
        self.net = net
        self.address = address
        self.is_edge_peer: bool | None = None

    async def unary(self, method: str, request: Any, *, timeout_s: float | None = None) -> Any:
        self.net.calls.append((self.address, method, timeout_s))
        fault = self.net.faults.get((self.address, method)) or self.net.faults.get(
            (self.address, "*")
        )
        await trio.lowlevel.checkpoint()
        if fault is not None:
            raise fault
        if method == "Check":
            return health_pb2.HealthCheckResponse(status=self.net.health)
        return pb.HeartbeatResponse()

    async def stream(self, method: str, *, timeout_s: float | None = None) -> Any:
        self.net.calls.append((self.address, method, timeout_s))
        return self.address

    async def aclose(self) -> None:
        self.net.closed.append(self.address)


class _Net:
    def __init__(self) -> None:
        self.calls: list[tuple[str, str, float | None]] = []
        self.faults: dict[tuple[str, str], RpcError] = {}
        self.closed: list[str] = []
        self.health: Any = health_pb2.HealthCheckResponse.SERVING

    async def connect(self, address: str) -> Any:
        return _Channel(self, address)

    def asked(self, method: str) -> list[str]:
        return [address for address, name, _ in self.calls if name == method]


def _down(code: Code = Code.UNAVAILABLE, text: str = "down") -> RpcError:
    return RpcError(code, text)


async def test_any_moves_on_to_a_healthy_one(mock_clock: MockClock) -> None:
    net = _Net()
    peers = Peers(("a", "b"), net.connect)
    net.faults["a", "Check"] = _down()
    for _ in range(10):
        await peers.any("Heartbeat", pb.HeartbeatRequest(), timeout_s=10)
    assert set(net.asked("Heartbeat")) == {"b"}


async def test_any_divides_its_time(mock_clock: MockClock) -> None:
    net = _Net()
    peers = Peers(("a", "b"), net.connect)
    net.faults["a", "*"] = net.faults["b", "*"] = _down()
    with pytest.raises(RpcError, match="health check failed: down"):
        await peers.any("Heartbeat", pb.HeartbeatRequest(), timeout_s=10)
    assert [timeout_s for _, _, timeout_s in net.calls] == [5, 10]


async def test_a_precondition_is_final(mock_clock: MockClock) -> None:
    net = _Net()
    peers = Peers(("a", "b"), net.connect)
    for address in ("a", "b"):
        net.faults[address, "Dispatch"] = _down(Code.FAILED_PRECONDITION)
    with pytest.raises(RpcError):
        await peers.any("Dispatch", pb.DispatchRequest())
    assert len(net.asked("Dispatch")) == 1


async def test_health_is_asked_once_in_five_seconds(mock_clock: MockClock) -> None:
    net = _Net()
    peers = Peers(("a",), net.connect)
    for wait_s in (0, 4, 0.9, 0.2):
        mock_clock.jump(wait_s)
        await peers.at("a", "Heartbeat", pb.HeartbeatRequest())
    assert len(net.asked("Check")) == 2
    await peers.drop("a")
    assert net.closed == ["a"]
    await peers.at("a", "Heartbeat", pb.HeartbeatRequest())
    assert len(net.asked("Check")) == 3


async def test_not_serving_is_unavailable(mock_clock: MockClock) -> None:
    net = _Net()
    net.health = health_pb2.HealthCheckResponse.NOT_SERVING
    with pytest.raises(RpcError) as error:
        await Peers(("a",), net.connect).at("a", "Poll", pb.PollRequest())
    assert error.value.code is Code.UNAVAILABLE


async def test_the_owner_comes_first_then_the_list(mock_clock: MockClock) -> None:
    net = _Net()
    peers = Peers(("a",), net.connect)
    await peers.owner(OWNER, "RunHeartbeat", pb.RunHeartbeatRequest(), timeout_s=10)
    assert net.asked("RunHeartbeat") == ["owner:1"]
    assert net.asked("Check") == []
    # A wrong advertise address is survivable, and what worked is remembered.
    net.faults["owner:1", "*"] = _down()
    for _ in range(3):
        await peers.owner(OWNER, "RunHeartbeat", pb.RunHeartbeatRequest(), timeout_s=10)
    assert net.asked("RunHeartbeat") == ["owner:1", "owner:1", "a", "a", "a"]


async def test_a_refusal_by_the_owner_is_final(mock_clock: MockClock) -> None:
    net = _Net()
    peers = Peers(("a",), net.connect)
    net.faults["owner:1", "*"] = _down(Code.INVALID_ARGUMENT)
    with pytest.raises(RpcError):
        await peers.owner(OWNER, "ReportStatus", pb.ReportStatusRequest(), timeout_s=5)
    assert net.asked("ReportStatus") == ["owner:1"]
    text = "status update sent to non-owner coordinator"
    net.faults["owner:1", "*"] = _down(Code.FAILED_PRECONDITION, text)
    await peers.owner(OWNER, "ReportStatus", pb.ReportStatusRequest(), timeout_s=5)
    assert net.asked("ReportStatus") == ["owner:1", "owner:1", "a"]


async def test_streams_check_health_first(mock_clock: MockClock) -> None:
    net = _Net()
    peers = Peers(("a",), net.connect)
    net.faults["owner:1", "Check"] = _down()
    found: Any = await peers.owner_stream(OWNER, "StreamLogs")
    assert found == "a"
    assert net.asked("Check") == ["owner:1", "a"]


async def test_nowhere_to_go(mock_clock: MockClock) -> None:
    peers = Peers((), _Net().connect)
    with pytest.raises(RpcError, match="no coordinators available"):
        await peers.any("Poll", pb.PollRequest())
    with pytest.raises(RpcError, match="no coordinators available"):
        await peers.owner(Owner("", "", 0), "Poll", pb.PollRequest(), timeout_s=1)


def test_addresses_of_owners() -> None:
    assert Owner("x", "10.0.0.5", 50055).address == "10.0.0.5:50055"
    assert Owner("x", "fe80::1", 1).address == "[fe80::1]:1"
    assert Owner("", "", 0).address == ""
