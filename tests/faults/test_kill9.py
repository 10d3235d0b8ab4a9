"""kill -9 of the server in the middle of a run: no orphan, the truth after the restart, and on.

Real processes, real signals, one home directory; the schedule runs on a clock that is 30 times
faster, so that a minute takes two seconds.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.core.ids import RunRef
from edge.core.status import NodeStatus, RunStatus
from edge.store import RunFilter, Store
from edge.store.host import process_started_ms
from tests.bench.page import PageClient
from tests.bench.probe import Tree, wait_until
from tests.ports import free_port

_DRILL = """\
type: graph
steps:
  - name: first
    run: "true"
  - {name: a, depends: first, run: sleep 300}
  - {name: b, depends: first, run: "trap '' TERM HUP; sleep 300"}
  - {name: c, depends: first, run: exec sleep 300}
"""
_TICK = """\
schedule: "* * * * *"
steps:
  - name: tick
    run: "true"
"""
_RATE = 30
#: only a limit, less than the drain time of a service
_LIMIT_S = 40.0
STALE = "process terminated unexpectedly - stale local process detected"


class Home:
    """A home directory and the servers that run on it, one after another."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "dags").mkdir()
        (root / "run").mkdir(mode=0o700)
        (root / "dags" / "drill.yaml").write_text(_DRILL)
        (root / "dags" / "tick.yaml").write_text(_TICK)
        self.began_ms = time.time_ns() // 1_000_000
        self.ports = free_port(), free_port()
        self.page = PageClient(self.ports[0])

    def start(self) -> subprocess.Popen[bytes]:
        """Start `edge start-all` and wait until it is up."""
        env = {
            **os.environ,
            "DAGU_HOME": str(self.root),
            "XDG_RUNTIME_DIR": str(self.root / "run"),
            "EDGE_TEST_CLOCK_RATE": f"{_RATE}@{self.began_ms}",
        }
        with open(self.root / "server.log", "ab") as log:
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "edge",
                    "start-all",
                    f"--port={self.ports[0]}",
                    f"--coordinator.port={self.ports[1]}",
                ],
                env=env,
                cwd=self.root,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        up = wait_until(lambda: self.page.is_up() or process.poll() is not None, _LIMIT_S)
        assert up, self.log()
        assert process.poll() is None, self.log()
        return process

    def log(self) -> str:
        return (self.root / "server.log").read_text()

    def read(self, what: Callable[[Store], object]) -> object:
        """Read from the store as another process does."""
        found = next(iter(self.root.glob("**/edge.db")), None)
        store = None if found is None else Store.open_reader(found)
        if store is None:
            return None
        try:
            return what(store)
        finally:
            store.close()

    def node_statuses(self, ref: RunRef) -> list[NodeStatus]:
        def look(store: Store) -> list[NodeStatus]:
            record = store.load_record(ref)
            return [] if record is None else [node.status for node in record.nodes]

        found = self.read(look)
        return found if isinstance(found, list) else []

    def ticks(self) -> int:
        def look(store: Store) -> int:
            query = RunFilter(name="tick", statuses=(RunStatus.SUCCEEDED,), limit=0)
            return len(store.find_runs(query))

        found = self.read(look)
        return found if isinstance(found, int) else 0


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path)
    started: list[subprocess.Popen[bytes]] = []
    start = made.start

    def tracked() -> subprocess.Popen[bytes]:
        started.append(start())
        return started[-1]

    made.start = tracked  # type: ignore[method-assign]
    yield made
    for process in started:
        pids = Tree(process.pid).pids() if process.poll() is None else []
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()


def identities(pids: list[int]) -> dict[int, int]:
    """Return pid -> start of the process, so that a reused pid does not deceive."""
    found = {pid: process_started_ms(pid) for pid in pids}
    return {pid: started for pid, started in found.items() if started is not None}


def test_kill_9_leaves_no_orphan_and_the_restart_tells_the_truth(home: Home) -> None:
    server = home.start()
    ref = RunRef("drill", home.page.start("drill"))
    running = [NodeStatus.SUCCEEDED] + [NodeStatus.RUNNING] * 3
    assert wait_until(lambda: home.node_statuses(ref) == running, _LIMIT_S, 0.1), home.log()
    tree = Tree(server.pid)
    assert wait_until(lambda: tree.count("sleep") == 3, _LIMIT_S), "three steps should sleep"
    before = identities([pid for pid in tree.pids() if pid != server.pid])
    assert len(before) >= 4, "at least three steps and the watcher"

    server.send_signal(signal.SIGKILL)
    server.wait()
    killed_at = time.monotonic()
    gone = wait_until(lambda: not (before.items() & identities(list(before)).items()), 5)
    took_s = time.monotonic() - killed_at
    assert gone, f"orphans: {[pid for pid in before if process_started_ms(pid)]}"
    assert took_s < 2.0

    served = home.ticks()
    second = home.start()
    record = home.read(lambda store: store.load_record(ref))
    assert record is not None
    assert (record.status, record.error) == (RunStatus.FAILED, STALE)  # type: ignore[attr-defined]
    assert record.finished_ms is not None  # type: ignore[attr-defined]
    assert home.node_statuses(ref) == [NodeStatus.SUCCEEDED] + [NodeStatus.FAILED] * 3
    status, text = home.page.get(f"/dag-runs/{ref.name}/{ref.run_id}")
    assert status == 200
    assert STALE in text
    assert home.log().count(f"run-id={ref.run_id}") >= 1
    assert "Run marked failed" in home.log()
    assert wait_until(lambda: home.ticks() > served, _LIMIT_S, 0.1), home.log()

    second.terminate()
    assert second.wait(_LIMIT_S) == 0
    assert "Stopped" in home.log()


def test_sigterm_drains_and_stops_what_does_not_end(home: Home) -> None:
    (home.root / "config.yaml").write_text("edge:\n  service:\n    drain_s: 1\n")
    server = home.start()
    ref = RunRef("drill", home.page.start("drill"))
    running = [NodeStatus.SUCCEEDED] + [NodeStatus.RUNNING] * 3
    assert wait_until(lambda: home.node_statuses(ref) == running, _LIMIT_S, 0.1), home.log()
    server.terminate()
    assert server.wait(_LIMIT_S) == 0
    record = home.read(lambda store: store.load_record(ref))
    assert record is not None
    assert record.status is RunStatus.ABORTED  # type: ignore[attr-defined]
    assert record.error == "service stopped"  # type: ignore[attr-defined]


def test_a_second_signal_ends_at_once(home: Home) -> None:
    server = home.start()
    ref = RunRef("drill", home.page.start("drill"))
    tree = Tree(server.pid)
    assert wait_until(lambda: tree.count("sleep") == 3, _LIMIT_S, 0.1), home.log()
    before = identities([pid for pid in tree.pids() if pid != server.pid])
    server.terminate()
    assert wait_until(lambda: "Stopping" in home.log(), _LIMIT_S)
    server.send_signal(signal.SIGINT)
    assert server.wait(_LIMIT_S) == 1
    assert wait_until(lambda: not (before.items() & identities(list(before)).items()), _LIMIT_S)
    record = home.read(lambda store: store.load_record(ref))
    assert record is not None
    assert record.status is RunStatus.ABORTED  # type: ignore[attr-defined]
