"""Loops over items: recorded runs of the reference, and what edge adds to them."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest
import trio

from edge.core.record import NodeRecord
from edge.core.status import NodeStatus, RunStatus
from edge.engine.runner import Runner
from edge.workflow.load import load_dag
from tests.engine.helpers import make_runner, read, run_to_end, runner_of
from tests.engine.world import make_world, until

DATA = Path(__file__).parent.parent / "data" / "runs"
RUNS = {
    probe["name"]: probe
    for probe in map(json.loads, (DATA / "expected.jsonl").read_text().splitlines())
}


def _summary(node: NodeRecord) -> dict[str, Any]:
    data = node.to_json()
    found = {"name": node.name, "status": node.status.word}
    members = ("error", "doneCount", "outputVariables", "outputValue", "statusDetails")
    found |= {name: data[name] for name in members if data.get(name)}
    return found | ({"stdout": read(node.stdout)} if node.stdout else {})


def _loop(items: str, body: str = "{id: s, run: echo hi}", more: str = "") -> str:
    return f"steps:\n  - id: f\n    foreach: {{items: {items}, steps: [{body}]{more}}}\n"


async def _run(folder: Path, text: str) -> Runner:
    runner = make_runner(text, folder)
    await run_to_end(runner)
    return runner


@pytest.mark.parametrize("probe", ["fe-fail", "fe-key", "fe-partial", "foreach-outputs"])
async def test_loops_are_as_recorded(probe: str, tmp_path: Path) -> None:
    """spec 12 section 12, spec 11 section 8.7: results, statuses, `statusDetails`."""
    expected = RUNS[probe]
    dag = load_dag((DATA / expected["dag"]).read_text(), default_name=probe)
    runner = runner_of(dag, tmp_path)
    result = await run_to_end(runner)
    assert result.exit_code == expected["commands"][0]["exit"]
    assert runner.record.status.word == expected["final"]["runStatus"]
    found = [_summary(node) for node in runner.record.nodes]
    assert found == expected["final"]["nodes"]


# spec 11 section 8.7 and spec 12 section 12: what `items`, `as`, `key` and `collect` give
@pytest.mark.parametrize(
    ("loop", "items"),
    [
        (_loop("[]"), []),
        (_loop("'[1, \"a\"]'", more=", collect: {v: '${foreach.item}'}"), ["1", "a"]),
        (_loop("[null, 1.5, true]", more=", collect: {v: '${foreach.item}'}"),
         ["<nil>", "1.5", "true"]),
        (_loop("[{n: {m: 1}}]", more=", as: it, collect: {v: '${foreach.it.n}'}"), ['{"m":1}']),
        (_loop("[a, b]", more=", key: 'k-${foreach.item}', collect: {v: '${foreach.key}'}"),
         ["k-a", "k-b"]),
        (_loop("[a, b]", "{id: s, run: 'echo ${foreach.index}', output: O}",
               ", collect: {v: '${s.output} $O'}"), ["0 $O", "1 $O"]),
        (_loop("[a]", "{id: s, run: 'echo x=${foreach.item} >> $DAGU_OUTPUT_FILE',"
               " outputs: [{name: x}]}, {id: t, depends: s, output: O,"
               " run: 'echo ${steps.s.outputs.x}'}", ", collect: {v: '${t.output}'}"), ["a"]),
    ],
)  # fmt: skip
async def test_what_a_body_sees_and_collects(loop: str, items: list[str], tmp_path: Path) -> None:
    """spec 11 section 8.7: item scopes."""
    runner = await _run(tmp_path, loop)
    found = json.loads(read(runner.record.nodes[0].stdout))
    assert [item.get("v") for item in found["outputs"]] == items
    assert found["summary"] == {"total": len(items), "succeeded": len(items), "failed": 0}


# spec 11 section 8.7 and spec 12 section 12: errors before any body starts
@pytest.mark.parametrize(
    ("loop", "error"),
    [
        (_loop("'nothing'"), "foreach.items string must resolve to a JSON array: "),
        (_loop("'{\"a\": 1}'"), "foreach.items string must resolve to a JSON array"),
        (_loop("[a, a]", more=", key: '${foreach.item}'"),
         'duplicate foreach item key "a" at item 1; first seen at item 0'),
        (_loop("[a]", more=", key: '${foreach.none}'"),
         "foreach.key resolved with unresolved reference for item 0: ${foreach.none}"),
        (_loop("['']", more=", key: '${foreach.item}'"),
         "foreach.key resolved to an empty text for item 0"),
        (_loop("[a]", "{id: s, run: echo, approval: {prompt: go?}}"),
         "approval in foreach.steps is not available in this build of edge"),
        (_loop(str(list(range(1001)))), "foreach.items exceeds maximum limit of 1000"),
    ],
)  # fmt: skip
async def test_items_that_cannot_be_used(loop: str, error: str, tmp_path: Path) -> None:
    """spec 12 section 12: texts."""
    runner = await _run(tmp_path, loop)
    node = runner.record.nodes[0]
    assert node.error.startswith(error)
    assert read(node.stdout) == ""
    assert not (tmp_path / "log" / "steps" / "foreach").exists()


async def test_an_unresolved_collected_value_fails_its_item(tmp_path: Path) -> None:
    """spec 11 section 8.7: a `collect` value that still holds a strict reference."""
    body = "{id: s, run: 'echo x=1 >> $DAGU_OUTPUT_FILE', outputs: [{name: x}]}"
    runner = await _run(tmp_path, _loop("[a, b]", body, ", collect: {v: '${steps.s.outputs.y}'}"))
    node = runner.record.nodes[0]
    error = "foreach.collect.v resolved with unresolved reference: ${steps.s.outputs.y}"
    assert [item["error"] for item in json.loads(read(node.stdout))["items"]] == [error] * 2
    assert node.error == "one or more foreach item bodies failed"


async def test_a_body_sees_what_the_loop_sees_and_no_other_item(tmp_path: Path) -> None:
    """spec 11 section 8.6: producers before the loop, earlier steps of the same item."""
    text = (
        "steps:\n  - {id: a, run: echo x=1 >> $DAGU_OUTPUT_FILE; echo out, outputs: [{name: x}],"
        " output: A}\n"
        "  - id: f\n    depends: a\n    foreach:\n      items: [1, 2]\n      max_concurrent: 1\n"
        "      steps:\n"
        "        - {id: s, run: 'echo ${steps.a.outputs.x} $A ${a.output}', output: S}\n"
        "        - {id: t, run: 'echo \"$S\"', depends: s, output: T}\n"
        "      collect: {v: '${t.output}'}\n"
        "  - {id: z, depends: f, run: 'echo \"[$S]\"'}\n"
    )
    runner = await _run(tmp_path, text)
    found = json.loads(read(runner.record.nodes[1].stdout))
    assert found["outputs"] == [{"v": "1 out out"}] * 2
    assert read(runner.record.nodes[2].stdout) == "[]\n"


async def test_bodies_have_logs_and_retries_of_their_own(tmp_path: Path) -> None:
    """spec 12 section 12: logs under `foreach/`, own retries, no handlers."""
    body = (
        "{id: s, run: 'echo ran; mkdir x${foreach.index} 2> /dev/null && exit 1; true',"
        " retry_policy: {limit: 1, interval_sec: 0}}"
    )
    text = _loop("[a, b]", body) + "handler_on: {exit: {run: echo bye}}\nmax_active_steps: 1\n"
    runner = await _run(tmp_path, text)
    record = runner.record
    assert record.nodes[0].status is NodeStatus.SUCCEEDED
    assert record.nodes[0].retry_count == 0
    assert read(record.handlers["onExit"].stdout) == "bye\n"
    logs = sorted((tmp_path / "log" / "steps" / "foreach" / "f").glob("*/*.out"))
    assert [(path.parent.name, path.read_text()) for path in logs] == [
        ("0", "ran\nran\n"),
        ("1", "ran\nran\n"),
    ]


async def test_loops_lie_in_loops(tmp_path: Path) -> None:
    """spec 10 section 6.4: nested foreach."""
    inner = (
        "{id: g, foreach: {items: [x, y], as: b, steps: [{id: s, run: 'echo ${foreach.b}',"
        " output: O}], collect: {v: '${s.output}'}}, output: G}"
    )
    runner = await _run(tmp_path, _loop("[1, 2]", inner, ", collect: {n: '${g.output.summary}'}"))
    found = json.loads(read(runner.record.nodes[0].stdout))
    assert found["summary"]["succeeded"] == 2


async def test_no_more_bodies_than_wanted_run_at_once(tmp_path: Path) -> None:
    """spec 12 section 12: `max_concurrent`."""
    body = f"{{id: s, run: 'mkdir {tmp_path}/lock || exit 9; sleep 0.02; rmdir {tmp_path}/lock'}}"
    runner = await _run(tmp_path, _loop("[1, 2, 3, 4]", body, ", max_concurrent: 1"))
    assert runner.record.nodes[0].error == ""


async def test_a_stop_ends_bodies_and_starts_no_more(tmp_path: Path) -> None:
    """spec 12 section 10: foreach starts no more items."""
    body = f"{{id: s, run: 'echo x >> {tmp_path}/ran; exec sleep 60'}}"
    runner = make_runner(_loop("[1, 2, 3]", body, ", max_concurrent: 1"), tmp_path)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run_to_end, runner)
        await until(lambda: read(str(tmp_path / "ran")) != "")
        runner.request_stop(signal.SIGTERM, allow_override=True)
    node = runner.record.nodes[0]
    assert (runner.record.status, node.status) == (RunStatus.ABORTED, NodeStatus.ABORTED)
    assert read(str(tmp_path / "ran")) == "x\n"


async def test_a_timeout_kills_bodies(tmp_path: Path) -> None:
    """spec 12 section 4: SIGKILL to what the step has started."""
    text = _loop("[1]", "{id: s, run: 'trap \"\" TERM; sleep 60'}") + "    timeout_sec: 1\n"
    runner = await _run(tmp_path, text)
    assert runner.record.nodes[0].error.startswith("step timed out after ")


async def test_child_runs_of_a_body_are_those_of_the_loop(tmp_path: Path) -> None:
    """spec 12 section 17: `children`; spec 12 section 1: body run ids are never stored."""
    text = (
        _loop("[1, 2]", "{id: s, action: dag.run, with: {dag: kid}}")
        + "---\nname: kid\nsteps: [{id: k, run: echo hi}]\n"
    )
    async with make_world(tmp_path) as world:
        ref = await world.start(text, "r")
        await world.wait(ref)
        record = world.store.load_record(ref)
        assert record is not None
        assert record.nodes[0].status is NodeStatus.SUCCEEDED
        children = record.nodes[0].children
        assert len({child.run_id for child in children}) == 2
        for child in children:
            found = world.store.load_child(ref, child.run_id)
            assert found is not None
            assert (found.root, found.parent) == (ref, ref)
