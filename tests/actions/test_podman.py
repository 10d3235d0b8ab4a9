"""Containers on the machine's real engine, where one listens (spec 13 sections 4 and 26).

`EDGE_TEST_ENGINE` names another socket, `EDGE_TEST_IMAGE` another image with a Unix shell.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import trio

from edge.core.status import NodeStatus, RunStatus
from tests.engine.helpers import make_runner, read

_SOCKETS = ("/run/podman/podman.sock", "/var/run/docker.sock")
_SOCKET = os.environ.get("EDGE_TEST_ENGINE") or next(
    (path for path in _SOCKETS if os.path.exists(path)), ""
)
_IMAGE = os.environ.get("EDGE_TEST_IMAGE", "docker.io/library/busybox:latest")
_LIMIT_S = 120

pytestmark = pytest.mark.skipif(
    not _SOCKET, reason=f"no container engine listens at {' or '.join(_SOCKETS)}"
)


@pytest.fixture(autouse=True)
def _engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{_SOCKET}")


async def test_containers_of_steps(tmp_path: Path) -> None:
    """spec 13 section 4.4: streams, exit code, several commands, a timeout."""
    text = f"""
steps:
  - id: a
    container: {{image: "{_IMAGE}", network: none, shell: [/bin/sh], env: [A: "1"]}}
    run: "echo out $A; echo err >&2; exit 7"
    continue_on: {{failed: true}}
  - id: b
    container: {{image: "{_IMAGE}", network: none}}
    run: [echo one, echo two]
  - id: c
    depends: [a, b]
    container: {{image: "{_IMAGE}", network: none}}
    run: sleep 300
    timeout_sec: 3
    continue_on: {{failed: true}}
"""
    runner = make_runner(text, tmp_path)
    with trio.fail_after(_LIMIT_S):
        await runner.run()
    first, second, third = runner.record.nodes
    assert (read(first.stdout), read(first.stderr)) == ("out 1\n", "err\n")
    assert (first.status, first.exit_code) == (NodeStatus.FAILED, 7)
    assert (second.status, read(second.stdout)) == (NodeStatus.SUCCEEDED, "one\ntwo\n")
    assert (third.exit_code, third.error[:20]) == (124, "step timed out after")


async def test_the_container_of_a_run(tmp_path: Path) -> None:
    """spec 13 section 4.4: one container for all steps; a stopped command is gone from it."""
    text = f"""
container: {{image: "{_IMAGE}", network: none, shell: [/bin/sh], env: [B: "2"]}}
steps:
  - {{id: a, run: "echo $B > /tmp/f"}}
  - {{id: b, depends: [a], run: cat /tmp/f}}
  - {{id: c, depends: [b], run: sleep 299, timeout_sec: 2, continue_on: {{failed: true}}}}
  - {{id: d, depends: [c], run: "grep -l 29[9] /proc/[0-9]*/cmdline || echo none"}}
"""
    runner = make_runner(text, tmp_path)
    with trio.fail_after(_LIMIT_S):
        result = await runner.run()
    assert result.status is RunStatus.PARTIALLY_SUCCEEDED
    assert read(runner.record.nodes[1].stdout) == "2\n"
    assert read(runner.record.nodes[3].stdout) == "none\n"
