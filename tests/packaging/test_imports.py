"""Every import costs a small machine; what a command loads is read off the interpreter itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_HEAVY = {"trio", "grpc", "quart", "cryptography", "asyncio", "hypercorn"}


def _loaded(home: Path, *words: str) -> tuple[int, set[str]]:
    """Run `edge` and list all modules that it imported, by `-X importtime`."""
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith(("EDGE_", "DAGU_"))
    }
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "edge", *words],
        env=environ | {"EDGE_HOME": str(home)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    assert len(lines) > 20, done.stderr
    return done.returncode, {line.rpartition("|")[2].strip() for line in lines}


@pytest.fixture
def workflow(tmp_path: Path) -> Path:
    path = tmp_path / "one.yaml"
    path.write_text('steps:\n  - id: one\n    run: "true"\n')
    return path


def test_version_loads_next_to_nothing(tmp_path: Path) -> None:
    code, modules = _loaded(tmp_path, "version")
    assert code == 0
    assert modules & (_HEAVY | {"yaml", "sqlite3", "edge.store", "edge.workflow"}) == set()


def test_status_and_history_do_without_trio(tmp_path: Path, workflow: Path) -> None:
    assert _loaded(tmp_path, "start", str(workflow))[0] == 0
    for words in (["status", "one"], ["history"]):
        code, modules = _loaded(tmp_path, *words)
        assert code == 0
        assert "sqlite3" in modules
        assert modules & _HEAVY == set()


def test_start_loads_neither_pages_nor_the_wire(tmp_path: Path, workflow: Path) -> None:
    code, modules = _loaded(tmp_path, "start", str(workflow))
    assert code == 0
    assert "trio" in modules
    assert modules & (_HEAVY - {"trio"}) == set()
    assert not [name for name in modules if name.startswith(("edge.web", "edge.cluster"))]
