"""No step outlives its engine, however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.config.settings import load_settings
from edge.core.status import NodeStatus, RunStatus
from edge.store import RunFilter, Store
from edge.store.host import this_host

#: an argument that no other process has, not even those of a test beside this one
_MARK = f"60.{os.getpid():07d}"
_TEXT = """
steps:
  - {id: first, run: 'true'}
  - {id: a, run: sleep MARK, depends: first}
  - {id: b, run: 'sh -c "sleep MARK & sleep MARK" & sleep MARK', depends: first}
  - {id: c, depends: first, run: 'trap "" TERM HUP INT; sleep MARK; sleep MARK'}
""".replace("MARK", _MARK)
_ENGINE = """
import os, sys
from edge.engine.watcher import fork_watcher
watcher = fork_watcher()
import trio
from pathlib import Path
from edge.config.settings import load_settings
from edge.core.clock import SystemClock
from edge.engine.host import RunHost
from edge.engine.processes import Spawner
from edge.store import Store
from edge.store.host import this_host
from edge.store.writer import StoreWriter
from edge.workflow.load import load_dag
from edge.workflow.params import parse_overrides, resolve_params

async def main(home, text):
    settings = load_settings(environ={}, home=home)
    settings.paths.data_dir.mkdir(parents=True, exist_ok=True)
    store = Store.open(settings.paths.store_file)
    writer = StoreWriter(store, 0.02)
    async with trio.open_nursery() as nursery:
        await nursery.start(writer.run)
        host = RunHost(settings, store, writer, Spawner(watcher), SystemClock(), this_host())
        await nursery.start(host.run)
        dag = load_dag(text, default_name="orphans")
        ref = await host.start(dag, resolve_params(dag, parse_overrides([])))
        runner = host.active[ref]
        while sum(node.pgid is not None for node in runner.record.nodes) < 3:
            await trio.sleep(0.01)
        await trio.sleep(0.2)
        print("busy", flush=True)
        await trio.sleep_forever()

trio.run(main, sys.argv[1], sys.argv[2])
"""


def _steps() -> list[int]:
    """Return the processes of the DAG above that live, found by their odd argument."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                text = Path(f"/proc/{name}/cmdline").read_bytes()
            except OSError:
                continue
            if _MARK.encode() in text:
                found.append(int(name))
    return [pid for pid in found if pid != os.getpid()]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(_ENGINE), str(tmp_path / "home"), _TEXT],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "busy\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _owned(engine: subprocess.Popen[str]) -> list[int]:
    return [pid for pid in _steps() if pid != engine.pid]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT])
def test_no_step_lives_two_seconds_after_its_engine(
    engine: subprocess.Popen[str], tmp_path: Path, number: signal.Signals
) -> None:
    assert len(_owned(engine)) >= 7
    engine.send_signal(number)
    engine.wait()
    end = time.monotonic() + 2
    while left := _owned(engine):
        assert time.monotonic() < end, left
        time.sleep(0.02)
    _check_recovery(tmp_path)


def _check_recovery(folder: Path) -> None:
    """What had ended stays recorded; the rest is failed with the reason."""
    settings = load_settings(environ={}, home=str(folder / "home"))
    store = Store.open(settings.paths.store_file)
    try:
        (ref,) = store.recover(this_host(), 1_000)
        record = store.load_record(ref)
        assert [summary.status for summary in store.find_runs(RunFilter())] == [RunStatus.FAILED]
    finally:
        store.close()
    assert record is not None
    assert [node.status for node in record.nodes] == [NodeStatus.SUCCEEDED] + [
        NodeStatus.FAILED
    ] * 3
    assert record.error == "process terminated unexpectedly - stale local process detected"
