"""Small run records for the tests of what the command line prints."""

from __future__ import annotations

from edge.core.record import NodeRecord, RunRecord
from edge.core.status import NodeStatus, RunStatus

T0 = 1_760_000_000_000


def node(
    name: str,
    status: NodeStatus = NodeStatus.NOT_STARTED,
    started: float | None = None,
    finished: float | None = None,
    **members: str,
) -> NodeRecord:
    """Return a node whose times are seconds after T0."""
    return NodeRecord(
        step={"name": name},
        status=status,
        started_ms=None if started is None else T0 + int(started * 1000),
        finished_ms=None if finished is None else T0 + int(finished * 1000),
        **members,  # type: ignore[arg-type]
    )


def run(*nodes: NodeRecord, status: RunStatus = RunStatus.RUNNING) -> RunRecord:
    """Return a run that started at T0."""
    return RunRecord(
        name="pumps",
        run_id="r1",
        attempt_id="abc123",
        status=status,
        nodes=list(nodes),
        created_ms=T0,
        started_ms=T0,
        finished_ms=None if status.is_active else T0 + 5000,
    )
