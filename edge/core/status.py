"""Statuses of runs and nodes, and trigger types (spec 12 section 2).

The numbers are those of the stored and transmitted record; they never move.
"""

from __future__ import annotations

from enum import IntEnum

__all__ = ["NodeStatus", "RunStatus", "TriggerType", "display_status"]


class RunStatus(IntEnum):
    """Status of a run. `word` is the text in CLI, environment and results."""

    NOT_STARTED = 0
    RUNNING = 1
    FAILED = 2
    ABORTED = 3
    SUCCEEDED = 4
    QUEUED = 5
    PARTIALLY_SUCCEEDED = 6
    WAITING = 7
    REJECTED = 8

    @property
    def word(self) -> str:
        return self.name.lower()

    @property
    def is_active(self) -> bool:
        return self in (RunStatus.RUNNING, RunStatus.QUEUED, RunStatus.WAITING)

    @property
    def is_final(self) -> bool:
        return self in (
            RunStatus.FAILED,
            RunStatus.ABORTED,
            RunStatus.SUCCEEDED,
            RunStatus.PARTIALLY_SUCCEEDED,
            RunStatus.REJECTED,
        )

    @property
    def is_success(self) -> bool:
        return self in (RunStatus.SUCCEEDED, RunStatus.PARTIALLY_SUCCEEDED)


class NodeStatus(IntEnum):
    """Status of a node, a step inside an attempt."""

    NOT_STARTED = 0
    RUNNING = 1
    FAILED = 2
    ABORTED = 3
    SUCCEEDED = 4
    SKIPPED = 5
    PARTIALLY_SUCCEEDED = 6
    WAITING = 7
    REJECTED = 8
    RETRYING = 9

    @property
    def word(self) -> str:
        return self.name.lower()

    @property
    def is_done(self) -> bool:
        return self in (
            NodeStatus.FAILED,
            NodeStatus.ABORTED,
            NodeStatus.SUCCEEDED,
            NodeStatus.SKIPPED,
            NodeStatus.PARTIALLY_SUCCEEDED,
            NodeStatus.REJECTED,
        )

    @property
    def is_success(self) -> bool:
        return self in (NodeStatus.SUCCEEDED, NodeStatus.PARTIALLY_SUCCEEDED)


class TriggerType(IntEnum):
    """What asked for a run."""

    UNKNOWN = 0
    SCHEDULER = 1
    MANUAL = 2
    WEBHOOK = 3
    SUBDAG = 4
    RETRY = 5
    CATCHUP = 6

    @property
    def word(self) -> str:
        return self.name.lower()


def display_status(word: str) -> str:
    """Return the label shown to people: `partially_succeeded` gives `Partially Succeeded`."""
    return " ".join(part.capitalize() for part in word.split("_"))
