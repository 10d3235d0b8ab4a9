"""A context for the pages: a real store in a temporary home, scripted neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from edge.core.errors import UserError
from edge.core.ids import RunRef
from edge.core.record import NodeRecord, RunRecord
from edge.core.status import NodeStatus, RunStatus, TriggerType
from edge.store import Snapshot, Store
from edge.store.host import this_host
from edge.web.context import WebContext
from edge.workflow.model import DAG, CommandRun, ParamDef, Step

NOW_MS = 1_790_000_000_000


@dataclass
class FakeClock:
    value_ms: int = NOW_MS

    def now_ms(self) -> int:
        return self.value_ms


@dataclass
class FakeEntry:
    path: Path
    file_name: str
    dag: DAG | None
    error: str = ""
    suspended: bool = False
    is_shadowed: bool = False


class FakeCatalog:
    def __init__(self, entries: Sequence[FakeEntry] = ()) -> None:
        self.items = list(entries)

    def entries(self) -> list[FakeEntry]:
        return self.items

    def get(self, file_name: str) -> FakeEntry | None:
        return next((item for item in self.items if item.file_name == file_name), None)

    async def refresh(self) -> None:
        return None


@dataclass
class FakeControl:
    started: list[tuple[str, str, str | None]] = field(default_factory=list)
    stopped: list[RunRef] = field(default_factory=list)
    refuse: str = ""

    async def start(self, dag: DAG, params_text: str, run_id: str | None) -> RunRef:
        if self.refuse:
            raise UserError(self.refuse)
        self.started.append((dag.name, params_text, run_id))
        return RunRef(dag.name, run_id or "new-run")

    async def stop(self, ref: RunRef) -> None:
        if self.refuse:
            raise UserError(self.refuse)
        self.stopped.append(ref)


@dataclass
class FakeWorker:
    worker_id: str
    labels: Mapping[str, str]
    health: str = "healthy"
    last_heartbeat_ms: int = NOW_MS - 3000
    total_pollers: int = 4
    busy_pollers: int = 1


@dataclass
class FakeLog:
    lines: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def warning(self, msg: str, **fields: Any) -> None:
        self.lines.append(("warning", msg, fields))

    def error(self, msg: str, **fields: Any) -> None:
        self.lines.append(("error", msg, fields))


def settings(home: Path, **changes: Any) -> SimpleNamespace:
    values: dict[str, Any] = {
        "paths": SimpleNamespace(dags_dir=home / "dags", log_dir=home / "logs"),
        "tz": "Europe/Berlin",
        "navbar_title": "",
        "base_path": "",
        "auth_mode": "none",
    }
    return SimpleNamespace(**(values | changes))


def context(
    home: Path,
    entries: Sequence[FakeEntry] = (),
    workers: Sequence[FakeWorker] = (),
    **changes: Any,
) -> WebContext:
    for name in ("dags", "logs"):
        (home / name).mkdir(parents=True, exist_ok=True)
    return WebContext(
        settings=settings(home, **changes),  # type: ignore[arg-type]
        store=Store.open(home / "edge.db"),
        catalog=FakeCatalog(entries),  # type: ignore[arg-type]
        control=FakeControl(),
        version="1.2.3",
        started_ms=NOW_MS - 61_000,
        workers=lambda: list(workers),
        clock=FakeClock(),
        log=FakeLog(),  # type: ignore[arg-type]
    )


def dag(
    name: str = "pump",
    steps: Sequence[tuple[str, Sequence[str]]] = (("read", ()), ("report", ("read",))),
    params: Sequence[ParamDef] = (),
    **members: Any,
) -> DAG:
    return DAG(
        name=name,
        steps=tuple(
            Step(name=step, run=CommandRun(("true",)), depends=tuple(deps)) for step, deps in steps
        ),
        params=tuple(params),
        **members,
    )


def entry(home: Path, value: DAG, text: str = "steps: []\n", **members: Any) -> FakeEntry:
    path = home / "dags" / f"{value.name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return FakeEntry(path=path, file_name=value.name, dag=value, **members)


def node(name: str, status: NodeStatus = NodeStatus.NOT_STARTED, **members: Any) -> NodeRecord:
    step = {
        "name": name,
        "commands": [{"command": "true", "args": [], "cmdWithArgs": members.pop("run", "true")}],
        "depends": list(members.pop("depends", [])),
    }
    step.update(members.pop("step", {}))
    if status not in (NodeStatus.NOT_STARTED, NodeStatus.SKIPPED):
        members.setdefault("started_ms", NOW_MS - 9000)
    if status.is_done:
        members.setdefault("finished_ms", NOW_MS - 4000)
    return NodeRecord(step=step, status=status, **members)  # type: ignore[arg-type]


def record(
    name: str = "pump", run_id: str = "r1", status: RunStatus = RunStatus.RUNNING, **members: Any
) -> RunRecord:
    members.setdefault(
        "nodes", [node("read", NodeStatus.SUCCEEDED), node("report", depends=["read"])]
    )
    members.setdefault("started_ms", NOW_MS - 10_000)
    if status.is_final:
        members.setdefault("finished_ms", NOW_MS - 2000)
    return RunRecord(
        name=name,
        run_id=run_id,
        attempt_id="abc123",
        status=status,
        worker_id=members.pop("worker_id", "local"),
        trigger_type=members.pop("trigger_type", TriggerType.MANUAL),
        created_ms=members.pop("created_ms", NOW_MS - 11_000),
        **members,
    )


def keep(ctx: WebContext, run: RunRecord) -> int:
    """Put a run into the store as its engine would."""
    host = this_host() if run.worker_id == "local" else None
    return ctx.store.begin_attempt(run, Snapshot("steps: []\n", "", ""), host, new_run=True)
