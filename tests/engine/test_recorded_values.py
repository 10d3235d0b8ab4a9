"""Our engine against recorded values of the reference (tests/data/language/values).

spec 11 section 13 names these recordings; each line names the section that it shows.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edge.config.environment import step_environment
from edge.config.log import get_logger
from edge.config.settings import load_settings
from edge.core.clock import SystemClock
from edge.core.errors import UserError
from edge.core.ids import RunRef
from edge.core.record import NodeRecord
from edge.engine.attempt import AttemptSpec, RunFiles
from edge.engine.processes import Spawner
from edge.engine.run_outputs import run_outputs
from edge.engine.run_params import settle_params
from edge.engine.runner import Runner
from edge.workflow.load import load_dag
from edge.workflow.params import parse_overrides
from tests.engine.helpers import RecordingReporter, read, run_to_end

DATA = Path(__file__).parent.parent / "data" / "language" / "values"
EXPECTED: dict[str, dict[str, Any]] = {
    entry["file"]: entry
    for entry in map(json.loads, (DATA / "expected.jsonl").read_text().splitlines())
}
#: child runs need a store: `test_children` holds these
WITH_STORE = {"35-sub-dag.yaml", "36-parallel-items.yaml"}
#: what `edge_differs` of a recording says in words: (step, member) -> what edge gives
DIFFERENT: dict[str, dict[tuple[str, str], str]] = {
    "03-env-twice.yaml": {("p", "stdout"): "$S ${env.S}\n$S ${env.S}\n"},
    "05-run-quoted-token.yaml": {("token", "stdout"): '$HOME_X `echo ran` "q"\n'},
    "26-working-dir.yaml": {("q", "stdout"): "x-DD\n"},
    "38-secrets.yaml": {("tail", "stdout"): "no-newline"},
}


async def _spec(name: str, folder: Path) -> AttemptSpec:
    entry = EXPECTED[name]
    dags = folder / "dags"
    dags.mkdir()
    for file, text in entry["files"].items():
        (dags / file).write_text(text)
    path = dags / name
    path.write_text((DATA / name).read_text())
    dag = load_dag(path.read_text(), default_name=path.stem, source_file=str(path))
    environ = {"PATH": "/usr/local/bin:/usr/bin:/bin", **entry["env"]}
    settings = load_settings(environ={}, home=str(folder / "home"))
    spawner = Spawner(None)
    try:
        params = await settle_params(
            dag,
            parse_overrides(entry["args"][1:]),
            spawner=spawner,
            environ=environ,
            default_shell="/bin/bash",
        )
    finally:
        spawner.close()
    return AttemptSpec(
        dag=dag,
        ref=RunRef(dag.name, "run-v"),
        attempt_id="abc123",
        params=params,
        files=RunFiles(folder / "log" / "s.log", folder / "log" / "steps", folder / "work"),
        step_environ=step_environment(environ, settings),
        process_environ=environ,
        default_shell="/bin/bash",
    )


def _found(step: dict[str, Any], node: NodeRecord) -> dict[str, Any]:
    found = {"step": node.name, "status": node.status.word, "stdout": read(node.stdout)}
    found |= {"stderr": read(node.stderr)} if "stderr" in step else {}
    return found | ({"error": node.error} if "error" in step or node.error else {})


@pytest.mark.parametrize("name", sorted(set(EXPECTED) - WITH_STORE))
async def test_values_are_those_of_the_record(name: str, tmp_path: Path) -> None:
    entry = EXPECTED[name]
    if "run_status" not in entry:
        with pytest.raises(UserError) as caught:
            await _spec(name, tmp_path)
        reason = entry["error"].rpartition("field 'params_json': ")[2]
        assert reason in caught.value.message
        return
    spec = await _spec(name, tmp_path)
    runner = Runner(
        spec,
        reporter=RecordingReporter(),
        spawner=Spawner(None),
        clock=SystemClock(),
        log=get_logger(),
    )
    result = await run_to_end(runner)
    record = runner.record
    assert record.status.word == entry["run_status"]
    assert result.exit_code == entry["exit_code"]
    assert run_outputs(record) == entry.get("outputs", {})
    nodes = {node.name: node for node in record.nodes}
    nodes |= {key: node for key, node in record.handlers.items() if node.started_ms}
    assert len(nodes) == len(entry["steps"])
    for step in entry["steps"]:
        wanted = dict(step)
        for (of, member), text in DIFFERENT.get(name, {}).items():
            if of == step["step"]:
                wanted[member] = text
        assert _found(wanted, nodes[step["step"]]) == wanted


def test_every_intended_difference_is_looked_at() -> None:
    """spec 11 section 1: where edge differs on purpose."""
    assert set(DIFFERENT) == {name for name, entry in EXPECTED.items() if "edge_differs" in entry}
