"""`edge start` and `edge dry` as a person calls them: parameters before there is a run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Call = Callable[..., "subprocess.CompletedProcess[str]"]

_STEPS = "\nsteps: [{id: a, run: 'echo \"[$n]\"'}]\n"


@pytest.fixture
def call(tmp_path: Path) -> Call:
    def run(params: str, command: str, *words: str) -> subprocess.CompletedProcess[str]:
        path = tmp_path / "w.yaml"
        path.write_text(f"params: {params}{_STEPS}")
        environ = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("EDGE_", "DAGU_"))
        }
        return subprocess.run(
            [sys.executable, "-m", "edge", command, str(path), *words],
            env=environ | {"EDGE_HOME": str(tmp_path / "home"), "SECRETLESS": "host"},
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


def test_a_failed_eval_leaves_no_record(call: Call, tmp_path: Path) -> None:
    """spec 11 section 5: exit 1 before any step, stdout empty, no run record."""
    done = call("[{name: n, eval: '$(echo why >&2; exit 3)'}]", "start")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        'Error: invalid parameter value: parameter "n" eval failed: phase substitute: failed to'
        ' execute command "echo why >&2; exit 3": exit status 3\nstderr=why\n\n'
    )
    assert not list(tmp_path.glob("home/**/*.db*"))


def test_an_evaluated_value_reaches_the_step(call: Call) -> None:
    """spec 11 section 11: references, then commands."""
    done = call("[{name: n, eval: '$(echo $SECRETLESS)-${env.SECRETLESS}'}]", "start")
    assert done.returncode == 0
    assert "[host-host]" in done.stdout


@pytest.mark.parametrize("command", ["dry", "validate"])
def test_nothing_is_evaluated_without_a_run(call: Call, tmp_path: Path, command: str) -> None:
    """spec 10 section 14: validate never executes evals; nor does `dry`."""
    assert call("[{name: n, eval: '$(touch ran)'}]", command).returncode == 0
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("params", "words", "message"),
    [
        # spec 30 section 1.3: parameters of `start`
        ("{a: 1}", ["--", "b=1"], 'unknown parameter(s): "b"; accepted parameters are: a'),
        ("{a: 1}", ["--", "1", "2"], "too many positional params: expected at most 1, got 2"),
        ("{schema: ./no.json}", [], 'params schema "./no.json" not found; tried: '),
        ("[{name: a, required: true}]", [], 'required: missing properties: ["a"]'),
    ],
)
def test_refusals(call: Call, params: str, words: list[str], message: str) -> None:
    done = call(params, "start", *words)
    assert done.returncode == 1
    assert done.stdout == ""
    assert message in done.stderr
    assert "Traceback" not in done.stderr
