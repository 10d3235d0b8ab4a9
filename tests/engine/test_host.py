"""The runs of one process, with a real store."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest
import trio

from edge.core.errors import DuplicateRunError, UserError
from edge.core.ids import RunRef
from edge.core.status import NodeStatus, RunStatus, TriggerType
from edge.engine.attempt import AttemptResult
from edge.engine.control import serve_control
from edge.engine.control_client import request_status, request_stop
from edge.store import Store
from edge.workflow.load import load_dag
from edge.workflow.model import DAG
from edge.workflow.params import parse_overrides, resolve_params
from tests.engine.helpers import make_dag
from tests.engine.world import LIMIT_S, World, make_world, until
from tests.processes import wait_group_ended


async def test_parameters_are_settled_by_the_process_that_starts(tmp_path: Path) -> None:
    """spec 11 section 5: pages, scheduler and dispatch evaluate once, at run input."""
    dag = load_dag(
        "params: [{name: a, eval: $(echo 5), type: integer}]\nsteps: [{run: a}]\n", name="t"
    )
    async with make_world(tmp_path) as world:
        found = await world.host.settle_params(dag, parse_overrides([]))
        assert found.items == (("a", "5"),)
        found = await world.host.settle_params(dag, parse_overrides(["a=7"]))
        assert found.items == (("a", "7"),)


async def test_a_run_is_recorded_from_its_begin_to_its_end(tmp_path: Path) -> None:
    async with make_world(tmp_path) as world:
        seen = tmp_path / "seen"
        text = f"while [ ! -e {seen} ]; do sleep 0.05; done"
        ref = await world.start(f"steps: [{{id: a, run: '{text}'}}, {{id: b, run: exit 3}}]")
        begun = world.store.load_record(ref)
        assert begun is not None
        assert begun.status is RunStatus.RUNNING
        assert begun.started_ms
        await until(
            lambda: (
                (record := world.store.load_record(ref)) is not None and bool(record.nodes[0].pgid)
            )
        )
        seen.touch()
        result = await world.wait(ref)
        assert result == AttemptResult(RunStatus.FAILED, "exit status 3")
        record = world.store.load_record(ref)
    assert record is not None
    assert record.status is RunStatus.FAILED
    assert [node.status for node in record.nodes] == [NodeStatus.SUCCEEDED, NodeStatus.FAILED]
    assert record.nodes[0].pgid is None
    assert record.trigger_type is TriggerType.MANUAL
    assert record.pid == os.getpid()
    assert record.working_dir
    assert record.log.startswith(str(world.settings.paths.log_dir))
    assert world.host.active == {}


async def test_a_run_id_exists_once(tmp_path: Path) -> None:
    async with make_world(tmp_path) as world:
        await world.wait(await world.start("steps: [{id: a, run: 'true'}]", "r1"))
        with pytest.raises(DuplicateRunError, match="dag-run ID r1 already exists for DAG t"):
            await world.start("steps: [{id: a, run: 'true'}]", "r1")
        with pytest.raises(UserError, match="must only contain alphanumeric characters"):
            await world.start("steps: [{id: a, run: 'true'}]", "no/slash")
        assert len(await _refs(world)) == 1


async def _refs(world: World) -> list[str]:
    from edge.store import RunFilter

    return [summary.run_id for summary in world.store.find_runs(RunFilter())]


async def test_a_nearly_full_disk_takes_no_new_run(tmp_path: Path) -> None:
    async with make_world(tmp_path, free_space_floor_mb=1 << 40) as world:
        with pytest.raises(UserError, match=r"no new run is started: .* MB free, the floor is"):
            await world.start("steps: [{id: a, run: 'true'}]")
        assert await _refs(world) == []


async def test_a_cycle_leaves_no_record(tmp_path: Path) -> None:
    async with make_world(tmp_path) as world:
        step = make_dag("steps: [{id: a, run: x}]").steps[0]
        dag = DAG(name="t", steps=(dataclasses.replace(step, depends=("a",)),))
        with pytest.raises(UserError, match="cyclic plan detected"):
            await world.host.start(dag, resolve_params(dag, parse_overrides([])))
        assert await _refs(world) == []


async def test_a_stop_reaches_the_steps_with_their_own_signal(tmp_path: Path) -> None:
    async with make_world(tmp_path) as world:
        text = "trap 'echo got it; exit 0' USR1; echo up; sleep 60 & wait"
        ref = await world.start(f'steps: [{{id: a, run: "{text}", signal_on_stop: SIGUSR1}}]')
        runner = world.host.active[ref]
        await world.busy(ref)
        await until(lambda: Path(runner.record.nodes[0].stdout).exists())
        assert world.host.stop(ref, reason="because")
        assert await world.wait(ref) == AttemptResult(RunStatus.ABORTED)
        assert not world.host.stop(ref)
        record = world.store.load_record(ref)
    assert record is not None
    assert record.error == "because"
    assert Path(record.nodes[0].stdout).read_text() == "up\ngot it\n"  # noqa: ASYNC240


async def test_a_recorded_stop_request_is_found_without_the_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.engine.host._ABORT_POLL_S", 0.05)
    async with make_world(tmp_path) as world:
        ref = await world.start("steps: [{id: a, run: sleep 60}]")
        await world.busy(ref)
        assert world.store.request_abort(ref)
        assert (await world.wait(ref)).status is RunStatus.ABORTED


async def test_the_control_socket_answers_for_all_runs(tmp_path: Path) -> None:
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o700)
    pid = os.getpid()
    path = runtime / f"edge-{pid}.sock"
    path.write_text("left by a dead process")
    async with make_world(tmp_path / "home") as world, trio.open_nursery() as nursery:
        await nursery.start(serve_control, path, world.host)
        assert path.stat().st_mode & 0o777 == 0o600
        refs = [await world.start("steps: [{id: a, run: sleep 60}]") for _ in range(2)]
        for ref in refs:
            await world.busy(ref)
        call = trio.to_thread.run_sync
        record = await call(request_status, pid, refs[1], runtime)
        assert record is not None
        assert (record.run_id, record.status) == (refs[1].run_id, RunStatus.RUNNING)
        assert await call(request_stop, pid, refs[1], runtime)
        assert (await world.wait(refs[1])).status is RunStatus.ABORTED
        assert refs[0] in world.host.active
        assert not await call(request_stop, pid, RunRef("t", "nope"), runtime)
        assert await call(request_status, pid, RunRef("t", "nope"), runtime) is None
        nursery.cancel_scope.cancel()
    assert not path.exists()
    assert not await trio.to_thread.run_sync(request_stop, pid, refs[0], runtime)


@pytest.mark.parametrize("request_text", [b"", b"nonsense\r\n\r\n", b"GET /x HTTP/1.1\r\n\r\n"])
async def test_the_control_socket_survives_bad_requests(
    request_text: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "edge-1.sock"
    async with make_world(tmp_path / "home") as world, trio.open_nursery() as nursery:
        await nursery.start(serve_control, path, world.host)
        for _ in range(2):
            stream = await trio.open_unix_socket(str(path))
            await stream.send_all(request_text)
            await stream.send_eof()
            with trio.fail_after(LIMIT_S):
                answer = b"".join([part async for part in stream])
            assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 404"))
            await stream.aclose()
        nursery.cancel_scope.cancel()


async def test_draining_waits_then_stops_and_takes_nothing_new(tmp_path: Path) -> None:
    async with make_world(tmp_path) as world:
        short = await world.start("steps: [{id: a, run: sleep 0.2}]")
        long = await world.start("steps: [{id: a, run: sleep 60}]")
        await world.busy(long)
        with trio.fail_after(LIMIT_S):
            # Long enough for the short one on a busy machine; the long one makes it last.
            await world.host.drain(3, "service stopped")
        assert (await world.wait(short)).status is RunStatus.SUCCEEDED
        assert (await world.wait(long)).status is RunStatus.ABORTED
        record = world.store.load_record(long)
        assert record is not None
        assert record.error == "service stopped"
        with pytest.raises(UserError, match="the service is stopping"):
            await world.start("steps: [{id: a, run: x}]")


async def test_a_run_that_does_not_stop_is_killed_at_the_end_of_a_drain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.engine.host._STOP_LIMIT_S", 0.2)
    async with make_world(tmp_path) as world:
        text = """
        handler_on: {abort: {run: sleep 60}}
        steps: [{id: a, run: sleep 60}]
        """
        ref = await world.start(text)
        await world.busy(ref)
        with trio.fail_after(LIMIT_S):
            await world.host.drain(0, "service stopped")
        result = await world.wait(ref)
        assert (result.status, result.exit_code) == (RunStatus.ABORTED, 1)


async def test_cancelling_the_host_kills_processes_and_leaves_the_record_running(
    tmp_path: Path,
) -> None:
    async with make_world(tmp_path) as world:
        ref = await world.start("steps: [{id: a, run: sleep 60}]")
        await world.busy(ref)
        group = world.host.active[ref].record.nodes[0].pgid
        assert group is not None
    await wait_group_ended(group)
    reader = Store.open_reader(world.settings.paths.store_file)
    assert reader is not None
    record = reader.load_record(ref)
    reader.close()
    assert record is not None
    assert record.status is RunStatus.RUNNING
