"""Dry runs: order, gates and handlers of a real run, and nothing happens (spec 12 section 15)."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.config.settings import Settings, load_settings
from edge.core.errors import UserError
from edge.core.status import NodeStatus, RunStatus
from edge.engine.dry import dry_run
from edge.workflow.load import load_dag
from edge.workflow.params import parse_override_text, resolve_params


def _settings(tmp_path: Path) -> Settings:
    return load_settings(environ={"HOME": str(tmp_path)}, home=str(tmp_path / "home"))


async def _dry(tmp_path: Path, text: str) -> tuple[RunStatus, dict[str, NodeStatus], str]:
    dag = load_dag(text, default_name="walk")
    params = resolve_params(dag, parse_override_text(""))
    record, error = await dry_run(_settings(tmp_path), dag, params)
    return record.status, {key: node.status for key, node in record.all_nodes()}, error


async def test_no_step_and_no_handler_is_executed(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    status, nodes, error = await _dry(
        tmp_path,
        f"""
handler_on:
  exit: {{run: touch {mark}}}
steps:
  - {{id: a, run: touch {mark}}}
  - {{id: b, run: exit 3, depends: a}}
""",
    )
    assert status is RunStatus.SUCCEEDED
    assert nodes == dict.fromkeys(("a", "b", "onExit"), NodeStatus.SUCCEEDED)
    assert not error
    assert not mark.exists()


async def test_preconditions_are_checked(tmp_path: Path) -> None:
    status, nodes, _ = await _dry(
        tmp_path,
        """
steps:
  - {id: a, run: "true", preconditions: ["false"]}
  - {id: b, run: "true", depends: a}
  - {id: c, run: "true"}
""",
    )
    assert status is RunStatus.SUCCEEDED
    assert nodes == {"a": NodeStatus.SKIPPED, "b": NodeStatus.SKIPPED, "c": NodeStatus.SUCCEEDED}


async def test_an_unmet_dag_precondition_aborts(tmp_path: Path) -> None:
    status, nodes, error = await _dry(
        tmp_path, 'preconditions: ["false"]\nsteps: [{id: a, run: "true"}]'
    )
    assert status is RunStatus.ABORTED
    assert nodes == {"a": NodeStatus.NOT_STARTED}
    assert not error


async def test_no_record_and_no_work_directory_stay(tmp_path: Path) -> None:
    await _dry(tmp_path, 'steps: [{id: a, run: "true"}]')
    assert not (tmp_path / "home/data/edge.db").exists()
    assert list((tmp_path / "home/data").rglob("root")) == []


async def test_no_artifact_directory_stays(tmp_path: Path) -> None:
    """spec 12 section 15: nothing happens; also for a DAG that has artifacts (section 18)."""
    text = "steps: [{id: a, run: 'true', stdout: {artifact: o.txt}}]"
    status, _, error = await _dry(tmp_path, text)
    assert (status, error) == (RunStatus.SUCCEEDED, "")
    artifacts = _settings(tmp_path).paths.artifact_dir
    assert not artifacts.exists() or list(artifacts.iterdir()) == []


async def test_a_cycle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cyclic plan detected"):
        await _dry(
            tmp_path,
            "steps: [{id: a, run: x, depends: b}, {id: b, run: x, depends: a}]",
        )
