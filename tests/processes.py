"""What lives, as /proc tells it; for all tests that promise "no process is left".

`os.kill(pid, 0)` and `os.killpg` do not tell it: they succeed for a process that has ended and is
not reaped yet. Grandchildren of a test are reaped by pid 1, in its own time.
"""

from __future__ import annotations

import gc
import os

import trio

__all__ = ["command", "is_alive", "live_members", "open_files", "wait_group_ended"]

#: only a limit: what was killed is gone as soon as the machine comes to it
_LIMIT_S = 30.0


def is_alive(pid: int) -> bool:
    """Tell whether a process exists and has not ended; a zombie has."""
    return _group_if_alive(pid) is not None


def live_members(group: int) -> list[int]:
    """Return the processes of a group that have not ended."""
    return [
        int(name)
        for name in os.listdir("/proc")
        if name.isdigit() and _group_if_alive(int(name)) == group
    ]


def command(pid: int) -> str:
    """Return the name of the program a process runs; empty when there is no such process."""
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().rstrip("\n")
    except (FileNotFoundError, ProcessLookupError):
        return ""


async def wait_group_ended(group: int) -> None:
    """Return when no process of the group lives. Raises: trio.TooSlowError."""
    with trio.fail_after(_LIMIT_S):
        while live_members(group):  # noqa: ASYNC110  the kernel changes it
            await trio.sleep(0.01)


def open_files() -> dict[int, str]:
    """Return what this process has open, by descriptor; what garbage held is closed first."""
    gc.collect()
    found = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            found[int(name)] = os.readlink(f"/proc/self/fd/{name}")
        except FileNotFoundError:  # the listing's own
            continue
    return found


def _group_if_alive(pid: int) -> int | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            stat = file.read()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name in parentheses may hold blanks; the fields after the last one do not.
    state, _parent, group = stat[stat.rindex(b")") + 2 :].split()[:3]
    return None if state in (b"Z", b"X") else int(group)
