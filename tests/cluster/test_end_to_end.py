"""Coordinator and worker in one program over gRPC: a DAG goes out, status and logs come back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio

from edge.cluster.bridge import open_bridge
from edge.cluster.client import dispatch_and_follow, failure_text
from edge.cluster.coordinator import Coordinator
from edge.cluster.worker import Worker
from edge.config.settings import CoordinatorSettings, ServiceSettings, WorkerSettings
from edge.core.clock import SystemClock
from edge.core.errors import PeerError, UserError
from edge.core.ids import RunRef
from edge.core.record import RunRecord
from edge.core.status import NodeStatus, RunStatus
from edge.engine.processes import Spawner
from edge.store import Store
from edge.store.host import this_host
from edge.store.writer import StoreWriter
from edge.workflow.load import load_dag
from edge.workflow.params import ResolvedParams, parse_override_text, resolve_params
from tests.cluster.fakes import make_settings
from tests.ports import free_port

#: only a limit: shorter than the sleeps of steps that are stopped, else without meaning
_LIMIT_S = 25.0
_HEAD = "name: demo\nworker_selector:\n  arch: arm\n"


async def until(condition: Callable[[], bool], limit_s: float = _LIMIT_S) -> None:
    """Wait for what another task does; there is no event to wait for across the wire."""
    with trio.fail_after(limit_s):
        while not condition():  # noqa: ASYNC110
            await trio.sleep(0.01)


def is_running(record: RunRecord | None) -> bool:
    """Return whether the first step runs."""
    return record is not None and [n.status for n in record.nodes[:1]] == [NodeStatus.RUNNING]


class Site:
    """A server and its workers, each with a home of its own."""

    def __init__(self, tmp_path: Path, nursery: trio.Nursery) -> None:
        self.nursery = nursery
        self.port = free_port()
        self.settings = make_settings(
            tmp_path / "server", coordinator=CoordinatorSettings(port=self.port)
        )
        self.tmp_path = tmp_path
        self.store = Store.open(self.settings.paths.store_file)
        self.writer = StoreWriter(self.store, 0.02)
        self.coordinator = Coordinator(self.settings, self.store, self.writer, SystemClock())

    async def start(self) -> None:
        await self.nursery.start(lambda task_status: self.writer.run(task_status=task_status))
        await self.nursery.start(lambda task_status: self.coordinator.run(task_status=task_status))

    async def add_worker(self, nursery: trio.Nursery | None = None, **changes: Any) -> Worker:
        values: dict[str, Any] = {
            "id": "pi@77",
            "labels": {"arch": "arm"},
            "max_active_runs": 3,
            "coordinators": (f"127.0.0.1:{self.port}",),
        }
        settings = make_settings(
            self.tmp_path / "worker",
            worker=WorkerSettings(**{**values, **changes}),
            service=ServiceSettings(drain_s=0.2),
        )
        worker = Worker(settings, Spawner(None), SystemClock(), this_host(), handle_signals=False)
        await (nursery or self.nursery).start(
            lambda task_status: worker.run(task_status=task_status)
        )
        await until(lambda: bool(self.coordinator.workers()))
        return worker

    async def dispatch(self, steps: str, params: str = "", run_id: str = "r1") -> RunRef:
        dag = load_dag(_HEAD + steps)
        resolved = resolve_params(dag, parse_override_text(params)) if params else ResolvedParams()
        return await self.coordinator.dispatch(dag, resolved, run_id=run_id)

    async def wait(self, ref: RunRef, *wanted: RunStatus, limit_s: float = _LIMIT_S) -> RunRecord:
        with trio.fail_after(limit_s):
            while True:
                record = self.store.load_record(ref)
                if record is not None and (
                    record.status in wanted if wanted else record.status.is_final
                ):
                    return record
                await trio.sleep(0.01)

    def log(self, name: str, record: RunRecord) -> bytes:
        folder = self.settings.paths.log_dir / record.name / record.run_id / record.attempt_id
        return (folder / name).read_bytes()


@asynccontextmanager
async def open_site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_bridge(), trio.open_nursery() as nursery:
        site = Site(tmp_path, nursery)
        try:
            await site.start()
            yield site
        finally:
            nursery.cancel_scope.cancel()
    site.store.close()


async def test_two_thousand_lines_come_back_complete(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        await site.add_worker()
        ref = await site.dispatch(
            "params:\n  - WHO: nobody\nsteps:\n"
            "  - id: many\n    run: |\n"
            '      i=0; while [ $i -lt 2000 ]; do i=$((i+1)); echo "line $i of $WHO"; done\n'
            "      echo problem >&2\n"
            "  - id: quiet\n    run: 'true'\n    depends: many\n",
            params='WHO="me too"',
        )
        record = await site.wait(ref)
        assert record.status is RunStatus.SUCCEEDED
        assert record.worker_id == "pi@77"
        assert [node.status for node in record.nodes] == [NodeStatus.SUCCEEDED] * 2
        assert record.params_list == ["WHO=me too"]
        expected = b"".join(b"line %d of me too\n" % i for i in range(1, 2001))
        assert site.log("many.stdout.log", record) == expected
        assert site.log("many.stderr.log", record) == b"problem\n"
        assert b"DAG run finished" in site.log("scheduler.log", record)
        assert record.nodes[0].stdout.endswith(f"/demo/r1/{record.attempt_id}/many.stdout.log")
        assert (site.settings.paths.log_dir / record.nodes[0].stdout).read_bytes() == expected
        await until(lambda: site.coordinator._hub.leases.get(record.attempt_key) is None)
        summary = site.store.summary_of(ref)
        assert summary is not None
        assert summary.trigger_type.word == "manual"


async def test_outputs_come_back_and_secrets_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """spec 11 section 9: a worker masks before bytes leave it."""
    monkeypatch.setenv("PLANT_TOKEN", "hush-hush")
    async with open_site(tmp_path) as site:
        await site.add_worker()
        ref = await site.dispatch(
            "secrets: [{name: TOKEN, provider: env, key: PLANT_TOKEN}]\nsteps:\n"
            "  - id: a\n    output: V\n    outputs: [{name: x}]\n"
            '    run:\n      - echo "$TOKEN"\n      - printf "e$TOKEN" >&2\n'
            '      - echo "x=$TOKEN" >> $DAGU_OUTPUT_FILE\n'
            "  - id: b\n    depends: a\n"
            '    run: \'test "$V" = "$TOKEN"; echo ${#V} ${steps.a.outputs.x}\'\n'
        )
        record = await site.wait(ref)
        assert [node.error for node in record.nodes] == ["", ""]
        first = record.nodes[0]
        assert first.output_variables == {"V": "V=*******"}
        assert first.step_outputs_value == '{"x":"*******"}'
        assert site.log("a.stdout.log", record) == b"*******\n"
        assert site.log("a.stderr.log", record) == b"e*******"
        assert site.log("b.stdout.log", record) == b"9 *******\n"
        assert b"hush-hush" not in site.log("scheduler.log", record)
        files = [path for path in (tmp_path / "server").rglob("*") if path.is_file()]
        assert files
        assert not [path for path in files if b"hush-hush" in path.read_bytes()]


async def test_failures_are_told(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        worker = await site.add_worker()
        record = await site.wait(
            await site.dispatch("steps:\n  - id: bad\n    run: exit 3\n", run_id="r1")
        )
        assert record.status is RunStatus.FAILED
        assert "3" in record.nodes[0].error
        with trio.fail_after(_LIMIT_S):
            await worker.runs.wait_empty()


async def test_cancel_stops_the_steps(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        await site.add_worker()
        begun, marker = tmp_path / "begun", tmp_path / "late"
        ref = await site.dispatch(
            "steps:\n  - id: slow\n    run: |\n      echo begun\n"
            f"      touch {begun}\n      sleep 30\n"
            f"      touch {marker}\n"
        )
        await until(begun.exists)
        await until(lambda: is_running(site.store.load_record(ref)))
        await site.coordinator.request_cancel(ref)
        record = await site.wait(ref)
        assert record.status is RunStatus.ABORTED
        assert record.nodes[0].status is NodeStatus.ABORTED
        assert site.log("slow.stdout.log", record) == b"begun\n"
        assert not marker.exists()


async def test_the_command_line_client_follows_a_run(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        await site.add_worker()
        dag = load_dag(_HEAD + "steps:\n  - id: a\n    run: exit 1\n")
        seen: list[RunStatus] = []
        record = await dispatch_and_follow(
            site.settings,
            dag,
            ResolvedParams(),
            run_id="c1",
            on_status=lambda item: seen.append(item.status),
        )
        assert record.status is RunStatus.FAILED
        assert failure_text(record) == "DAG run failed with status: failed"
        assert seen[-1] is RunStatus.FAILED


async def test_the_client_cancels_when_it_is_cancelled(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        await site.add_worker()
        dag = load_dag(_HEAD + "steps:\n  - id: a\n    run: sleep 30\n")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(
                lambda: dispatch_and_follow(site.settings, dag, ResolvedParams(), run_id="c1")
            )
            await site.wait(RunRef("demo", "c1"), RunStatus.RUNNING)
            nursery.cancel_scope.cancel()
        record = await site.wait(RunRef("demo", "c1"))
        assert record.status is RunStatus.ABORTED


async def test_nobody_there_and_nobody_fits(tmp_path: Path) -> None:
    dag = load_dag(_HEAD + "steps:\n  - id: a\n    run: 'true'\n")
    lonely = make_settings(tmp_path / "x", coordinator=CoordinatorSettings(port=free_port()))
    lonely = replace(lonely, peer=replace(lonely.peer, max_retries=0))
    with pytest.raises(PeerError, match="no coordinators available: nothing answers at"):
        await dispatch_and_follow(lonely, dag, ResolvedParams(), run_id="c1")
    async with open_site(tmp_path) as site:
        await site.add_worker(labels={"arch": "x86"})
        with pytest.raises(PeerError, match="no workers match the required selector"):
            await dispatch_and_follow(site.settings, dag, ResolvedParams(), run_id="c1")


async def test_a_stopped_worker_delivers_the_end_of_its_runs(tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    async with open_site(tmp_path) as site, trio.open_nursery() as workers:
        worker = await site.add_worker(workers)
        ref = await site.dispatch(
            "steps:\n  - id: slow\n    run: |\n      echo begun\n"
            f"      touch {begun}\n      sleep 30\n"
        )
        await until(begun.exists)
        await site.wait(ref, RunStatus.RUNNING)
        worker.stop()
        record = await site.wait(ref)
        assert record.status is RunStatus.ABORTED
        assert site.log("slow.stdout.log", record) == b"begun\n"


async def test_a_worker_waits_for_its_coordinator(tmp_path: Path) -> None:
    async with open_bridge(), trio.open_nursery() as nursery:
        site = Site(tmp_path, nursery)
        settings = make_settings(
            tmp_path / "worker",
            worker=WorkerSettings(id="w", coordinators=(f"127.0.0.1:{site.port}",)),
        )
        worker = Worker(settings, Spawner(None), SystemClock(), this_host(), handle_signals=False)
        await nursery.start(lambda task_status: worker.run(task_status=task_status))
        await trio.sleep(0.1)
        await site.start()
        await until(lambda: bool(site.coordinator.workers()))
        nursery.cancel_scope.cancel()
    site.store.close()


async def test_settings_that_cannot_work(tmp_path: Path) -> None:
    def make(**worker: Any) -> Worker:
        settings = make_settings(tmp_path, worker=WorkerSettings(**worker))
        return Worker(settings, Spawner(None), SystemClock(), this_host())

    with pytest.raises(UserError, match=r"worker\.coordinators is required"):
        make(coordinators=("foo",))
    settings = make_settings(tmp_path, worker=WorkerSettings(coordinators=("h:1",)))
    tls = replace(settings, peer=replace(settings.peer, insecure=False))
    with pytest.raises(UserError, match="TLS between coordinator and workers"):
        Worker(tls, Spawner(None), SystemClock(), this_host())
