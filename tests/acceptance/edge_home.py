"""A home of its own and the installed `edge` command for a test; edge is never imported."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

__all__ = ["Done", "Edge"]


class Done(NamedTuple):
    """What a finished command left behind."""

    code: int
    out: str
    err: str


class Edge:
    """Runs `edge` as a user of one home directory would."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = root / "home"
        self.work = root / "work"
        for path in (self.home / "dags", self.work, root / "run"):
            path.mkdir(parents=True)
        self.program = os.environ.get("EDGE_FROZEN") or str(
            Path(sysconfig.get_path("scripts", vars={"base": sys.prefix})) / "edge"
        )

    def environ(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the environment: nothing of the caller's but what every program needs."""
        keep = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        places = {
            "HOME": str(self.root),
            "DAGU_HOME": str(self.home),
            "XDG_RUNTIME_DIR": str(self.root / "run"),
        }
        return keep | places | dict(more or {})

    def dag(self, name: str, text: str) -> Path:
        """Write a workflow file into the DAGs directory."""
        path = self.home / "dags" / f"{name}.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    def start(self, *words: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start `edge` and return at once; the caller ends it."""
        return subprocess.Popen(
            [self.program, *words],
            cwd=self.work,
            env=self.environ(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *words: str, env: Mapping[str, str] | None = None) -> Done:
        """Run `edge` to its end."""
        process = self.start(*words, env=env)
        try:
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
            process.wait()
        return Done(process.returncode, out, err)
