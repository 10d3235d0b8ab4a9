"""What a worker makes of a task: spec 20 section 5.3."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest

from edge.cluster.taskrun import plan_task, scratch_dir
from edge.cluster.wire import pb
from edge.core.errors import EdgeError, UserError
from tests.cluster.fakes import start_task


def _refusal(**members: Any) -> str:
    with pytest.raises(EdgeError) as error:
        plan_task(start_task(**members), "")
    return error.value.message


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ({"operation": 0}, "unsupported operation: OPERATION_UNSPECIFIED"),
        ({"operation": 9}, "unsupported operation: 9"),
        ({"workspace_bundle_digest": "x"}, "workspace bundles are not supported"),
        ({"operation": pb.OPERATION_RETRY}, "retry requires previous_status in task"),
        ({"step": "a"}, "step retries on workers are not supported"),
        ({"parent_dag_run_id": "p"}, "sub-DAG runs on workers are not supported"),
        ({"profile_name": "p"}, "profiles are not supported"),
    ],
)
def test_what_cannot_be_run_is_named(members: dict[str, Any], text: str) -> None:
    assert _refusal(**members).startswith(text)


def test_a_broken_definition_is_told_without_paths() -> None:
    text = _refusal(definition="steps:\n  - id: a\n    depends: nope\n    run: x\n")
    assert text.startswith('failed to load DAG "hello": ')
    assert "nope" in text
    assert "/tmp" not in text


def test_the_first_run_of_a_queued_run_is_a_retry() -> None:
    previous = {"name": "hello", "status": 5, "paramsList": ["A=b c"], "nodes": []}
    status = pb.DAGRunStatusProto(json_data=json.dumps(previous))
    plan = plan_task(start_task(operation=pb.OPERATION_RETRY, previous_status=status), "")
    assert plan.params.as_list() == ["A=b c"]
    begun = {**previous, "nodes": [{"step": {"name": "a"}, "status": 4}]}
    status = pb.DAGRunStatusProto(json_data=json.dumps(begun))
    text = _refusal(operation=pb.OPERATION_RETRY, previous_status=status)
    assert text.startswith("retries on workers are not supported")


def test_the_name_of_the_run_is_the_target() -> None:
    plan = plan_task(start_task(definition="name: other\nsteps:\n  - run: 'true'\n"), "")
    assert plan.dag.name == "hello"


def test_the_base_configuration_of_the_task_wins() -> None:
    own = "max_active_steps: 7\n"
    assert plan_task(start_task(), own).dag.max_active_steps == 7
    sent = start_task(base_config="max_active_steps: 4\n")
    assert plan_task(sent, own).dag.max_active_steps == 4


def test_the_scratch_directory_is_ours(tmp_path: Path) -> None:
    root = Path(tempfile.gettempdir())
    found = scratch_dir("pi@77", "r1", "a1")
    assert found == root / "edge" / "worker-logs" / "pi_77" / "r1" / "a1"
    assert (root / "edge").stat().st_mode & 0o777 == 0o700
    (root / "edge").rmdir()
    # A link of somebody else's making is not followed.
    (root / "edge").symlink_to(tmp_path)
    found = scratch_dir("pi@77", "r1", "a1")
    assert found.parents[3] == root / f"edge-{os.geteuid()}"
    (root / f"edge-{os.geteuid()}").rmdir()
    (root / f"edge-{os.geteuid()}").write_text("")
    with pytest.raises(UserError, match="no directory of our own"):
        scratch_dir("pi@77", "r1", "a1")
