"""The coordinator's calls on a real store, without gRPC: spec 20 section 4."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from edge.cluster.fencing import LEASE_INACTIVE, RUN_TERMINAL, SUPERSEDED
from edge.cluster.leases import lease_expired_text
from edge.cluster.rpc import Code, RpcError
from edge.cluster.wire import SERVICE, health_pb2, pb
from edge.core.errors import DuplicateRunError, PeerError
from edge.core.ids import RunRef
from edge.core.status import RunStatus
from tests.cluster.fakes import (
    DAGU,
    EDGE,
    claim,
    dispatch,
    eventually,
    heartbeat,
    open_coordinator,
    report,
    run_heartbeat,
    start_task,
    stored,
)


async def _refused(call: Any) -> tuple[Code, str]:
    with pytest.raises(RpcError) as error:
        await call
    return error.value.code, error.value.text


async def test_a_run_from_dispatch_to_its_end(tmp_path: Path, mock_clock: MockClock) -> None:
    async with open_coordinator(tmp_path) as (hub, store):
        await heartbeat(hub)
        await dispatch(hub, start_task(params='WHO="x"', labels="site=a"))
        waiting = stored(store)
        assert waiting.status is RunStatus.NOT_STARTED
        assert waiting.labels == ["site=a"]
        task = await claim(hub)
        assert task.attempt_id == waiting.attempt_id
        assert task.worker_id == "pi@77"
        assert task.owner_coordinator_host == "127.0.0.2"
        assert task.owner_coordinator_port == 21055
        assert task.owner_coordinator_id.endswith("@21055")
        assert await run_heartbeat(hub, task) == []
        assert await report(hub, task, 1) == ""
        running = {"step": {"name": "say"}, "status": 1, "stdout": "/tmp/a.out", "stderr": "/b"}
        assert await report(hub, task, 1, nodes=[running]) == ""
        done = {**running, "status": 4, "finishedAt": "2026-11-23T02:00:37Z"}
        assert await report(hub, task, 4, nodes=[done]) == ""
        end = stored(store)
        folder = tmp_path / "logs" / "hello" / "r1" / task.attempt_id
        assert end.status is RunStatus.SUCCEEDED
        assert end.worker_id == "pi@77"
        assert end.log == str(folder / "scheduler.log")
        assert end.nodes[0].stdout == str(folder / "say.stdout.log")
        assert end.nodes[0].stderr == str(folder / "say.stderr.log")
        assert end.labels == ["site=a"]
        # The same end again is accepted; another end or a heartbeat is not.
        assert await report(hub, task, 4, nodes=[done]) == ""
        assert await report(hub, task, 2) == RUN_TERMINAL
        assert await report(hub, task, 1) == LEASE_INACTIVE
        assert await run_heartbeat(hub, task) == [task.attempt_key]


async def test_dispatch_refusals(tmp_path: Path, mock_clock: MockClock) -> None:
    async with open_coordinator(tmp_path) as (hub, store):
        call = hub.calls.dispatch
        assert await _refused(call(pb.DispatchRequest(), EDGE)) == (
            Code.INVALID_ARGUMENT,
            "task is required",
        )
        assert await _refused(dispatch(hub, start_task(definition=""))) == (
            Code.INVALID_ARGUMENT,
            "task.Definition is required for distributed execution",
        )
        assert await _refused(dispatch(hub, start_task())) == (
            Code.UNAVAILABLE,
            "no available workers",
        )
        await heartbeat(hub, arch="x86")
        assert await _refused(dispatch(hub, start_task())) == (
            Code.FAILED_PRECONDITION,
            "no workers match the required selector",
        )
        await heartbeat(hub)
        code, text = await _refused(dispatch(hub, start_task(definition="steps: [")))
        assert code is Code.INTERNAL
        assert text.startswith("failed to prepare attempt: failed to parse DAG definition: ")
        code, text = await _refused(dispatch(hub, start_task(operation=pb.OPERATION_RETRY)))
        assert text.endswith("failed to find execution: dag-run ID not found: r1")
        token = pb.DispatchRequest(task=start_task(), admission_reservation_token="x")
        assert (await _refused(call(token, EDGE)))[0] is Code.FAILED_PRECONDITION
        assert store.load_record(RunRef("hello", "r1")) is None


@pytest.mark.parametrize(
    ("previous", "reason"),
    [
        ({"attemptId": ""}, "queued attempt ID is missing"),
        ({"attemptId": "a1"}, "queued attempt was superseded"),
    ],
)
async def test_stale_queue_dispatch(
    tmp_path: Path, mock_clock: MockClock, previous: dict[str, Any], reason: str
) -> None:
    async with open_coordinator(tmp_path) as (hub, _):
        await heartbeat(hub)
        await dispatch(hub, start_task())
        text = json.dumps({"name": "hello", "dagRunId": "r1", "status": 5, **previous})
        task = start_task(operation=pb.OPERATION_RETRY, previous_status={"json_data": text})
        assert await _refused(dispatch(hub, task)) == (
            Code.FAILED_PRECONDITION,
            f"failed to prepare attempt: stale queue dispatch: {reason}",
        )


async def test_a_second_start_supersedes_the_first(tmp_path: Path, mock_clock: MockClock) -> None:
    async with open_coordinator(tmp_path) as (hub, store):
        await heartbeat(hub)
        await dispatch(hub, start_task())
        first = await claim(hub)
        assert await report(hub, first, 1) == ""
        await dispatch(hub, start_task())
        assert await report(hub, first, 1) == SUPERSEDED
        assert await run_heartbeat(hub, first) == [first.attempt_key]
        second = await claim(hub)
        assert second.attempt_id != first.attempt_id
        assert await report(hub, second, 1) == ""
        assert await report(hub, first, 4) == SUPERSEDED
        # The lease of the old attempt goes without a word about the run.
        mock_clock.jump(20)
        assert await run_heartbeat(hub, second) == []
        mock_clock.jump(15)
        await hub.sweep()
        assert [lease.attempt_id for lease in hub._hub.leases] == [second.attempt_id]
        assert "conditions" not in stored(store).extra


async def test_in_process_dispatch_refuses_a_known_run_id(
    tmp_path: Path, mock_clock: MockClock
) -> None:
    from edge.workflow.load import load_dag
    from edge.workflow.params import ResolvedParams

    text = "worker_selector:\n  arch: arm\nsteps:\n  - id: say\n    run: echo hi\n"
    dag = load_dag(text, name="hello")
    params = ResolvedParams.from_list(["WHO=a b", "2=x"])
    async with open_coordinator(tmp_path) as (hub, _):
        with pytest.raises(PeerError, match="no available workers"):
            await hub.dispatch(dag, params, run_id="r1")
        await heartbeat(hub)
        assert await hub.dispatch(dag, params, run_id="r1") == RunRef("hello", "r1")
        with pytest.raises(DuplicateRunError, match="r1 already exists for DAG hello"):
            await hub.dispatch(dag, params, run_id="r1")
        task = await claim(hub)
        assert task.params == 'WHO="a b" "x"'
        assert dict(task.worker_selector) == {"arch": "arm"}


async def test_poll_waits_for_the_right_task(tmp_path: Path, mock_clock: MockClock) -> None:
    async with open_coordinator(tmp_path) as (hub, _), trio.open_nursery() as nursery:
        assert await _refused(hub.calls.poll(pb.PollRequest(worker_id="w"), EDGE)) == (
            Code.INVALID_ARGUMENT,
            "poller_id is required",
        )
        taken: dict[str, str] = {}

        async def poll(worker: str, arch: str) -> None:
            request = pb.PollRequest(worker_id=worker, poller_id="p", labels={"arch": arch})
            answer = await hub.calls.poll(request, EDGE)
            taken[worker] = answer.task.dag_run_id

        nursery.start_soon(poll, "x", "x86")
        nursery.start_soon(poll, "a", "arm")
        await wait_all_tasks_blocked()
        mock_clock.jump(100)
        await heartbeat(hub)
        await dispatch(hub, start_task())
        await eventually(lambda: bool(taken))
        assert taken == {"a": "r1"}
        await dispatch(hub, start_task("r2", worker_selector={}))
        await eventually(lambda: len(taken) == 2)
        assert taken == {"a": "r1", "x": "r2"}


async def test_one_task_is_won_once(tmp_path: Path, mock_clock: MockClock) -> None:
    async with open_coordinator(tmp_path) as (hub, _):
        await heartbeat(hub)
        won: list[str] = []

        async def poll(number: int) -> None:
            request = pb.PollRequest(
                worker_id="pi@77", poller_id=str(number), labels={"arch": "arm"}
            )
            won.append((await hub.calls.poll(request, EDGE)).task.dag_run_id)

        async with trio.open_nursery() as nursery:
            for number in range(20):
                nursery.start_soon(poll, number)
            await wait_all_tasks_blocked()
            for number in range(5):
                await dispatch(hub, start_task(f"r{number}"))
            await eventually(lambda: len(won) == 5)
            assert sorted(won) == ["r0", "r1", "r2", "r3", "r4"]
            nursery.cancel_scope.cancel()


async def test_open_polls_end_at_shutdown(tmp_path: Path, mock_clock: MockClock) -> None:
    async with open_coordinator(tmp_path) as (hub, _), trio.open_nursery() as nursery:
        codes: list[Code] = []

        async def poll() -> None:
            codes.append((await _refused(hub.calls.poll(pb.PollRequest(poller_id="p"), EDGE)))[0])

        nursery.start_soon(poll)
        await wait_all_tasks_blocked()
        hub.close()
        await eventually(lambda: bool(codes))
        assert codes == [Code.UNAVAILABLE]
        answer: Any = await hub.calls.check(health_pb2.HealthCheckRequest(), EDGE)
        assert answer.status == health_pb2.HealthCheckResponse.NOT_SERVING


async def test_health(tmp_path: Path, mock_clock: MockClock) -> None:
    async with open_coordinator(tmp_path) as (hub, _):
        for service in ("", SERVICE):
            request = health_pb2.HealthCheckRequest(service=service)
            answer: Any = await hub.calls.check(request, EDGE)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        other = health_pb2.HealthCheckRequest(service="x")
        assert await _refused(hub.calls.check(other, EDGE)) == (Code.NOT_FOUND, "unknown service")


async def test_an_unclaimed_task_fails_its_run(tmp_path: Path, mock_clock: MockClock) -> None:
    async with open_coordinator(tmp_path) as (hub, store):
        await heartbeat(hub)
        await dispatch(hub, start_task())
        mock_clock.jump(29)
        await hub.sweep()
        assert stored(store).status is RunStatus.NOT_STARTED
        mock_clock.jump(2)
        await hub.sweep()
        record = stored(store)
        assert record.status is RunStatus.FAILED
        assert record.error == "no worker claimed the task within 30s"


async def test_an_unacknowledged_claim_comes_back(tmp_path: Path, mock_clock: MockClock) -> None:
    async with open_coordinator(tmp_path) as (hub, _):
        await heartbeat(hub)
        await dispatch(hub, start_task())
        poll = pb.PollRequest(worker_id="pi@77", poller_id="p", labels={"arch": "arm"})
        lost = (await hub.calls.poll(poll, EDGE)).task
        mock_clock.jump(31)
        await heartbeat(hub)
        await hub.sweep()
        late = pb.AckTaskClaimRequest(
            worker_id="pi@77", claim_token=lost.claim_token, attempt_key=lost.attempt_key
        )
        answer = await hub.calls.ack_task_claim(late, EDGE)
        assert (answer.accepted, answer.error) == (False, "claim not found or expired")
        again = await claim(hub)
        assert again.attempt_key == lost.attempt_key
        assert again.claim_token != lost.claim_token


async def test_a_worker_that_never_acknowledges_gets_no_more(
    tmp_path: Path, mock_clock: MockClock
) -> None:
    async with open_coordinator(tmp_path) as (hub, _):
        await heartbeat(hub)
        await dispatch(hub, start_task())
        poll = pb.PollRequest(worker_id="pi@77", poller_id="p", labels={"arch": "arm"})
        await hub.calls.poll(poll, DAGU)
        mock_clock.jump(31)
        await heartbeat(hub)
        await hub.sweep()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(hub.calls.poll, poll, DAGU)
            await wait_all_tasks_blocked()
            assert len(hub._board._pending) == 1
            nursery.cancel_scope.cancel()
        await heartbeat(hub)
        assert await _refused(dispatch(hub, start_task("r2"))) == (
            Code.UNAVAILABLE,
            "no available workers",
        )


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"claim_token": "other"}, "claim not found or expired"),
        ({"worker_id": "x"}, "claim belongs to a different worker"),
        ({"attempt_key": "x:1"}, "claim belongs to a different attempt"),
        ({"worker_id": ""}, ""),
        ({"attempt_key": ""}, ""),
    ],
)
async def test_acknowledge_table(
    tmp_path: Path, mock_clock: MockClock, changes: dict[str, str], error: str
) -> None:
    async with open_coordinator(tmp_path) as (hub, _):
        await heartbeat(hub)
        await dispatch(hub, start_task())
        poll = pb.PollRequest(worker_id="pi@77", poller_id="p", labels={"arch": "arm"})
        task = (await hub.calls.poll(poll, EDGE)).task
        values = {
            "worker_id": "pi@77",
            "claim_token": task.claim_token,
            "attempt_key": task.attempt_key,
        }
        request = pb.AckTaskClaimRequest(**{**values, **changes})
        answer = await hub.calls.ack_task_claim(request, EDGE)
        assert (answer.accepted, answer.error) == (error == "", error)
        if not error:
            replay = pb.AckTaskClaimRequest(**values)
            assert (await hub.calls.ack_task_claim(replay, EDGE)).accepted
            assert not (
                await hub.calls.ack_task_claim(
                    pb.AckTaskClaimRequest(worker_id="pi@77", claim_token=task.claim_token), EDGE
                )
            ).accepted


async def test_cancel_reaches_the_worker(tmp_path: Path, mock_clock: MockClock) -> None:
    async with open_coordinator(tmp_path) as (hub, store):
        await heartbeat(hub)
        request = pb.RequestCancelRequest(dag_name="hello", dag_run_id="r1")
        answer = await hub.calls.request_cancel(request, EDGE)
        assert answer.error == "failed to find DAG run: dag-run ID not found: r1"
        assert (await _refused(hub.calls.request_cancel(pb.RequestCancelRequest(), EDGE)))[1] == (
            "dag_name is required"
        )
        await dispatch(hub, start_task())
        task = await claim(hub)
        await report(hub, task, 1)
        assert await run_heartbeat(hub, task) == []
        assert (await hub.calls.request_cancel(request, EDGE)).accepted
        assert await run_heartbeat(hub, task) == [task.attempt_key]
        assert await heartbeat(hub, keys=(task.attempt_key,)) == [task.attempt_key]
        assert await report(hub, task, 3) == ""
        assert stored(store).status is RunStatus.ABORTED
        assert (await hub.calls.request_cancel(request, EDGE)).accepted


async def test_cancel_before_the_claim_aborts_at_once(
    tmp_path: Path, mock_clock: MockClock
) -> None:
    async with open_coordinator(tmp_path) as (hub, store):
        await heartbeat(hub)
        await dispatch(hub, start_task())
        await hub.request_cancel(RunRef("hello", "r1"))
        record = stored(store)
        assert (record.status, record.error) == (RunStatus.ABORTED, "context canceled")
        task = await claim(hub)
        assert await run_heartbeat(hub, task) == [task.attempt_key]


async def test_an_edge_worker_that_dies_leaves_the_run_unreachable(
    tmp_path: Path, mock_clock: MockClock
) -> None:
    async with open_coordinator(tmp_path) as (hub, store):
        await heartbeat(hub)
        await dispatch(hub, start_task())
        task = await claim(hub)
        await report(hub, task, 1)
        await run_heartbeat(hub, task)
        seen_ms = hub._hub.wall_ms()
        mock_clock.jump(29)
        await hub.sweep()
        assert "conditions" not in stored(store).extra
        mock_clock.jump(2)
        await hub.sweep()
        record = stored(store)
        assert record.status is RunStatus.RUNNING
        condition = record.extra["conditions"]
        assert isinstance(condition, list)
        assert isinstance(condition[0], dict)
        assert condition[0]["type"] == "Reachable"
        assert condition[0]["status"] == "Unknown"
        assert condition[0]["reason"] == "LeaseOverdue"
        summary = store.summary_of(RunRef("hello", "r1"))
        assert summary is not None
        assert summary.last_contact_ms == seen_ms
        # It comes back: the mark goes, the run ends as if nothing had been.
        assert await run_heartbeat(hub, task) == []
        assert "conditions" not in stored(store).extra
        assert await report(hub, task, 4) == ""
        summary = store.summary_of(RunRef("hello", "r1"))
        assert summary is not None
        assert summary.last_contact_ms is None


async def test_the_limit_of_patience_and_the_late_report(
    tmp_path: Path, mock_clock: MockClock
) -> None:
    async with open_coordinator(tmp_path) as (hub, store):
        await heartbeat(hub)
        await dispatch(hub, start_task())
        task = await claim(hub)
        await report(hub, task, 1)
        mock_clock.jump(23 * 3600)
        await hub.sweep()
        assert stored(store).status is RunStatus.RUNNING
        mock_clock.jump(2 * 3600)
        await hub.sweep()
        record = stored(store)
        assert (record.status, record.error) == (
            RunStatus.FAILED,
            lease_expired_text("pi@77"),
        )
        assert await report(hub, task, 4) == ""
        assert stored(store).status is RunStatus.SUCCEEDED


async def test_a_dagu_worker_that_dies_fails_the_run(tmp_path: Path, mock_clock: MockClock) -> None:
    async with open_coordinator(tmp_path) as (hub, store):
        await heartbeat(hub)
        await dispatch(hub, start_task())
        task = await claim(hub, DAGU)
        running = {"step": {"name": "say"}, "status": 1, "startedAt": "2026-11-23T02:00:34Z"}
        await report(hub, task, 1, DAGU, nodes=[running])
        mock_clock.jump(31)
        # A fresh heartbeat that lists the attempt holds the sweep off.
        await heartbeat(hub, keys=(task.attempt_key,))
        await hub.sweep()
        assert stored(store).status is RunStatus.RUNNING
        await heartbeat(hub)
        await hub.sweep()
        record = stored(store)
        assert (record.status, record.error) == (RunStatus.FAILED, lease_expired_text("pi@77"))
        assert record.nodes[0].error == record.error
        # A late run heartbeat revives it.
        assert await run_heartbeat(hub, task, DAGU) == []
        revived = stored(store)
        assert (revived.status, revived.error) == (RunStatus.RUNNING, "")
        assert revived.nodes[0].status.word == "running"
        mock_clock.jump(31)
        await hub.sweep()
        mock_clock.jump(50)
        await hub.sweep()
        assert await run_heartbeat(hub, task, DAGU) == [task.attempt_key]
        assert await report(hub, task, 4, DAGU) == RUN_TERMINAL


async def test_a_restart_loses_nothing(tmp_path: Path, mock_clock: MockClock) -> None:
    async with open_coordinator(tmp_path) as (hub, _):
        await heartbeat(hub)
        await dispatch(hub, start_task("r1"))
        held = await claim(hub)
        await report(hub, held, 1)
        await dispatch(hub, start_task("r2"))
        poll = pb.PollRequest(worker_id="pi@77", poller_id="p", labels={"arch": "arm"})
        await hub.calls.poll(poll, EDGE)
        await dispatch(hub, start_task("r3"))
    mock_clock.jump(3600)
    async with open_coordinator(tmp_path) as (hub, store):
        await hub.sweep()
        assert stored(store).status is RunStatus.RUNNING
        assert await run_heartbeat(hub, held) == []
        await heartbeat(hub)
        assert {(await claim(hub)).dag_run_id for _ in range(2)} == {"r2", "r3"}
        assert await report(hub, held, 4) == ""


async def test_report_refusals(tmp_path: Path, mock_clock: MockClock) -> None:
    async with open_coordinator(tmp_path) as (hub, _):
        call = hub.calls.report_status
        assert (await _refused(call(pb.ReportStatusRequest(worker_id="w"), EDGE)))[1] == (
            "status is required"
        )
        for text in ("", "[]", "{", '{"status":"x"}'):
            request = pb.ReportStatusRequest(
                worker_id="w", status=pb.DAGRunStatusProto(json_data=text)
            )
            code, message = await _refused(call(request, EDGE))
            assert code is Code.INVALID_ARGUMENT
            assert message.startswith(
                "failed to convert status: failed to unmarshal DAGRunStatus: "
            )
        empty = pb.ReportStatusRequest(worker_id="w", status=pb.DAGRunStatusProto(json_data="{}"))
        assert (await _refused(call(empty, EDGE)))[1] == (
            "worker, DAG run, and attempt identity are required"
        )
        unknown = pb.ReportStatusRequest(
            worker_id="w",
            status=pb.DAGRunStatusProto(
                json_data='{"name":"a","dagRunId":"b","attemptId":"c","status":1}'
            ),
        )
        assert (await call(unknown, EDGE)).error == LEASE_INACTIVE


async def test_status_and_definitions_can_be_asked_for(
    tmp_path: Path, mock_clock: MockClock
) -> None:
    async with open_coordinator(tmp_path) as (hub, _):
        calls = hub.calls
        assert (await _refused(calls.get_dag_run_status(pb.GetDAGRunStatusRequest(), EDGE)))[1] == (
            "dag_name and dag_run_id are required"
        )
        ask = pb.GetDAGRunStatusRequest(dag_name="hello", dag_run_id="r1")
        assert not (await calls.get_dag_run_status(ask, EDGE)).found
        await heartbeat(hub)
        await dispatch(hub, start_task())
        task = await claim(hub)
        await report(hub, task, 1, fromTomorrow={"a": 1})
        answer = await calls.get_dag_run_status(ask, EDGE)
        data = json.loads(answer.status.json_data)
        assert (data["status"], data["fromTomorrow"]) == (1, {"a": 1})
        (tmp_path / "dags").mkdir()
        (tmp_path / "dags" / "child.yaml").write_text("steps: []\n")
        assert (await calls.get_dag(pb.GetDAGRequest(name="child"), EDGE)).spec == "steps: []\n"
        for name in ("", "nope", "../x", "a/b"):
            assert (await calls.get_dag(pb.GetDAGRequest(name=name), EDGE)).error == (
                "DAG is not found"
            )
        empty = pb.ClaimAgentSessionCleanupRequest(worker_id="w")
        assert not (await calls.claim_agent_session_cleanup(empty, EDGE)).found
        put_state: Any = calls.handlers()["PutState"]
        code, text = await _refused(put_state(pb.PutStateRequest(), EDGE))
        assert code is Code.UNIMPLEMENTED
        assert text == "method PutState is not implemented in this version of edge yet"


async def test_workers_are_listed(tmp_path: Path, mock_clock: MockClock) -> None:
    async with open_coordinator(tmp_path) as (hub, _):
        await heartbeat(hub, keys=("k:1",))
        assert [(w.worker_id, w.health, w.running) for w in hub.workers()] == [
            ("pi@77", "healthy", ("k:1",))
        ]
        mock_clock.jump(6)
        assert hub.workers()[0].health == "warning"
        mock_clock.jump(10)
        assert hub.workers()[0].health == "unhealthy"
        info = (await hub.calls.get_workers(pb.GetWorkersRequest(), EDGE)).workers[0]
        assert info.health_status == pb.WORKER_HEALTH_STATUS_UNHEALTHY
        assert dict(info.labels) == {"arch": "arm"}
        mock_clock.jump(20)
        await hub.sweep()
        assert hub.workers() == []
