from __future__ import annotations

import os
import subprocess
import time

from edge.store import host


def test_this_process_is_alive() -> None:
    me = host.this_host()
    assert me.pid == os.getpid()
    assert me.boot_id == host.boot_id() != ""
    assert host.is_alive(me.pid, me.proof_ms)
    assert not host.is_alive(me.pid, me.proof_ms + 10)
    assert 0 <= time.time() * 1000 - me.pid_started_ms < 3_600_000


def test_a_child_that_ended_is_not_even_before_it_is_reaped() -> None:
    with subprocess.Popen(["true"]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert host.process_started_ms(child.pid) is None


def test_a_live_child_has_a_start_time() -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        started = host.process_started_ms(child.pid)
        child.kill()
    assert started is not None
    assert started >= host.this_host().proof_ms
    assert host.process_started_ms(0) is None
    assert not host.is_alive(0, 0)
