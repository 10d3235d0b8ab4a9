"""Actions of this process against recorded runs of the reference (tests/data/runs)."""

from __future__ import annotations

import dataclasses
import json
import re
import signal
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from edge.config.log import get_logger
from edge.core.clock import SystemClock
from edge.engine.processes import Spawner
from edge.engine.runner import Runner
from edge.engine.state import StoreState
from edge.store import Store
from edge.store.writer import StoreWriter
from edge.workflow.load import load_dag
from tests.engine.helpers import RecordingReporter, make_runner, make_spec, read, run_to_end

DATA = Path(__file__).parent.parent / "data" / "runs"
EXPECTED = {
    probe["name"]: probe
    for probe in map(json.loads, (DATA / "expected.jsonl").read_text().splitlines())
}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z")
#: places of the recording's machine
_WORK, _HOME = "/srv/dagu-runs/w", "/srv/dagu-runs/home/data/artifacts/art"


def _normal(text: str, folder: Path) -> str:
    text = text.replace(str(folder / "w"), _WORK).replace(str(folder / "artifacts"), "<artifacts>")
    return _TIME.sub("<time>", re.sub(rf"{_HOME}/\S+", "<artifacts>", text))


# spec 13 section 9 (seq-file), spec 13 section 11 (t-func2), spec 13 section 12 (s-all),
# spec 13 section 7 (j-ok),
# spec 12 section 18 (art)
@pytest.mark.parametrize("probe", ["seq-file", "t-func2", "art", "s-all", "j-ok"])
async def test_as_recorded(probe: str, tmp_path: Path) -> None:
    expected = EXPECTED[probe]
    (tmp_path / "w").mkdir()
    text = (DATA / expected["dag"]).read_text().replace(_WORK, str(tmp_path / "w"))
    if probe == "art":
        # one lists what the other makes: here in the order of the recording
        text = "type: chain\n" + text
    dag = load_dag(text, default_name=probe)
    store = Store.open(tmp_path / "edge.db")
    spec = make_spec(dag, tmp_path, run_id=f"run-{probe}")
    runner = Runner(
        dataclasses.replace(spec, state=StoreState(StoreWriter(store))),
        reporter=RecordingReporter(),
        spawner=Spawner(None),
        clock=SystemClock(),
        log=get_logger(),
    )
    await run_to_end(runner)
    store.close()
    found = [
        {
            "name": node.name,
            "status": node.status.word,
            **({"error": _normal(node.error, tmp_path)} if node.error else {}),
            "stdout": _normal(read(node.stdout), tmp_path),
        }
        for node in runner.record.nodes
    ]
    wanted = expected["final"]["nodes"]
    for node in wanted:
        node.pop("doneCount", None)
        for key in ("error", "stdout"):
            if key in node:
                node[key] = _normal(node[key], tmp_path)
    assert found == wanted
    assert runner.record.status.word == expected["final"]["runStatus"]


async def test_a_stream_goes_to_its_artifact_too(tmp_path: Path) -> None:
    """spec 12 section 18: stdout.artifact, stderr.artifact."""
    text = """
    steps:
      - {id: a, run: "echo o; echo e >&2", stdout: {artifact: d/o.txt}, stderr: {artifact: e.txt}}
      - {id: b, run: "true", stdout: {artifact: "${env.P}/x"}, env: {P: "/abs"}}
    """
    runner = make_runner(text, tmp_path)
    await run_to_end(runner)
    assert (tmp_path / "artifacts" / "d" / "o.txt").read_text() == "o\n"
    assert (tmp_path / "artifacts" / "e.txt").read_text() == "e\n"
    assert read(runner.record.nodes[0].stdout) == "o\n"
    assert runner.record.nodes[1].error == "failed to setup outputs: artifact path must be relative"
    assert runner.record.archive_dir == str(tmp_path / "artifacts")


@pytest.mark.parametrize(
    ("extra", "error"),
    [
        ("timeout_sec: 1", re.compile(r"step timed out after \S+ \(timeout: 1s\).*")),
        ("", re.compile("context canceled")),
    ],
)
async def test_waiting_ends_by_timeout_or_stop(
    tmp_path: Path, autojump_clock: MockClock, extra: str, error: re.Pattern[str]
) -> None:
    """spec 13 section 14: a timeout gives the usual step-timeout text and 124."""
    text = f"""
    steps:
      - id: a
        action: wait.duration
        with: {{duration: 100h}}
        {extra}
    """
    runner = make_runner(text, tmp_path)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(runner.run)
        if not extra:
            await trio.sleep(5)
            runner.request_stop(signal.SIGTERM, allow_override=True)
    node = runner.record.nodes[0]
    assert error.fullmatch(node.error)
    assert (node.status.word, node.exit_code) == (("failed", 124) if extra else ("aborted", 1))


async def test_short_work_is_left_alone_by_a_stop_and_ended_by_a_kill(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    """spec 13 section 1.4: it ignores stop signals; what goes on for ever is killed."""
    text = """
    max_clean_up_time_sec: 30
    steps:
      - {id: a, action: jq.filter, with: {filter: "last(repeat(1))", data: 1}}
    """
    runner = make_runner(text, tmp_path)
    started = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(runner.run)
        await trio.sleep(1)
        runner.request_stop(signal.SIGTERM, allow_override=True)
    node = runner.record.nodes[0]
    assert (node.status.word, node.error) == ("aborted", "context canceled")
    assert trio.current_time() - started >= 30
