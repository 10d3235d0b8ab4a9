"""Records and hosts for the tests of the store."""

from __future__ import annotations

import os
from pathlib import Path

from edge.core.ids import RunRef, attempt_key
from edge.core.record import NodeRecord, RunRecord
from edge.core.status import NodeStatus, RunStatus, TriggerType
from edge.store import HostIdentity, Snapshot

T0 = 1_780_000_000_000
SNAPSHOT = Snapshot("steps:\n  - run: 'true'\n", "", "/dags/pump.yaml")
HOST = HostIdentity("boot-a", 4242, T0 - 500, 70_000)


def make_record(
    run_id: str = "r1",
    *,
    name: str = "pump",
    attempt_id: str = "aaaaaa",
    steps: int = 2,
    created_ms: int = T0,
    status: RunStatus = RunStatus.RUNNING,
    logs: Path = Path("/logs"),
) -> RunRecord:
    """Return a run that has just begun, as the engine makes it."""
    ref = RunRef(name, run_id)
    return RunRecord(
        name=name,
        run_id=run_id,
        attempt_id=attempt_id,
        attempt_key=attempt_key(ref, ref, attempt_id),
        root=ref,
        status=status,
        trigger_type=TriggerType.MANUAL,
        worker_id="local",
        pid=HOST.pid,
        pid_started_ms=HOST.pid_started_ms,
        nodes=[
            NodeRecord(step={"name": f"s{i}", "commands": [{"command": "true"}]})
            for i in range(steps)
        ],
        handlers={"onExit": NodeRecord(step={"name": "onExit"})},
        created_ms=created_ms,
        started_ms=created_ms,
        proc_group=name,
        definition_id=name,
        log=f"{logs}/{name}/dag-run_20260528_202640Z_{run_id}/dag-run_20260528.{run_id[:8]}.log",
        working_dir="/w",
        params="a=1",
        params_list=["a=1"],
    )


def start_node(record: RunRecord, key: int, now_ms: int = T0, pgid: int | None = None) -> None:
    """Change a node as the engine does when its step begins."""
    node = record.nodes[key]
    folder = f"{os.path.dirname(record.log)}/run_20260528_202640Z_{record.attempt_id}"
    node.status = NodeStatus.RUNNING
    node.started_ms = now_ms
    node.pgid = pgid
    node.stdout = f"{folder}/{node.name}.20260528.202640.000.{record.run_id[:8]}.out"
    node.stderr = node.stdout[:-4] + ".err"
    node.working_dir = record.working_dir


def end_node(
    record: RunRecord, key: int, status: NodeStatus = NodeStatus.SUCCEEDED, now_ms: int = T0 + 5
) -> None:
    """Change a node as the engine does when its step ends."""
    node = record.nodes[key]
    node.status = status
    node.finished_ms = now_ms
    node.done_count += 1
    node.pgid = None
