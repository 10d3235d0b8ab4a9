"""The same workflow by edge and by the real binary 1.30.2: same order, same ends, same exit code.

Each step writes a line into a file; the file is compared. The texts differ only in spelling
(`command` and camelCase there, `run` and snake_case here).
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.bench.targets import find_dagu

#: looked up now: a test sees none of the caller's EDGE_* variables
BINARY = find_dagu()

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(
        BINARY is None,
        reason="the real binary is not installed (EDGE_DAGU_BINARY, or dagu in the PATH)",
    ),
]

_NAMES = {
    "run:": "command:",
    "handler_on:": "handlerOn:",
    "continue_on:": "continueOn:",
    "retry_policy:": "retryPolicy:",
    "interval_sec:": "intervalSec:",
    "max_active_steps:": "maxActiveSteps:",
}


@dataclass(frozen=True)
class Case:
    """A workflow in our spelling; `say X` stands for writing a line."""

    name: str
    text: str
    #: the order of lines is not defined
    is_unordered: bool = False


CASES = [
    Case("one", "steps:\n  - {name: a, run: say a}\n"),
    Case(
        "chain",
        "type: chain\nsteps:\n  - {name: a, run: say a}\n  - {name: b, run: say b}\n"
        "  - {name: c, run: say c}\n",
    ),
    Case(
        "diamond",
        "type: graph\nsteps:\n  - {name: d, run: say d, depends: [b, c]}\n"
        "  - {name: b, run: say b, depends: [a]}\n  - {name: c, run: say c, depends: [b]}\n"
        "  - {name: a, run: say a}\n",
    ),
    Case(
        "side-by-side",
        "type: graph\nsteps:\n" + "".join(f"  - {{name: s{n}, run: say {n}}}\n" for n in range(8)),
        is_unordered=True,
    ),
    Case(
        "failure-stops-what-depends",
        "type: graph\nsteps:\n  - {name: a, run: say a && exit 3}\n"
        "  - {name: b, run: say b, depends: [a]}\n",
    ),
    Case(
        "continue-on-failure",
        "type: chain\nsteps:\n  - {name: a, run: say a && exit 3, continue_on: {failure: true}}\n"
        "  - {name: b, run: say b}\n",
    ),
    Case(
        "retry",
        "steps:\n  - {name: a, run: say try && test $(wc -l < OUT) -ge 3,\n"
        "     retry_policy: {limit: 4, interval_sec: 1}}\n",
    ),
    Case(
        "handlers-of-success",
        "handler_on:\n  success: {run: say success}\n  failure: {run: say failure}\n"
        "  exit: {run: say exit}\nsteps:\n  - {name: a, run: say a}\n",
    ),
    Case(
        "handlers-of-failure",
        "handler_on:\n  success: {run: say success}\n  failure: {run: say failure}\n"
        "  exit: {run: say exit}\nsteps:\n  - {name: a, run: say a && exit 7}\n",
    ),
    Case(
        "precondition",
        "type: graph\nsteps:\n"
        "  - {name: a, run: say a, preconditions: [{condition: 'false'}]}\n"
        "  - {name: b, run: say b, depends: [a]}\n  - {name: c, run: say c}\n",
    ),
]


def run(case: Case, home: Path, command: list[str], *, is_v1: bool) -> tuple[int, list[str]]:
    """Run a case; return exit code and lines."""
    (home / "dags").mkdir(parents=True)
    (home / "run").mkdir(mode=0o700)
    out = home / "out"
    text = case.text.replace("OUT", str(out)).replace("say", f"{home}/say")
    if is_v1:
        for ours, theirs in _NAMES.items():
            text = text.replace(ours, theirs)
    say = home / "say"
    say.write_text(f'#!/bin/sh\necho "$1" >> {out}\n')
    say.chmod(0o755)
    out.write_text("")
    path = home / "dags" / f"{case.name}.yaml"
    path.write_text(text)
    env = {k: v for k, v in os.environ.items() if not k.startswith(("EDGE_", "DAGU_", "DAG_"))}
    env |= {"DAGU_HOME": str(home), "XDG_RUNTIME_DIR": str(home / "run")}
    done = subprocess.run(
        [*command, "start", str(path)],
        env=env,
        cwd=home,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert "failed to load" not in done.stderr, done.stderr
    return done.returncode, out.read_text().split()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_same_order_and_exit_code(case: Case, tmp_path: Path) -> None:
    assert BINARY is not None
    theirs = run(case, tmp_path / "theirs", [BINARY], is_v1=True)
    ours = run(case, tmp_path / "ours", [sys.executable, "-m", "edge"], is_v1=False)
    assert theirs[1], "the real binary ran nothing"
    if case.is_unordered:
        assert (ours[0], sorted(ours[1])) == (theirs[0], sorted(theirs[1]))
    else:
        assert ours == theirs
