"""The watcher ends every group when its engine is gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.engine.watcher import start_ticks
from tests.processes import is_alive

#: only a limit: what is waited for here takes milliseconds
_LIMIT_S = 30.0


def _wait_for(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + _LIMIT_S
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.02)
    pytest.fail(f"after {_LIMIT_S:g} s: {what}")


def _engine(body: str) -> subprocess.Popen[str]:
    """Start a small process with a watcher; it prints pids and then does what `body` says."""
    code = textwrap.dedent(
        """
        import os, signal, subprocess, sys, time
        from edge.engine.watcher import fork_watcher
        watcher = fork_watcher()
        def group(*argv, **env):
            return subprocess.Popen(argv, process_group=0, env={**os.environ, **env}).pid
        def say(*pids):
            print(*pids, flush=True)
        """
    ) + textwrap.dedent(body)
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)


def _pids(engine: subprocess.Popen[str]) -> list[int]:
    assert engine.stdout is not None
    return [int(word) for word in engine.stdout.readline().split()]


def _open_files(pid: int) -> list[str]:
    folder = f"/proc/{pid}/fd"
    targets = [os.readlink(f"{folder}/{fd}") for fd in os.listdir(folder)]
    return sorted("pipe:" if target.startswith("pipe:") else target for target in targets)


def _end(engine: subprocess.Popen[str]) -> None:
    if engine.poll() is None:
        engine.kill()
    engine.wait()
    assert engine.stdout is not None
    engine.stdout.close()


def test_all_groups_end_when_the_engine_is_killed() -> None:
    engine = _engine(
        """
        one = group("sh", "-c", "sleep 60 & sleep 60 & wait")
        watcher.expect("r1"); watcher.add(one, "r1")
        two = group("sleep", "60")
        watcher.expect("r1"); watcher.add(two, "r1")
        kept = group("sleep", "60")
        watcher.expect("r1"); watcher.add(kept, "r1"); watcher.forget(kept)
        say(one, two, kept, watcher.pid)
        time.sleep(60)
        """
    )
    one, two, kept, watcher = _pids(engine)
    try:
        engine.kill()
        engine.wait()
        _wait_for(lambda: not is_alive(one) and not is_alive(two), "a registered group lives")
        _wait_for(lambda: not is_alive(watcher), "the watcher lives")
        assert is_alive(kept)
    finally:
        os.kill(kept, signal.SIGKILL)
        _end(engine)


def test_a_group_that_was_never_announced_is_found_by_its_run_id() -> None:
    engine = _engine(
        """
        watcher.expect("run-of-this-test-7c1")
        born = group("sleep", "60", DAG_RUN_ID="run-of-this-test-7c1")
        other = group("sleep", "60", DAG_RUN_ID="another-run-7c1")
        say(born, other)
        time.sleep(60)
        """
    )
    born, other = _pids(engine)
    try:
        engine.kill()
        engine.wait()
        _wait_for(lambda: not is_alive(born), "the unannounced group lives")
        assert is_alive(other)
    finally:
        os.kill(other, signal.SIGKILL)
        _end(engine)


def test_nothing_is_looked_for_when_a_spawn_has_failed() -> None:
    engine = _engine(
        """
        watcher.expect("run-of-this-test-7c2"); watcher.give_up("run-of-this-test-7c2")
        stray = group("sleep", "60", DAG_RUN_ID="run-of-this-test-7c2")
        say(stray, watcher.pid)
        time.sleep(60)
        """
    )
    stray, watcher = _pids(engine)
    try:
        engine.kill()
        engine.wait()
        _wait_for(lambda: not is_alive(watcher), "the watcher lives")
        assert is_alive(stray)
    finally:
        os.kill(stray, signal.SIGKILL)
        _end(engine)


def test_a_reused_number_is_left_alone() -> None:
    """A group whose leader started at another time than recorded belongs to somebody else."""
    engine = _engine(
        """
        other = group("sleep", "60")
        watcher._send(f"? r\\n+ {other} 12345 r\\n")
        say(other, watcher.pid)
        time.sleep(60)
        """
    )
    other, watcher = _pids(engine)
    try:
        engine.kill()
        engine.wait()
        _wait_for(lambda: not is_alive(watcher), "the watcher lives")
        assert is_alive(other)
    finally:
        os.kill(other, signal.SIGKILL)
        _end(engine)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_the_watcher_survives_the_signals_of_a_terminal(number: signal.Signals) -> None:
    engine = _engine(
        """
        step = group("sleep", "60")
        watcher.expect("r"); watcher.add(step, "r")
        say(step, watcher.pid)
        time.sleep(60)
        """
    )
    step, watcher = _pids(engine)
    try:
        os.kill(watcher, number)
        time.sleep(0.1)
        assert is_alive(watcher)
        engine.kill()
        engine.wait()
        _wait_for(lambda: not is_alive(step), "the group lives")
    finally:
        _end(engine)


def test_the_watcher_holds_no_file_of_its_engine() -> None:
    engine = _engine("say(watcher.pid)\ntime.sleep(60)\n")
    (watcher,) = _pids(engine)
    try:
        _wait_for(lambda: _open_files(watcher) == ["/dev/null"] * 3 + ["pipe:"], "an open file")
        comm = Path(f"/proc/{watcher}/comm")
        _wait_for(lambda: comm.read_text() == "edge-watcher\n", "no name of its own")
    finally:
        _end(engine)


def test_closing_reaps_the_watcher_and_ends_its_groups() -> None:
    engine = _engine(
        """
        step = group("sleep", "60")
        watcher.expect("r"); watcher.add(step, "r")
        watcher.close(); watcher.close()
        say(step, watcher.pid, int(watcher.is_alive))
        """
    )
    step, watcher, alive = _pids(engine)
    try:
        assert not is_alive(watcher)
        assert not alive
        _wait_for(lambda: not is_alive(step), "the group lives")
    finally:
        _end(engine)


def test_a_dead_watcher_is_noticed_and_not_fatal() -> None:
    engine = _engine(
        """
        os.kill(watcher.pid, signal.SIGKILL)
        os.waitpid(watcher.pid, 0)
        watcher.expect("r"); watcher.forget(5)
        say(int(watcher.is_alive))
        """
    )
    try:
        assert _pids(engine) == [0]
    finally:
        _end(engine)


def test_start_ticks_tell_processes_apart() -> None:
    assert start_ticks(os.getpid()) == start_ticks(os.getpid())
    assert start_ticks(1) != start_ticks(os.getpid())
    assert start_ticks(2**22 + 1) is None
