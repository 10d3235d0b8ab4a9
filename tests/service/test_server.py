"""Roles of one process: readiness, errors, drain (real sockets and store, in this process)."""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from edge.core.clock import parse_rfc3339
from edge.core.errors import EdgeError, StoreError, UserError
from edge.core.ids import RunRef
from edge.core.status import RunStatus
from edge.service.server import run_services
from edge.store import RunFilter, RunSummary, Store
from tests.bench.page import PageClient
from tests.bench.probe import running as running_process
from tests.service.support import home_settings, service, taken_port

#: only a limit: shorter than the sleeps of steps that are stopped, else without meaning
_LIMIT_S = 25.0
#: `edge` that finds no stop request in the store by itself
_WITHOUT_POLL = (
    "import edge.engine.host, edge.__main__;"
    "edge.engine.host._ABORT_POLL_S = 3600; edge.__main__.main()"
)
_SLEEP = "steps:\n  - name: a\n    run: sleep 30\n"


def write_dag(home: Path, name: str, text: str) -> None:
    (home / "home" / "dags" / f"{name}.yaml").write_text(text)


async def until(what: Callable[[], bool], limit_s: float = _LIMIT_S) -> bool:
    with trio.move_on_after(limit_s):
        # Nothing tells us of a change in the store: we are another reader of it.
        while not await trio.to_thread.run_sync(what):  # noqa: ASYNC110
            await trio.sleep(0.02)
        return True
    return False


async def test_ready_only_when_every_role_is(tmp_path: Path) -> None:
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(tmp_path / "notify"))
    manager.setblocking(False)
    roles = {"web", "scheduler", "coordinator"}
    environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "100000"}
    async with service(tmp_path, roles, environ=environ) as running:
        assert manager.recv(1000).decode().splitlines() == [
            "READY=1",
            f"STATUS=serving {running.url}",
        ]
        assert running.url.startswith("http://127.0.0.1:")
        assert (await running.get("/api/v1/health"))[0] == 200
        coordinator = await trio.open_tcp_stream("127.0.0.1", running.settings.coordinator.port)
        await coordinator.aclose()
        assert list((tmp_path / "run").glob(f"**/edge-{os.getpid()}.sock"))
        with trio.fail_after(_LIMIT_S):
            await trio.lowlevel.wait_readable(manager)
        assert manager.recv(1000) == b"WATCHDOG=1"
    assert running.code == 0
    said = []
    with contextlib.suppress(BlockingIOError):
        while True:
            said.append(manager.recv(1000).decode().split("\n")[0])
    assert [line for line in said if line != "WATCHDOG=1"] == ["STOPPING=1"]
    manager.close()
    assert not list((tmp_path / "run").glob("**/*.sock"))


@pytest.mark.parametrize(
    ("member", "roles", "text"),
    [
        ("port", {"web", "scheduler"}, "address already in use"),
        ("coordinator__port", {"web", "coordinator"}, "address already in use"),
        ("scheduler__port", {"scheduler"}, "failed to start health check server"),
        ("coordinator__health_port", {"coordinator"}, "failed to start health check server"),
    ],
)
async def test_a_port_in_use_ends_the_process_with_one_error(
    tmp_path: Path, member: str, roles: set[str], text: str
) -> None:
    text_of_dag = 'schedule: "* * * * *"\nsteps:\n  - name: a\n    run: "true"\n'
    with taken_port() as taken:
        settings = home_settings(tmp_path, **{member: str(taken.getsockname()[1])})
        write_dag(tmp_path, "tick", text_of_dag)
        with pytest.raises(EdgeError, match=text) as caught, trio.fail_after(_LIMIT_S):
            await run_services(
                settings,
                frozenset(roles),
                None,
                environ={"XDG_RUNTIME_DIR": str(tmp_path / "run")},
            )
    assert "\n" not in str(caught.value)
    store = Store.open_reader(settings.paths.store_file)
    assert store is not None
    assert store.latest_record("tick") is None, "no run by a service that could not start"
    store.close()
    assert str(taken.getsockname()[1] if taken.fileno() >= 0 else "") in str(caught.value)


async def test_a_store_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    settings = home_settings(tmp_path)
    path = settings.paths.store_file
    Store.open(path).close()
    with sqlite3.connect(path) as conn:
        conn.execute("PRAGMA user_version = 99999")
    conn.close()
    with pytest.raises(StoreError, match="newer"):
        await run_services(settings, frozenset({"web"}), None)


async def test_an_error_of_the_settings_is_single_too(tmp_path: Path) -> None:
    settings = home_settings(tmp_path)
    environ = {"EDGE_TEST_CLOCK_RATE": "x", "XDG_RUNTIME_DIR": str(tmp_path / "run")}
    with pytest.raises(UserError, match="EDGE_TEST_CLOCK_RATE"):
        await run_services(settings, frozenset({"scheduler"}), None, environ=environ)


async def test_health_of_the_standalone_scheduler(tmp_path: Path) -> None:
    async with service(tmp_path, {"scheduler"}) as running:
        port = running.settings.scheduler.port
        assert await running.get("/health", port) == (200, '{"status":"healthy"}')
        assert running.url == ""
    assert running.code == 0


async def test_the_page_starts_and_stops_runs_and_the_drain_is_told(tmp_path: Path) -> None:
    settings = home_settings(tmp_path)
    write_dag(tmp_path, "nap", _SLEEP)
    async with service(tmp_path, {"web"}, settings) as running:
        page = PageClient(running.port)
        first = RunRef("nap", await trio.to_thread.run_sync(page.start, "nap"))
        second = RunRef("nap", await trio.to_thread.run_sync(page.start, "nap"))
        store = Store.open_reader(settings.paths.store_file)
        assert store is not None

        def status(ref: RunRef) -> RunStatus | None:
            found = store.summary_of(ref)
            return None if found is None else found.status

        assert await until(lambda: status(first) is status(second) is RunStatus.RUNNING)
        await trio.to_thread.run_sync(page.post, f"/dag-runs/nap/{first.run_id}/stop")
        assert await until(lambda: status(first) is RunStatus.ABORTED)
        assert status(second) is RunStatus.RUNNING
        running.stop.note("one")
        assert await until(lambda: "stopping" in _start_refused(page))
        running.stop.note("two")
        assert await until(lambda: status(second) is RunStatus.ABORTED)
        store.close()
    assert running.code == 1


def _start_refused(page: PageClient, dag: str = "nap") -> str:
    try:
        page.start(dag)
    except (RuntimeError, OSError) as exc:
        return str(exc)
    return ""


async def test_the_page_stops_a_run_of_another_process(tmp_path: Path) -> None:
    settings = home_settings(tmp_path)
    write_dag(tmp_path, "nap", _SLEEP)
    run_dir = {"XDG_RUNTIME_DIR": str(tmp_path / "run")}
    (tmp_path / "run").mkdir(mode=0o700)
    env = {**os.environ, "DAGU_HOME": str(tmp_path / "home"), **run_dir}
    argv = [sys.executable, "-c", _WITHOUT_POLL, "start", "-q", "--run-id=other", "nap"]
    async with service(tmp_path, {"web"}, settings, run_dir) as running:
        with running_process(argv, env, tmp_path, tmp_path / "log") as process:
            store = Store.open_reader(settings.paths.store_file)
            assert store is not None

            def is_started() -> bool:
                record = store.load_record(RunRef("nap", "other"))
                return record is not None and record.nodes[0].pgid is not None

            assert await until(is_started)
            page = PageClient(running.port)
            await trio.to_thread.run_sync(page.post, "/dag-runs/nap/other/stop")
            assert await trio.to_thread.run_sync(process.wait, _LIMIT_S) == 0
            record = store.load_record(RunRef("nap", "other"))
            assert record is not None
            assert record.status is RunStatus.ABORTED
            store.close()


async def test_a_run_for_a_worker_needs_a_coordinator(tmp_path: Path) -> None:
    settings = home_settings(tmp_path)
    write_dag(tmp_path, "far", f"worker_selector: {{pool: x}}\n{_SLEEP}")
    async with service(tmp_path, {"web"}, settings) as running:
        page = PageClient(running.port)
        with pytest.raises(RuntimeError, match="no coordinators available"):
            await trio.to_thread.run_sync(page.start, "far")


async def test_a_server_finds_the_coordinator_of_its_host(tmp_path: Path) -> None:
    settings = home_settings(tmp_path)
    write_dag(tmp_path, "far", f"worker_selector: {{pool: x}}\n{_SLEEP}")
    argv = [sys.executable, "-m", "edge", "coordinator"]
    argv += [f"--coordinator.port={settings.coordinator.port}", "--coordinator.health-port=0"]
    env = {**os.environ, "DAGU_HOME": str(tmp_path / "home"), "XDG_RUNTIME_DIR": str(tmp_path)}
    with running_process(argv, env, tmp_path, tmp_path / "log"):
        async with service(tmp_path, {"web"}, settings) as running:
            page = PageClient(running.port)
            assert await until(lambda: "no available workers" in _start_refused(page, "far"))


async def test_a_role_that_fails_later_ends_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edge.scheduler.service import Scheduler

    async def breaks(self: Scheduler, *, task_status: trio.TaskStatus[None]) -> None:
        task_status.started()
        await trio.sleep(0.05)
        raise StoreError("the disk is gone")

    monkeypatch.setattr(Scheduler, "run", breaks)
    with pytest.raises(StoreError, match="the disk is gone"), trio.fail_after(_LIMIT_S):
        await run_services(
            home_settings(tmp_path),
            frozenset({"web", "scheduler"}),
            None,
            environ={"XDG_RUNTIME_DIR": str(tmp_path / "run")},
        )


async def test_a_schedule_fires_in_the_first_minute(tmp_path: Path) -> None:
    settings = home_settings(tmp_path)
    write_dag(tmp_path, "tick", 'schedule: "* * * * *"\nsteps:\n  - name: a\n    run: "true"\n')
    async with service(tmp_path, {"scheduler"}, settings):
        ready_ms = time.time_ns() // 1_000_000
        store = Store.open_reader(settings.paths.store_file)
        assert store is not None

        def first() -> RunSummary:
            return store.find_runs(RunFilter(name="tick", limit=0))[-1]

        assert await until(lambda: bool(store.find_runs(RunFilter(name="tick"))))
        assert await until(lambda: first().status is RunStatus.SUCCEEDED)
        record = store.load_record(RunRef("tick", first().run_id))
        assert record is not None
        slot_ms = parse_rfc3339(record.schedule_time)
        assert slot_ms is not None
        assert slot_ms <= ready_ms, "the minute that was running at the start"
        assert record.trigger_type.word == "scheduler"
        store.close()


async def test_coordinator_disabled_is_left_out(tmp_path: Path) -> None:
    from dataclasses import replace

    settings = home_settings(tmp_path)
    settings = replace(settings, coordinator=replace(settings.coordinator, enabled=False))
    async with service(tmp_path, {"web", "coordinator"}, settings):
        with pytest.raises(OSError, match="all attempts to connect"):
            await trio.open_tcp_stream("127.0.0.1", settings.coordinator.port)
