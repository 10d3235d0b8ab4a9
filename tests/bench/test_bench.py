"""The bench itself: what it says of a number, and one short measurement."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.lines import Measured
from tests.bench.probe import measure


@pytest.mark.parametrize(
    ("line", "ratio", "is_met"),
    [
        (Measured("a", "s", 2.0, 8.0, 3.0), 4.0, True),
        (Measured("a", "s", 4.0, 8.0, 3.0), 2.0, False),
        (Measured("a", "s", 2.0, None, 3.0), None, True),
        (Measured("a", "s", 2.0, 8.0), 4.0, None),
        (Measured("a", "s", 2.0, 6.0, 3.0, ratio_budget=4), 3.0, False),
        (Measured("a", "s", 9.0, 90.0, 3.0, ratio_budget=4), 10.0, False),
        (Measured("a", "runs/s", 80.0, 40.0, 60.0, is_floor=True), 2.0, True),
        (Measured("a", "runs/s", 50.0, 40.0, 60.0, is_floor=True), 1.25, False),
    ],
)
def test_verdicts(line: Measured, ratio: float | None, is_met: bool | None) -> None:
    assert line.ratio == ratio
    assert line.is_met is is_met


def test_a_process_is_measured_with_what_it_waited_for(tmp_path: Path) -> None:
    code = (
        "import os, subprocess, sys\n"
        "subprocess.run([sys.executable, '-c', 'x = bytearray(60_000_000)'])\n"
        "sys.exit(3)\n"
    )
    done = measure([sys.executable, "-c", code], os.environ, tmp_path)
    assert done.code == 3
    assert done.peak_mb > 55
    assert 0 < done.seconds < 30


def test_one_line_from_the_command(tmp_path: Path) -> None:
    env = {k: v for k, v in os.environ.items() if k != "EDGE_DAGU_BINARY"} | {"PATH": "/nowhere"}
    argv = [sys.executable, "-m", "tests.bench", "--only", "version", "--quick", "--json"]
    done = subprocess.run(
        [*argv, f"--dir={tmp_path}"], env=env, capture_output=True, text=True, check=False
    )
    found = json.loads(done.stdout)
    assert found["faults"] == {}
    (line,) = found["lines"]
    assert (line["label"], line["unit"], line["real"]) == ("version", "ms", None)
    assert line["ours"] > 0
    assert list(tmp_path.iterdir()) == []
