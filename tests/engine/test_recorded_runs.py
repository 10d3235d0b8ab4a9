"""Our engine against recorded runs of the reference (tests/data/runs)."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from edge.config.log import get_logger
from edge.core.clock import SystemClock
from edge.core.ids import RunRef
from edge.core.record import NodeRecord
from edge.engine.processes import Spawner
from edge.engine.run_outputs import outputs_document, run_outputs
from edge.engine.runner import Runner
from edge.workflow.load import load_dag
from tests.engine.helpers import RecordingReporter, make_spec, read
from tests.processes import command, live_members

DATA = Path(__file__).parent.parent / "data" / "runs"
EXPECTED = {
    probe["name"]: probe
    for probe in map(json.loads, (DATA / "expected.jsonl").read_text().splitlines())
}
#: timers of edge run this much faster; the steps' own clocks do not
_RATE = 10.0
#: where a limit must come after what the steps do before it, also on a busy machine
_SLOW_RATE = 1.5
_SLOW = {"to-dag", "to-retry", "dag-in-init-timeout", "stop-signal", "stop-trap", "stop-escalate"}

PLAIN = (
    "st-ok st-fail st-skip-all st-partial st-tolerated-only st-tolerated-and-skipped st-mark"
    " st-mark-alone-flag co-exit co-output co-skipped co-in-order pre-dag-notmet pre-dag-err"
    " pre-step-multi pre-negate init-fail succ-fail exit-fail fail-fail partial-succfail h-pre"
    " retry-fixed retry-backoff retry-strings to-step to-step-cont to-dag to-retry delay maxactive"
    " chain multi merged h-timeout cond-retry-exit-lists graph-diamond env-order"
    " dag-in-init-timeout stderr-tail h-outputs2 outfile outfile-undecl big-output outputs-json"
    " retry-counter-step h-retry"
    " rep-while-cond rep-until-expected rep-while-exit rep-until-exit rep-true-limit rep-backoff"
    " rep-retry router1 human-root appr"
).split()
#: probe -> how the run is stopped; the recording's own command
STOPPED = {
    "stop-plain": "stop",
    "stop-trap": "stop",
    "stop-signal": "stop",
    "stop-sig-TERM": "signal",
    "stop-retrywait": "stop",
    "stop-repeat": "stop",
    "stop-escalate": "stop",
    "stop-grandchild-group": "stop",
}
#: what the README of the recordings or the spec says is different on purpose
DIFFERENT = {
    "big-output": {"a": {"error": "output exceeded maximum size limit of 1000 bytes"}},
    "stop-escalate": {"a": {"stdout": None, "error": "signal: killed"}},
    # The recording waited 18 s for a second `sleep` that outlived the trap; here SIGKILL ends it.
    "stop-signal": {"b": {"error": None}},
}


def _dag_text(probe: str) -> str:
    return (DATA / EXPECTED[probe]["dag"]).read_text()


def _run(probe: str, folder: Path, *, stop: bool = False) -> tuple[Runner, int, RecordingReporter]:
    dag = load_dag(_dag_text(probe), default_name=Path(EXPECTED[probe]["dag"]).stem)
    reporter = RecordingReporter()
    spec = make_spec(dag, folder, run_id=f"run-{probe}")
    assert spec.ref == RunRef(dag.name, f"run-{probe}")
    runner = Runner(
        spec, reporter=reporter, spawner=Spawner(None), clock=SystemClock(), log=get_logger()
    )

    async def main() -> int:
        async with trio.open_nursery() as nursery:
            if stop:
                nursery.start_soon(_stop_when_busy, runner, probe)
            result = await runner.run()
            nursery.cancel_scope.cancel()
        return result.exit_code

    rate = _SLOW_RATE if probe in _SLOW else _RATE
    with_clock = MockClock(rate=rate) if probe != "stop-retrywait" else None
    return runner, trio.run(main, clock=with_clock), reporter


async def _stop_when_busy(runner: Runner, probe: str) -> None:
    final = EXPECTED[probe]["final"]["nodes"]
    stopped = [
        node
        for node, wanted in zip(runner.record.nodes, final, strict=True)
        if wanted["status"] == "aborted" or "repeatPolicy" in node.step
    ]
    while not all(map(_is_busy, stopped)):  # noqa: ASYNC110  processes change it
        await trio.sleep(0.1)
    runner.request_stop(signal.SIGTERM, allow_override=STOPPED[probe] == "stop")


def _is_busy(node: NodeRecord) -> bool:
    """Tell whether a node waits for its retry, or for its `sleep`, which comes after the traps."""
    if node.pgid is None:
        return node.retry_count > 0
    return "sleep" in map(command, live_members(node.pgid))


def _normal(text: str) -> str:
    text = re.sub(r"timed out after \S+ ", "timed out after <d> ", text)
    text = re.sub(r"/srv/dagu-runs/\S*|/tmp/\S*", "<path>", text)
    return re.sub(r"\b\d{9,}(\.\d+)?\b", "<time>", text)


def _summary(node: NodeRecord, expected: dict[str, object]) -> dict[str, object]:
    """Return the members of a node that the recording has, in its form."""
    found: dict[str, object] = {"name": node.name, "status": node.status.word}
    if node.error:
        found["error"] = _normal(node.error)
    for name, value in (
        ("retryCount", node.retry_count),
        ("doneCount", node.done_count),
        ("repeated", node.is_repeated),
        ("outputVariables", node.output_variables),
        ("outputValue", node.output_value),
        ("outputsValue", node.outputs_value),
        ("stepOutputsValue", node.step_outputs_value),
    ):
        if value:
            found[name] = value
    conditions = node.step.get("preconditions")
    if isinstance(conditions, list) and "preconditionErrors" in expected:
        found["preconditionErrors"] = [
            entry.get("error", "") for entry in conditions if isinstance(entry, dict)
        ]
    if node.stdout:
        found["stdout"] = _normal(read(node.stdout))
        if node.stderr != node.stdout and "stderr" in expected:
            found["stderr"] = read(node.stderr)
    return found


def _wanted(expected: dict[str, object]) -> dict[str, object]:
    wanted = dict(expected)
    wanted.pop("merged", None)
    wanted.pop("handler", None)
    for name in ("error", "stdout"):
        if isinstance(wanted.get(name), str):
            wanted[name] = _normal(str(wanted[name]))
    return wanted


def _drop_environment(text: object) -> object:
    """Leave out names of the wiki, which edge has not, and of the recording's home."""
    if not isinstance(text, str):
        return text
    gone = {"DAG_DOCS_DIR", "DAG_WIKI_DIR", "DAGU_HOME", "DAGU_EXECUTABLE"}
    return "\n".join(line for line in text.split("\n") if line not in gone)


def _sorted_lines(text: object) -> object:
    return sorted(text.split("\n")) if isinstance(text, str) else text


def _compare(probe: str, node: NodeRecord, expected: dict[str, object]) -> None:
    found, wanted = _summary(node, expected), _wanted(expected)
    for name, value in DIFFERENT.get(probe, {}).get(node.name, {}).items():
        wanted.pop(name, None)
        if value is None:
            found.pop(name, None)
        else:
            wanted[name] = value
    if probe == "env-order":
        found["stdout"] = _drop_environment(found.get("stdout"))
        wanted["stdout"] = _drop_environment(wanted.get("stdout"))
    if probe == "merged" and expected.get("merged"):
        found["stdout"] = _sorted_lines(found["stdout"])
        wanted["stdout"] = _sorted_lines(wanted["stdout"])
    assert found == wanted


def _check(probe: str, runner: Runner, exit_code: int) -> None:
    expected = EXPECTED[probe]
    final, record = expected["final"], runner.record
    for node, wanted in zip(record.nodes, final["nodes"], strict=True):
        _compare(probe, node, wanted)
    assert record.status.word == final["runStatus"]
    assert exit_code == expected["commands"][0]["exit"]
    ran = [
        key
        for key in ("onInit", "onWait", "onSuccess", "onFailure", "onAbort", "onExit")
        if key in record.handlers and record.handlers[key].started_ms
    ]
    assert ran == [entry["handler"] for entry in final["handlers"]]
    for wanted in final["handlers"]:
        _compare(probe, record.handlers[wanted["handler"]], wanted)
    outputs = final.get("outputsJson", {"outputs": {}})
    assert run_outputs(record) == outputs["outputs"]
    document = outputs_document(record)
    assert (document is None) is ("outputsJson" not in final)
    if document is not None:
        found, wanted = document["metadata"], outputs["metadata"]
        assert isinstance(found, dict)
        assert found.keys() == wanted.keys()
        assert found.get("params") == wanted.get("params")
    if "preconditionErrors" in final:
        errors = [entry.get("error", "") for entry in record.preconditions]
        assert errors == final["preconditionErrors"]


@pytest.mark.parametrize("probe", PLAIN)
def test_runs_as_recorded(probe: str, tmp_path: Path) -> None:
    """spec 12 sections 4 to 9 and spec 12 section 11."""
    runner, exit_code, reporter = _run(probe, tmp_path)
    _check(probe, runner, exit_code)
    assert reporter.order[0] == "opened"
    assert reporter.order[-1] == "finished"


@pytest.mark.parametrize("probe", sorted(STOPPED))
def test_stops_as_recorded(probe: str, tmp_path: Path) -> None:
    runner, exit_code, _ = _run(probe, tmp_path, stop=True)
    _check(probe, runner, exit_code)
