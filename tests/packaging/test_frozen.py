"""What can only go wrong in the frozen binary. EDGE_FROZEN names it; `.ci/run` sets it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

import edge
from tests.processes import is_alive

pytestmark = pytest.mark.frozen


def _environ(home: Path) -> dict[str, str]:
    environ = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("EDGE_", "DAGU_")) and name != "LD_LIBRARY_PATH"
    }
    return environ | {"EDGE_HOME": str(home)}


def _workflow(directory: Path, run: str) -> Path:
    path = directory / "probe.yaml"
    body = "".join(f"      {line}\n" for line in run.splitlines())
    path.write_text(f"steps:\n  - id: probe\n    run: |\n      #!/bin/sh\n{body}")
    return path


def _start(frozen: Path, path: Path, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [frozen, "start", str(path)],
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_it_is_this_version(frozen_edge: Path) -> None:
    done = subprocess.run([frozen_edge, "version"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == edge.__version__


def test_steps_do_not_see_the_bundle(frozen_edge: Path, tmp_path: Path) -> None:
    path = _workflow(tmp_path, f"env > {tmp_path}/env.txt")
    done = _start(frozen_edge, path, _environ(tmp_path / "home"))
    assert done.returncode == 0, done.stdout + done.stderr
    names = {line.split("=", 1)[0] for line in (tmp_path / "env.txt").read_text().splitlines()}
    assert "PATH" in names
    assert "LD_LIBRARY_PATH" not in names
    assert not [name for name in names if name.startswith(("_PYI", "_MEI"))]


def test_steps_get_the_callers_own_library_path(frozen_edge: Path, tmp_path: Path) -> None:
    path = _workflow(tmp_path, f'echo "$LD_LIBRARY_PATH" > {tmp_path}/path.txt')
    environ = _environ(tmp_path / "home") | {"LD_LIBRARY_PATH": "/opt/own/lib"}
    done = _start(frozen_edge, path, environ)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "path.txt").read_text() == "/opt/own/lib\n"


def test_no_step_outlives_a_killed_engine(frozen_edge: Path, tmp_path: Path) -> None:
    pids = tmp_path / "pids.txt"
    path = _workflow(tmp_path, f"sleep 300 &\necho $! > {pids}.new\nmv {pids}.new {pids}\nwait")
    engine = subprocess.Popen(
        [frozen_edge, "start", str(path)],
        env=_environ(tmp_path / "home"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + 20
        while not pids.exists() and time.monotonic() < end:
            time.sleep(0.02)
        step = int(pids.read_text())
        assert is_alive(step)
        engine.send_signal(signal.SIGKILL)
        engine.wait()
        end = time.monotonic() + 2
        while is_alive(step) and time.monotonic() < end:
            time.sleep(0.02)
        assert not is_alive(step)
    finally:
        engine.kill()
        engine.wait()


def test_a_broken_file_is_one_clear_line(frozen_edge: Path, tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text("steps:\n  - id: a\n    run: [unclosed\n")
    done = _start(frozen_edge, path, _environ(tmp_path / "home"))
    assert done.returncode == 1
    assert "Error: " in done.stderr
    assert "Traceback" not in done.stderr


def test_it_travels_with_its_samples_and_licences(frozen_edge: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [frozen_edge, "example", "--write"],
        env=_environ(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    written = {path.stem for path in (tmp_path / "dags").glob("*.yaml")}
    assert {"backup", "check-hosts", "rotate-logs"} <= written
    inside = frozen_edge.parent / "_internal"
    if inside.is_dir():
        assert "==== trio " in (inside / "THIRD_PARTY_LICENSES.txt").read_text()
