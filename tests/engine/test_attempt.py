"""Files and first record of an attempt (spec 12 sections 8, 13, 17, 18)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edge.config.settings import load_settings
from edge.core.clock import from_ms
from edge.core.ids import RunRef, run_dir_hash
from edge.core.status import NodeStatus, RunStatus
from edge.engine.attempt import AttemptResult, new_record, run_files
from edge.engine.environment import run_scope
from tests.engine.helpers import make_dag, make_spec

_AT_MS = 1_795_373_837_195


def test_files_lie_where_the_reference_has_them(tmp_path: Path) -> None:
    settings = load_settings(environ={}, home=str(tmp_path))
    ref = RunRef("my dag", "0123456789")
    files = run_files(settings, make_dag("name: t"), ref, "4be01c", _AT_MS)
    run_dir = settings.paths.log_dir / "my_dag" / "dag-run_20261122_185717Z_0123456789"
    local = f"{from_ms(_AT_MS):%Y%m%d.%H%M%S}.195"
    assert files.log == run_dir / f"dag-run_{local}.01234567.log"
    assert files.step_log_dir == run_dir / "run_20261122_185717Z_4be01c"
    work = settings.paths.data_dir / "dag-run-work"
    assert files.work_dir.relative_to(work).parts[1:] == (run_dir_hash("0123456789"), "root")
    assert re.fullmatch(r"my_dag-[0-9a-f]{4}", files.work_dir.relative_to(work).parts[0])


def test_a_dag_may_have_its_own_log_directory(tmp_path: Path) -> None:
    settings = load_settings(environ={}, home=str(tmp_path))
    dag = make_dag(f"log_dir: {tmp_path}/mine")
    files = run_files(settings, dag, RunRef("t", "r"), "a", _AT_MS)
    assert files.log.is_relative_to(tmp_path / "mine" / "t")


# spec 12 section 18: <artifact_dir or artifacts.dir>/<SafeName>/dag-run_<UTC ts>_<runId>/
@pytest.mark.parametrize(
    ("own", "base", "folder"),
    [
        ("", "", "data/artifacts"),
        ("", "/base", "data/artifacts"),
        ("mine", "/base", "/base/mine"),
        ("/abs", "/base", "/abs"),
        ("mine", "", f"{Path.cwd()}/mine"),
    ],
)
def test_the_artifact_directory(tmp_path: Path, own: str, base: str, folder: str) -> None:
    settings = load_settings(environ={}, home=str(tmp_path))
    dag = make_dag(f"artifacts: {{enabled: true, dir: '{own}'}}")
    ref = RunRef("my dag", "r")
    found = run_files(settings, dag, ref, "a", _AT_MS, artifact_base=base).artifact_dir
    assert found == tmp_path / folder / "my_dag" / "dag-run_20261122_185717Z_r"


# spec 12 section 18: exported only when artifacts are on
@pytest.mark.parametrize(
    ("text", "is_on"), [("artifacts: {enabled: true}", True), ("name: t", False)]
)
def test_artifacts_are_off_until_needed(tmp_path: Path, text: str, is_on: bool) -> None:
    spec = make_spec(make_dag(text), tmp_path)
    expected = f"{tmp_path}/artifacts" if is_on else ""
    assert spec.artifact_dir == new_record(spec).archive_dir == expected
    scope = run_scope(spec, _AT_MS)
    assert scope.context.get("paths.artifacts_dir", "") == expected
    assert scope.environ().get("DAG_RUN_ARTIFACTS_DIR", "") == expected


def test_a_new_record_lists_every_node_and_the_configured_handlers(tmp_path: Path) -> None:
    text = """
    params: P=1
    preconditions: ["true", {condition: a, expected: b}]
    handler_on: {exit: {run: x}}
    steps: [{id: a, run: x}, {id: b, run: x, depends: a}]
    """
    record = new_record(make_spec(make_dag(text), tmp_path))
    assert [node.name for node in record.nodes] == ["a", "b"]
    assert {node.status for node in record.nodes} == {NodeStatus.NOT_STARTED}
    assert list(record.handlers) == ["onExit"]
    assert (record.params, record.params_list) == ("P=1", ["P=1"])
    assert record.preconditions == [{"condition": "true"}, {"condition": "a", "expected": "b"}]
    assert record.status is RunStatus.NOT_STARTED
    assert record.root == record.ref


def test_the_exit_code_mirrors_the_error_not_the_status() -> None:
    assert AttemptResult(RunStatus.ABORTED).exit_code == 0
    assert AttemptResult(RunStatus.PARTIALLY_SUCCEEDED, "exit status 1").exit_code == 1
