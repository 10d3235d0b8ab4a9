"""Shared by the engine's tests: DAGs from text, attempts in a temporary directory, a reporter."""

from __future__ import annotations

import copy
import os
from collections.abc import Sequence
from pathlib import Path

import trio

from edge.config.log import get_logger
from edge.core.clock import SystemClock
from edge.core.ids import RunRef
from edge.core.jsontypes import JsonObject
from edge.core.record import RunRecord
from edge.engine.attempt import AttemptResult, AttemptSpec, RunFiles
from edge.engine.processes import Spawner
from edge.engine.reporter import Reporter
from edge.engine.runner import Runner
from edge.workflow.load import load_dag
from edge.workflow.model import DAG
from edge.workflow.params import parse_overrides, resolve_params

RUN = RunRef("t", "run-t")
_LIMIT_S = 15.0


def make_dag(text: str, *, source_file: str = "") -> DAG:
    return load_dag(text, default_name="t", source_file=source_file)


def make_spec(
    dag: DAG, folder: Path, *, params: Sequence[str] = (), run_id: str = "run-t"
) -> AttemptSpec:
    return AttemptSpec(
        dag=dag,
        ref=RunRef(dag.name, run_id),
        attempt_id="abc123",
        params=resolve_params(dag, parse_overrides(params)),
        files=RunFiles(
            folder / "log" / "s.log",
            folder / "log" / "steps",
            folder / "work",
            folder / "artifacts",
        ),
        step_environ={"PATH": os.environ["PATH"]},
        process_environ=dict(os.environ),
        default_shell="/bin/sh",
        created_ms=1,
    )


class RecordingReporter(Reporter):
    """Keeps what it is told."""

    def __init__(self, *, keeps_run: bool = True) -> None:
        self.statuses: dict[str, list[str]] = {}
        self.grown: list[tuple[str, str, str, int]] = []
        self.closed: list[tuple[str, str, int]] = []
        self.order: list[str] = []
        self.opened_as: JsonObject = {}
        self.final: JsonObject = {}
        self._keeps_run = keeps_run

    async def opened(self, record: RunRecord) -> None:
        self.order.append("opened")
        self.opened_as = copy.deepcopy(record.to_json())

    def changed(self, record: RunRecord, keys: Sequence[str]) -> None:
        for key in keys:
            node = record.nodes[int(key)] if key.isdigit() else record.handlers[key]
            words = self.statuses.setdefault(key, [])
            if not words or words[-1] != node.status.word:
                words.append(node.status.word)
                self.order.append(f"{key} {node.status.word}")

    def log_grew(self, key: str, stream: str, path: Path, size: int) -> None:
        self.grown.append((key, stream, path.name, size))

    async def log_closed(self, key: str, stream: str, path: Path, size: int) -> None:
        self.closed.append((key, stream, size))

    async def finished(self, record: RunRecord) -> bool:
        self.order.append("finished")
        self.final = copy.deepcopy(record.to_json())
        return self._keeps_run


def make_runner(
    text: str, folder: Path, *, params: Sequence[str] = (), reporter: Reporter | None = None
) -> Runner:
    return runner_of(make_dag(text), folder, params=params, reporter=reporter)


def runner_of(
    dag: DAG, folder: Path, *, params: Sequence[str] = (), reporter: Reporter | None = None
) -> Runner:
    """Return the runner of a DAG that no text stands for."""
    return Runner(
        make_spec(dag, folder, params=params),
        reporter=reporter or RecordingReporter(),
        spawner=Spawner(None),
        clock=SystemClock(),
        log=get_logger(),
    )


async def run_to_end(runner: Runner) -> AttemptResult:
    with trio.fail_after(_LIMIT_S):
        return await runner.run()


def read(path: str) -> str:
    """Return a log's text; a stream that never had a byte has no file."""
    try:
        return "" if not path else Path(path).read_text()
    except FileNotFoundError:
        return ""
