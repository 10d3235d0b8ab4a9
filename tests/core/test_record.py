"""The run record as JSON: spec 12 section 17."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.ids import RunRef
from edge.core.record import NodeRecord, RunRecord
from edge.core.status import NodeStatus, RunStatus, TriggerType, display_status


def _record() -> RunRecord:
    return RunRecord(
        name="pump",
        run_id="r1",
        attempt_id="4be01c",
        root=RunRef("pump", "r1"),
        status=RunStatus.PARTIALLY_SUCCEEDED,
        trigger_type=TriggerType.MANUAL,
        nodes=[NodeRecord(step={"name": "read"}, status=NodeStatus.SUCCEEDED, done_count=1)],
        handlers={"onExit": NodeRecord(step={"name": "onExit"})},
        created_ms=1_795_373_838_272,
        started_ms=1_795_373_837_000,
        params_list=["site=a"],
    )


def test_members_that_are_always_present() -> None:
    data = RunRecord(name="a", run_id="r", attempt_id="1").to_json()
    assert data == {
        "name": "a",
        "dagRunId": "r",
        "attemptId": "1",
        "status": 0,
        "pendingStepRetries": None,
    }
    assert NodeRecord(step={"name": "x"}).to_json() == {
        "step": {"name": "x"},
        "stdout": "",
        "stderr": "",
        "startedAt": "",
        "finishedAt": "",
        "status": 0,
    }


def test_round_trip() -> None:
    data = _record().to_json()
    assert RunRecord.from_json(data).to_json() == data
    assert data["status"] == 6
    assert data["triggerType"] == 2


def test_unknown_members_survive() -> None:
    data = _record().to_json()
    data["fromTomorrow"] = {"a": [1, 2]}
    nodes = data["nodes"]
    assert isinstance(nodes, list)
    assert isinstance(nodes[0], dict)
    nodes[0]["fromTomorrow"] = "x"
    assert RunRecord.from_json(data).to_json() == data


def test_older_names_are_read() -> None:
    data = _record().to_json()
    data["onCancel"] = {"step": {"name": "onCancel"}, "status": 0}
    assert "onAbort" in RunRecord.from_json(data).handlers


@pytest.mark.parametrize(
    ("key", "value"),
    [("status", "1"), ("nodes", 3), ("startedAt", "yesterday"), ("root", []), ("name", 1)],
)
def test_wrong_types_name_the_member(key: str, value: object) -> None:
    data = _record().to_json()
    data[key] = value  # type: ignore[assignment]
    with pytest.raises(ValueError, match=key):
        RunRecord.from_json(data)


def test_dash_is_no_time() -> None:
    data = _record().to_json()
    data["finishedAt"] = "-"
    assert RunRecord.from_json(data).finished_ms is None


@given(st.integers(min_value=0, max_value=4_000_000_000))
def test_times_keep_whole_seconds(second: int) -> None:
    node = NodeRecord(step={"name": "x"}, started_ms=second * 1000)
    assert NodeRecord.from_json(node.to_json()).started_ms == second * 1000


def test_five_means_two_things() -> None:
    assert RunStatus(5).word == "queued"
    assert NodeStatus(5).word == "skipped"
    assert NodeStatus.SKIPPED.is_done
    assert not RunStatus.QUEUED.is_final
    assert display_status("partially_succeeded") == "Partially Succeeded"
