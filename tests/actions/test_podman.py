"""Containers on the machine's real engine, where one listens (spec 13 sections 4 and 26)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge.core.status import NodeStatus
from tests.engine.helpers import make_runner, read, run_to_end

_SOCKETS = ("/run/podman/podman.sock", "/var/run/docker.sock")
_SOCKET = next((path for path in _SOCKETS if os.path.exists(path)), "")
_IMAGE = os.environ.get("EDGE_TEST_IMAGE", "docker.io/library/busybox:latest")

pytestmark = pytest.mark.skipif(
    not _SOCKET, reason=f"no container engine listens at {' or '.join(_SOCKETS)}"
)


async def test_a_real_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """spec 13 section 4.4: streams, exit code, several commands."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{_SOCKET}")
    text = f"""
steps:
  - id: a
    container: {{image: {_IMAGE}, shell: [/bin/sh]}}
    run: "echo out; echo err >&2; exit 7"
    continue_on: {{failed: true}}
  - id: b
    depends: [a]
    container: {{image: {_IMAGE}}}
    run: [echo one, echo two]
"""
    runner = make_runner(text, tmp_path)
    await run_to_end(runner)
    first, second = runner.record.nodes
    assert (read(first.stdout), read(first.stderr)) == ("out\n", "err\n")
    assert (first.status, first.exit_code) == (NodeStatus.FAILED, 7)
    assert (second.status, read(second.stdout)) == (NodeStatus.SUCCEEDED, "one\ntwo\n")
