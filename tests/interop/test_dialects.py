"""Workflows in the spelling of Dagu 1.30, run there and here, and here in the new spelling too.

The same exit code, the same text from every step, in the same order (spec 10 section 13).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.targets import find_dagu
from tests.dialects import NAMES, NEED_ACTIONS, text_of

#: looked up now: a test sees none of the caller's EDGE_* variables
BINARY = find_dagu()
EDGE = [sys.executable, "-m", "edge"]
RUNNABLE = [name for name in NAMES if name not in NEED_ACTIONS]
#: steps of these run side by side: their order is not defined
UNORDERED = {"04-check-hosts", "09-parallel-group", "11-firmware-update"}
_LOG = re.compile(r"(?P<step>.+)\.(?P<stamp>\d{8}\.\d{6}\.\d{3})\.[^.]+\.(?:out|log)")


def _run(name: str, dialect: str, command: list[str], home: Path) -> tuple[int, list[str]]:
    """Return the exit code, and `step: text` for every step that printed, by start time."""
    out = home / "out"
    for folder in (out, home / "dags"):
        folder.mkdir(parents=True)
    (home / "run").mkdir(mode=0o700)
    path = home / "dags" / f"{name}.yaml"
    path.write_text(text_of(name, dialect, out))
    env = {k: v for k, v in os.environ.items() if not k.startswith(("EDGE_", "DAGU_", "DAG_"))}
    env |= {"DAGU_HOME": str(home), "XDG_RUNTIME_DIR": str(home / "run"), "SHELL": "/bin/bash"}
    done = subprocess.run(
        [*command, "start", "-q", str(path)],
        env=env,
        cwd=home,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert "failed to load" not in done.stderr, done.stderr
    found = []
    for file in home.glob(f"logs/{name}/**/*"):
        match = _LOG.fullmatch(file.name)
        if match is not None and file.stat().st_size:
            text = file.read_text().replace(str(home), "<home>")
            found.append((match["stamp"], f"{match['step']}: {text}"))
    assert found, "nothing was printed"
    return done.returncode, [line for _, line in sorted(found)]


@pytest.mark.interop
@pytest.mark.skipif(
    BINARY is None,
    reason="the real binary is not installed (EDGE_DAGU_BINARY, or dagu in the PATH)",
)
@pytest.mark.parametrize("name", RUNNABLE)
def test_the_old_spelling_does_what_the_real_binary_does(name: str, tmp_path: Path) -> None:
    assert BINARY is not None
    theirs = _run(name, "v1", [BINARY], tmp_path / "theirs")
    ours = _run(name, "v1", EDGE, tmp_path / "ours")
    if name in UNORDERED:
        theirs[1].sort()
        ours[1].sort()
    assert ours == theirs


@pytest.mark.parametrize("name", RUNNABLE)
def test_both_spellings_do_the_same(name: str, tmp_path: Path) -> None:
    old = _run(name, "v1", EDGE, tmp_path / "old")
    new = _run(name, "v2", EDGE, tmp_path / "new")
    if name in UNORDERED:
        old[1].sort()
        new[1].sort()
    assert old == new
