"""The watcher: a tiny process that ends all steps when the engine is gone (DESIGN section 3).

It is forked before trio is imported, reads lines from a pipe and does nothing else. When the pipe
closes, whatever the reason, it sends SIGKILL to every process group it still knows, and looks for
groups that were being born. Lines:

    ? <run id>           a process of this run is about to start
    + <pgid> <started>   it has, with the start time of its leader in clock ticks since boot
    ! <run id>           it has not
    - <pgid>             the group is over, or no longer ours

This module must stay free of trio and of heavy imports.
"""

from __future__ import annotations

import os
import signal
import time

__all__ = ["Watcher", "fork_watcher", "start_ticks"]

_IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE)
_SCAN_FOR_S = 1.0
_SCAN_PAUSE_S = 0.02
_BACKLOG_MAX_BYTES = 1 << 20


class Watcher:
    """The engine's end of the pipe. Writing never blocks; a dead watcher is noticed, not fatal.

    `close` ends the watcher, which ends every group it still knows.
    """

    def __init__(self, fd: int, pid: int) -> None:
        self._fd = fd
        self.pid = pid
        self._backlog = b""
        #: False once the watcher is known to be gone
        self.is_alive = True

    def expect(self, run_id: str) -> None:
        """Announce that a process of this run is about to start."""
        self._send(f"? {run_id}\n")

    def give_up(self, run_id: str) -> None:
        """Take `expect` back: nothing was started."""
        self._send(f"! {run_id}\n")

    def add(self, pgid: int, run_id: str) -> None:
        """Register the group that `expect` announced."""
        self._send(f"+ {pgid} {start_ticks(pgid) or 0} {run_id}\n")

    def forget(self, pgid: int) -> None:
        """Drop a group: it is over, or what is left of it is nobody's business any more."""
        self._send(f"- {pgid}\n")

    def close(self) -> None:
        """Close the pipe and reap the watcher; it ends quickly by itself."""
        if self._fd < 0:
            return
        os.close(self._fd)
        self._fd = -1
        self.is_alive = False
        try:
            os.waitpid(self.pid, 0)
        except ChildProcessError:
            pass

    def _send(self, line: str) -> None:
        if not self.is_alive:
            return
        data = self._backlog + line.encode()
        try:
            sent = os.write(self._fd, data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.is_alive = False
            return
        self._backlog = data[sent:]
        if len(self._backlog) > _BACKLOG_MAX_BYTES:
            # It has not read for long: it hangs, and so cannot be relied upon.
            self.is_alive = False


def fork_watcher() -> Watcher:
    """Start the watcher. Call it in the main thread, before trio is imported.

    Raises: OSError when the system has no process or file descriptor left.
    """
    read_fd, write_fd = os.pipe2(os.O_CLOEXEC)
    # A Ctrl-C between the fork and the first lines of the watcher must not end it.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _IGNORED)
    try:
        pid = os.fork()
    except OSError:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        os.close(read_fd)
        os.close(write_fd)
        raise
    if pid == 0:
        status = 1
        try:
            _become_watcher(read_fd)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            _watch(read_fd)
            status = 0
        finally:
            # No clean-up of the engine may run in its copy.
            os._exit(status)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    os.close(read_fd)
    os.set_blocking(write_fd, False)
    return Watcher(write_fd, pid)


def _become_watcher(keep_fd: int) -> None:
    """Let go of all that belongs to the engine: its files, directory, and Ctrl-C."""
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    limit = os.sysconf("SC_OPEN_MAX")
    os.closerange(3, keep_fd)
    os.closerange(keep_fd + 1, limit)
    try:
        with open("/proc/self/comm", "w", encoding="ascii") as file:
            file.write("edge-watcher")
    except OSError:
        pass


def _watch(fd: int) -> None:
    groups: dict[int, int] = {}
    births: dict[str, int] = {}
    rest = b""
    while data := os.read(fd, 65536):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            _note(line.decode(), groups, births)
    for pgid, started in groups.items():
        _end_group(pgid, started)
    if births:
        _end_births(set(births), set(groups))


def _note(line: str, groups: dict[int, int], births: dict[str, int]) -> None:
    word, *values = line.split(" ")
    if word == "?":
        births[values[0]] = births.get(values[0], 0) + 1
    elif word == "-":
        groups.pop(int(values[0]), None)
    else:
        if word == "+":
            groups[int(values[0])] = int(values[1])
        left = births.get(values[-1], 0) - 1
        if left > 0:
            births[values[-1]] = left
        else:
            births.pop(values[-1], None)


def _end_group(pgid: int, started: int) -> None:
    """Kill a group unless its number belongs to a later process by now.

    While one member of a group lives its number is not given out again, so a group without its
    leader is still ours.
    """
    now = start_ticks(pgid)
    if started and now is not None and now != started:
        return
    try:
        os.killpg(pgid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def _end_births(run_ids: set[str], known: set[int]) -> None:
    """Find groups born between the announcement and the engine's end, for a moment."""
    wanted = [f"DAG_RUN_ID={run_id}".encode() for run_id in run_ids]
    end = time.monotonic() + _SCAN_FOR_S
    while time.monotonic() < end:
        for name in os.listdir("/proc"):
            if name.isdigit() and int(name) not in known and _is_leader_of(name, wanted):
                _end_group(int(name), 0)
        time.sleep(_SCAN_PAUSE_S)


def _is_leader_of(name: str, wanted: list[bytes]) -> bool:
    try:
        if os.getpgid(int(name)) != int(name):
            return False
        with open(f"/proc/{name}/environ", "rb") as file:
            environ = file.read().split(b"\0")
    except OSError:
        return False
    return any(entry in environ for entry in wanted)


def start_ticks(pid: int) -> int | None:
    """Return when a process started, in clock ticks since boot; None when there is none."""
    try:
        fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        stat = os.read(fd, 4096)
    except OSError:
        return None
    finally:
        os.close(fd)
    # The name in parentheses may hold blanks; the fields after the last one do not.
    return int(stat[stat.rindex(b")") + 2 :].split()[19])
