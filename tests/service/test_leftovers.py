"""Left-over steps are ended after proof, and nothing else is (real processes)."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from edge.core.ids import RunRef
from edge.service.leftovers import kill_leftovers
from edge.store import ProcessGroup
from edge.store.host import boot_id, process_started_ms
from tests.bench.probe import wait_until


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """Yield a process in a group of its own, as a step is."""
    process = subprocess.Popen(
        ["sleep", "60"], start_new_session=True, env={**os.environ, "DAG_RUN_ID": "run-1"}
    )
    yield process
    process.kill()
    process.wait()


def group_of(process: subprocess.Popen[bytes], **changes: object) -> ProcessGroup:
    values: dict[str, object] = {
        "ref": RunRef("dag", "run-1"),
        "key": "0",
        "pgid": process.pid,
        "started_ms": process_started_ms(process.pid),
        "boot_id": boot_id(),
    }
    return ProcessGroup(**(values | changes))  # type: ignore[arg-type]


def test_the_recorded_group_is_killed(sleeper: subprocess.Popen[bytes]) -> None:
    assert len(kill_leftovers([group_of(sleeper)])) == 1
    assert sleeper.wait(timeout=30) == -signal.SIGKILL


@pytest.mark.parametrize(
    "changes",
    [{"started_ms": 1}, {"started_ms": None}, {"boot_id": "another boot"}, {"pgid": 1}],
)
def test_what_is_not_proved_stays_alive(
    sleeper: subprocess.Popen[bytes], changes: dict[str, object]
) -> None:
    assert kill_leftovers([group_of(sleeper, **changes)]) == []
    assert sleeper.poll() is None


def test_members_without_their_leader_are_known_by_their_environment() -> None:
    # The kernel shows the environment of a new program a moment after its start.
    script = "import os,subprocess;subprocess.Popen(['sleep','60']);os._exit(0)"
    leader = subprocess.Popen(
        [sys.executable, "-c", script],
        start_new_session=True,
        env={**os.environ, "DAG_RUN_ID": "run-2"},
    )
    leader.wait()
    group = group_of(leader, ref=RunRef("dag", "run-2"), started_ms=123)
    try:
        stranger = group_of(leader, ref=RunRef("dag", "other"), started_ms=123)
        assert kill_leftovers([stranger]) == []
        # For a moment after exec the environment of a process reads as empty.
        assert wait_until(lambda: kill_leftovers([group]) == [group], 30)
        assert wait_until(lambda: kill_leftovers([group]) == [], 30), "the group is still alive"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(leader.pid, signal.SIGKILL)


def test_nothing_to_do_looks_at_nothing() -> None:
    assert kill_leftovers([]) == []
