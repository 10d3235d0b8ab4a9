"""What a process and its children cost, read from /proc."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "Finished",
    "Tree",
    "free_port",
    "measure",
    "running",
    "wait_until",
]

_TICKS = os.sysconf("SC_CLK_TCK")
_MB = 1024 * 1024


@dataclass(frozen=True)
class Finished:
    """A process that ended: the whole cost of it and the children it waited for."""

    seconds: float
    code: int
    written_mb: float
    peak_mb: float
    cpu_s: float


def measure(argv: Sequence[str], env: Mapping[str, str], cwd: Path) -> Finished:
    """Run a command to its end; its output goes nowhere."""
    began = time.perf_counter()
    process = subprocess.Popen(
        argv,
        env=dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    # WNOWAIT leaves a zombie, whose counters can still be read.
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    seconds = time.perf_counter() - began
    written = _written_bytes(process.pid)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Finished(
        seconds=seconds,
        code=process.returncode,
        written_mb=written / _MB,
        peak_mb=usage.ru_maxrss / 1024,
        cpu_s=usage.ru_utime + usage.ru_stime,
    )


@contextlib.contextmanager
def running(
    argv: Sequence[str], env: Mapping[str, str], cwd: Path, log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a service inside the block; SIGTERM at its end, SIGKILL after 15 s."""
    with open(log, "wb") as output:
        process = subprocess.Popen(
            argv, env=dict(env), cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Tree:
    """A process and its descendants, as they are at each call."""

    def __init__(self, root: int) -> None:
        self.root = root
        self._exe = _exe(root)

    def pids(self) -> list[int]:
        parents: dict[int, list[int]] = {}
        for name in os.listdir("/proc"):
            if name.isdigit():
                with contextlib.suppress(OSError, IndexError):
                    parents.setdefault(_parent(int(name)), []).append(int(name))
        found, queue = [], [self.root]
        while queue:
            pid = queue.pop()
            found.append(pid)
            queue.extend(parents.get(pid, []))
        return found

    def own_pids(self) -> list[int]:
        """Return only the processes that run the engine's own executable."""
        return [pid for pid in self.pids() if _exe(pid) == self._exe]

    def count(self, command: str) -> int:
        """Return how many descendants run a command of this name."""
        total = 0
        for pid in self.pids():
            with contextlib.suppress(OSError):
                total += Path(f"/proc/{pid}/comm").read_text().strip() == command
        return total

    def pss_mb(self, pids: Sequence[int]) -> float:
        return sum(_rollup(pid, "Pss") for pid in pids) / 1024

    def rss_mb(self, pids: Sequence[int]) -> float:
        return sum(_rollup(pid, "Rss") for pid in pids) / 1024

    def cpu_s(self) -> float:
        """Return the CPU seconds of the tree so far, with children already reaped."""
        total = 0
        for pid in self.pids():
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
                total += sum(int(value) for value in fields[11:15])
        return total / _TICKS

    def written_mb(self) -> float:
        return sum(_written_bytes(pid) for pid in self.pids()) / _MB


def wait_until(what: Callable[[], bool], limit_s: float, step_s: float = 0.02) -> bool:
    """Wait for a condition; False when the time is over."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(step_s)
    return False


def free_port() -> int:
    """Return a TCP port that is free now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _written_bytes(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/io").read_text().splitlines():
            if line.startswith("write_bytes:"):
                return int(line.split()[1])
    return 0


def _rollup(pid: int, key: str) -> int:
    """Return a member of smaps_rollup in KiB; 0 when the process is gone."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(key + ":"):
                return int(line.split()[1])
    return 0


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


def _exe(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return ""
