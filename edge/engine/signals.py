"""Which signals end a step (spec 12 section 10). Pure."""

from __future__ import annotations

import signal

__all__ = ["MARKS_ABORTED", "signal_number"]

#: delivered like any other, but not a stop
_HARMLESS = {
    signal.SIGCHLD,
    signal.SIGCONT,
    signal.SIGSTOP,
    signal.SIGTSTP,
    signal.SIGTTIN,
    signal.SIGTTOU,
    signal.SIGURG,
    signal.SIGWINCH,
}
MARKS_ABORTED = frozenset(range(1, signal.NSIG)) - _HARMLESS


def signal_number(name: str) -> int | None:
    """Return the number of an exact name (`SIGTERM`), None for anything else."""
    member = signal.Signals.__members__.get(name)
    return None if member is None else int(member)
