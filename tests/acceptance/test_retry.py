"""`retry` and `restart` as a user runs them (spec 30 section 1.8, spec 12 section 15)."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.edge_home import Edge

_RUNS = Path(__file__).parents[1] / "data/runs"
_PROBES = {
    probe["name"]: probe
    for probe in map(json.loads, (_RUNS / "expected.jsonl").read_text().splitlines())
}
_REFUSED = {
    # refused before anything changes (spec 30 section 1.8)
    "failed to setup execution plan: missing node in execution plan: nope": (
        'step "nope" not found in DAG-run run-retry-missing-step'
    ),
}
#: probe -> number of the command -> members of the run that differ, with the section that says so
_DIFFERENT: dict[str, dict[int, dict[str, object]]] = {
    # spec 12 section 8: a step that succeeds beside older failures leaves the run failed
    "retry-step": {1: {"runStatus": "failed"}},
}


@pytest.fixture
def edge(tmp_path: Path) -> Edge:
    return Edge(tmp_path)


def _record(edge: Edge, name: str, run_id: str) -> dict[str, Any]:
    done = edge("status", "--json", "-r", run_id, name)
    assert done.code == 0, done.err
    found: dict[str, Any] = json.loads(done.out)
    return found


def _state(record: dict[str, Any]) -> dict[str, object]:
    words = (
        "not_started running failed aborted succeeded skipped partially_succeeded waiting rejected"
    ).split()
    nodes = []
    for node in record["nodes"]:
        shown = {"name": node["step"]["name"], "status": words[node["status"]]}
        for member in ("error", "retryCount", "doneCount", "skippedByRetry", "outputVariables"):
            if member in node:
                shown[member] = node[member]
        if node["stdout"]:
            path = Path(node["stdout"])
            shown["stdout"] = path.read_text() if path.exists() else ""
        nodes.append(shown)
    runs = ["not_started", "running", "failed", "aborted", "succeeded"]
    return {
        "runStatus": runs[record["status"]],
        "triggerType": record["triggerType"],
        "nodes": nodes,
        "handlers": [
            key
            for key in ("onInit", "onSuccess", "onFailure", "onAbort", "onExit")
            if record.get(key, {}).get("startedAt")
        ],
    }


def _wanted(state: dict[str, Any], ours: dict[str, object]) -> dict[str, object]:
    nodes = [
        {key: value for key, value in node.items() if key != "preconditionErrors"}
        for node in state["nodes"]
    ]
    wanted = {
        "runStatus": state["runStatus"],
        "triggerType": state["triggerType"],
        "nodes": nodes,
        "handlers": [entry["handler"] for entry in state["handlers"]],
    }
    return wanted | {key: value for key, value in ours.items() if key in wanted}


def _act(edge: Edge, action: str) -> None:
    assert action == 'create file "go" in the work directory of the run'
    (folder,) = (edge.home / "data/dag-run-work").glob("*/*/root")
    (folder / "go").touch()


@pytest.mark.parametrize(
    "probe", ["retry-full", "retry-step", "retry-downstream", "retry-missing-step"]
)
def test_as_recorded(probe: str, edge: Edge) -> None:
    """spec 12 section 15: each command of the recording, and the state after it."""
    recorded = _PROBES[probe]
    file = Path(recorded["dag"]).name
    shutil.copyfile(_RUNS / recorded["dag"], edge.home / "dags" / file)
    name, run_id = Path(file).stem, f"run-{probe}"
    for number, item in enumerate(recorded["commands"]):
        if "action" in item:
            _act(edge, item["action"])
            continue
        words = item["command"].split()[1:]
        words[-1] = Path(words[-1]).stem
        done = edge(*words)
        assert done.code == item["exit"], done.err
        said = [line for line in done.err.splitlines() if line.startswith("Error: ")]
        for theirs, ours in zip(item["stderr"], said, strict=True):
            tail = theirs.rpartition("): ")[2]
            wanted = f"Error: {_REFUSED[tail]}" if tail in _REFUSED else theirs
            # Of two steps that fail at the same time either may be the last one.
            assert re.sub(r"status \d", "status", ours) == re.sub(r"status \d", "status", wanted)
        if "state" in item:
            different = _DIFFERENT.get(probe, {}).get(number, {})
            found = _state(_record(edge, name, run_id))
            assert found == _wanted(item["state"], different), f"after {item['command']}"


def test_a_new_attempt_takes_over_what_the_run_is(edge: Edge) -> None:
    """spec 12 section 15: same id, snapshot, params, times and scheduler log; logs of its own."""
    text = "params: [P: one]\nlabels: [x]\nsteps: [{id: a, run: 'echo $P; exit 3'}]\n"
    edge.dag("again", text)
    assert edge("start", "-r", "r1", "-p", "P=two", "again").code == 1
    first = _record(edge, "again", "r1")
    edge.dag("again", "steps: [{id: other, run: 'true'}]\n")
    done = edge("retry", "-r", "r1", "again")
    assert done.code == 1
    second = _record(edge, "again", "r1")
    for member in ("createdAt", "log", "params", "paramsList", "labels", "workingDir", "dagRunId"):
        assert second[member] == first[member], member
    assert second["attemptId"] != first["attemptId"]
    assert second["triggerType"] == 5
    old, new = (Path(record["nodes"][0]["stdout"]) for record in (first, second))
    assert old.parent != new.parent
    assert old.read_text() == new.read_text() == "two\n"
    assert f"retry-target-attempt-id={first['attemptId']}" in done.err


def test_a_live_run_is_not_retried(edge: Edge) -> None:
    """spec 12 section 1: the text names the socket of the process that runs it."""
    edge.dag("nap", "steps: [{id: doze, run: sleep 60}]\n")
    with edge.start("start", "-r", "n1", "nap") as running:
        _until_busy(edge, "n1")
        done = edge("retry", "-r", "n1", "nap")
        assert done.code == 1
        socket = edge.root / "run" / "edge" / f"edge-{running.pid}.sock"
        assert done.err.endswith(f"Error: already running. dag-run ID=n1, socket={socket}\n")
        running.send_signal(signal.SIGTERM)


def _until_busy(edge: Edge, run_id: str) -> None:
    limit = time.monotonic() + 30
    while time.monotonic() < limit:
        done = edge("status", "--json", "-r", run_id, "nap")
        if done.code == 0 and json.loads(done.out)["nodes"][0]["status"] == 1:
            return
        time.sleep(0.1)
    pytest.fail("the run does not start")


def test_restart_stops_the_run_and_runs_it_again(edge: Edge) -> None:
    """spec 30 section 1.8: a new id, the same params, no trigger; a good end has no summary.

    Before there is a run, and after it has ended, there is nothing to restart.
    """
    edge.dag("nap", "params: [S: '1']\nrestart_wait_sec: 1\nsteps: [{id: doze, run: sleep $S}]\n")
    done = edge("restart", "nap")
    assert done.err == (
        "Error: failed to find the latest execution history for DAG nap: no status data\n"
    )
    with edge.start("start", "-r", "n1", "-p", "S=3", "nap") as running:
        _until_busy(edge, "n1")
        done = edge("restart", "nap")
        assert done.code == 0, done.err
        assert done.out == ""
        assert 'msg="Stopping DAG" dag=nap' in done.err
        assert 'msg="Dag-run restart initiated" dag=nap' in done.err
        assert running.wait(timeout=10) == 0
        assert isinstance(running, subprocess.Popen)
    assert _record(edge, "nap", "n1")["status"] == 3
    new = json.loads(edge("status", "--json", "nap").out)
    assert (new["status"], new["paramsList"]) == (4, ["S=3"])
    assert new["dagRunId"] != "n1"
    assert "triggerType" not in new
    done = edge("restart", "-r", "n1", "nap")
    assert (done.code, done.err) == (1, "Error: DAG nap is not running, current status: aborted\n")
    done = edge("restart", "-r", "n9", "nap")
    assert done.err == (
        "Error: failed to find the run for dag-run ID n9: dag-run ID not found: n9\n"
    )


def test_a_selector_is_refused(edge: Edge) -> None:
    """spec 12 section 15: cannot retry with workerSelector via CLI."""
    edge.dag("far", "worker_selector: {a: b}\nsteps: [{id: a, run: exit 1}]\n")
    assert edge("start", "-r", "f1", "far").code == 1
    done = edge("retry", "-r", "f1", "far")
    assert done.err.endswith(
        "Error: cannot retry DAG \"far\" with workerSelector via CLI; use 'edge enqueue' for"
        " distributed execution\n"
    )
