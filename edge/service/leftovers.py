"""End the steps that a dead engine left behind, after proving that they are its steps.

The watcher process ends them within moments of a kill -9; this is for the case that it died too.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable

from edge.store import ProcessGroup
from edge.store.host import boot_id, process_started_ms

__all__ = ["kill_leftovers"]


def kill_leftovers(
    groups: Iterable[ProcessGroup],
    kill: Callable[[int, int], None] = os.killpg,
) -> list[ProcessGroup]:
    """SIGKILL those groups that still live and provably belong to a dead engine; return them.

    Proof: the same boot, and the leader started when it was recorded, or (the leader being gone)
    a member whose environment names the run.
    """
    wanted = [group for group in groups if group.boot_id == boot_id() and group.pgid > 1]
    if not wanted:
        return []
    members = _members({group.pgid for group in wanted})
    killed = []
    for group in wanted:
        if not _is_ours(group, members.get(group.pgid, [])):
            continue
        try:
            kill(group.pgid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue
        killed.append(group)
    return killed


def _is_ours(group: ProcessGroup, pids: list[int]) -> bool:
    if group.pgid in pids:
        return group.started_ms is not None and process_started_ms(group.pgid) == group.started_ms
    mark = f"DAG_RUN_ID={group.ref.run_id}".encode()
    return any(mark in _environ(pid).split(b"\0") for pid in pids)


def _members(pgids: set[int]) -> dict[int, list[int]]:
    """Return the live processes of each group, by one look at /proc."""
    found: dict[int, list[int]] = {}
    own = os.getpgid(0)
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            pgid = os.getpgid(int(name))
        except (ProcessLookupError, PermissionError):
            continue
        if pgid in pgids and pgid != own and process_started_ms(int(name)) is not None:
            found.setdefault(pgid, []).append(int(name))
    return found


def _environ(pid: int) -> bytes:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read(1024 * 1024)
    except OSError:
        return b""
