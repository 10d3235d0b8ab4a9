"""The one place where steps become processes (DESIGN section 3, spec 12 sections 10 and 11).

A step process leads a process group of its own in its parent's session, reads /dev/null, and
inherits no file of the engine. Spawning is done in the trio thread: CPython forks by vfork while
it holds the interpreter lock, so a worker thread would only add its own cost (measured on two
cores: 0.1 ms direct, 0.4 ms through a thread).
"""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import trio

from edge.engine.watcher import Watcher

__all__ = ["SpawnSpec", "Spawner", "StepProcess", "pump"]

_CHUNK_BYTES = 65_536
_FILES_WANTED = 65_536


@dataclass(frozen=True, slots=True)
class SpawnSpec:
    """What to start, and for which run."""

    argv: Sequence[str]
    cwd: str
    env: Mapping[str, str]
    run_id: str
    #: the file to execute when it is not `argv[0]`
    executable: str = ""
    #: False: output goes to /dev/null (command preconditions)
    capture: bool = True


class StepProcess:
    """A started process, leader of its group (`pid` is the group's number).

    Resource handling: `wait` reaps it; `close` closes the output pipes and makes the watcher
    forget the group. Both are safe to call twice.
    """

    def __init__(
        self, popen: subprocess.Popen[bytes], pipes: tuple[int, int] | None, watcher: Watcher | None
    ) -> None:
        self._popen = popen
        self._watcher = watcher
        self.pid = popen.pid
        # Taken before the child can be reaped, so it can only mean this process.
        self._pidfd = os.pidfd_open(self.pid)
        #: read ends of its output, None without `capture`
        self.stdout = trio.lowlevel.FdStream(pipes[0]) if pipes else None
        self.stderr = trio.lowlevel.FdStream(pipes[1]) if pipes else None

    @property
    def is_over(self) -> bool:
        """Return whether the process has ended and is reaped."""
        return self._popen.returncode is not None

    @property
    def status(self) -> int:
        """Return the exit status, negative for a signal; SIGKILL while it cannot be reaped."""
        code = self._popen.returncode
        return -9 if code is None else code

    async def wait(self) -> int:
        """Return the exit code, negative for death by a signal."""
        while self._popen.returncode is None:
            await trio.lowlevel.wait_readable(self._pidfd)
            self._popen.poll()
        self._close_pidfd()
        return self._popen.returncode

    def signal_group(self, number: int) -> None:
        """Signal every process of the group that is left."""
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):
            pass

    async def close(self) -> None:
        """Let go of the pipes and of the group."""
        if self._watcher is not None:
            self._watcher.forget(self.pid)
            self._watcher = None
        self._close_pidfd()
        for stream in (self.stdout, self.stderr):
            if stream is not None:
                with trio.CancelScope(shield=True) as scope:
                    scope.cancel()
                    await stream.aclose()

    def _close_pidfd(self) -> None:
        if self._pidfd >= 0:
            trio.lowlevel.notify_closing(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = -1


class Spawner:
    """Starts step processes and tells the watcher of each group."""

    def __init__(self, watcher: Watcher | None) -> None:
        self.watcher = watcher
        self._child_limit = _raise_file_limit()
        self._null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)

    def spawn(self, spec: SpawnSpec) -> StepProcess:
        """Start a process. Raises: OSError when the program cannot be started."""
        watcher = self.watcher if self.watcher is not None and self.watcher.is_alive else None
        ends = (*os.pipe2(os.O_CLOEXEC), *os.pipe2(os.O_CLOEXEC)) if spec.capture else ()
        if watcher is not None:
            watcher.expect(spec.run_id)
        try:
            popen = subprocess.Popen(
                spec.argv,
                executable=spec.executable or None,
                stdin=self._null,
                stdout=ends[1] if ends else self._null,
                stderr=ends[3] if ends else self._null,
                cwd=spec.cwd,
                env=spec.env,
                process_group=0,
            )
        except BaseException:
            for fd in ends:
                os.close(fd)
            if watcher is not None:
                watcher.give_up(spec.run_id)
            raise
        if watcher is not None:
            watcher.add(popen.pid, spec.run_id)
        pipes = None
        if ends:
            os.close(ends[1])
            os.close(ends[3])
            pipes = (ends[0], ends[2])
        if self._child_limit is not None:
            _limit_files(popen.pid, self._child_limit)
        return StepProcess(popen, pipes, watcher)

    def close(self) -> None:
        """Close what the spawner holds; not the watcher."""
        if self._null >= 0:
            os.close(self._null)
            self._null = -1


def _raise_file_limit() -> tuple[int, int] | None:
    """Allow this process more open files; return what its children should keep.

    A running step costs three descriptors, so the usual soft limit of 1,024 ends at 300 steps.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES_WANTED if hard == resource.RLIM_INFINITY else min(hard, _FILES_WANTED)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return None
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return soft, hard


def _limit_files(pid: int, limits: tuple[int, int]) -> None:
    try:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
    except OSError:
        pass


async def pump(stream: trio.lowlevel.FdStream, write: Callable[[bytes], None]) -> None:
    """Hand on what a stream gives, to its end."""
    while data := await stream.receive_some(_CHUNK_BYTES):
        write(data)
