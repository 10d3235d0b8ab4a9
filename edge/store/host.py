"""Which process is this, and does that one still live (spec 12 section 20)?

A process is named by boot id, pid and start time since boot. Wall time is not used for the proof:
boards without a clock chip boot in 1970 and are set later, which moves every start time that is
computed from it.
"""

from __future__ import annotations

import os
import time

from edge.store.types import HostIdentity

__all__ = ["boot_id", "is_alive", "process_started_ms", "this_host"]

_TICKS = os.sysconf("SC_CLK_TCK")
_boot_id = ""


def boot_id() -> str:
    """Return the id of this boot of the machine."""
    global _boot_id
    if not _boot_id:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            _boot_id = file.read().strip()
    return _boot_id


def process_started_ms(pid: int) -> int | None:
    """Return when a process started, in ms since boot; None for none and for a zombie."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            stat = file.read()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name in parentheses may hold blanks and parentheses; the fields after the last one do not.
    fields = stat[stat.rindex(b")") + 2 :].split()
    if fields[0] in (b"Z", b"X"):
        return None
    return int(fields[19]) * 1000 // _TICKS


def is_alive(pid: int, started_ms: int) -> bool:
    """Tell whether the process of this pid is the one that started then (ms since boot)."""
    return pid > 0 and process_started_ms(pid) == started_ms


def this_host() -> HostIdentity:
    """Return the identity of this process."""
    pid = os.getpid()
    since_boot = process_started_ms(pid) or 0
    now_boot_ms = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000
    started = time.time_ns() // 1_000_000 - max(0, now_boot_ms - since_boot)
    return HostIdentity(boot_id(), pid, started, since_boot)
