"""Child runs in the same process: recorded runs of the reference, and what edge adds to them."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from edge.core.ids import RunRef
from edge.core.record import NodeRecord, RunRecord
from edge.core.status import NodeStatus, RunStatus, TriggerType
from edge.engine.attempt import AttemptResult
from edge.workflow.load import load_dag
from edge.workflow.params import parse_overrides, resolve_params
from tests.engine.helpers import read
from tests.engine.world import World, make_world, until

DATA = Path(__file__).parent.parent / "data"
RUNS = {
    probe["name"]: probe
    for probe in map(json.loads, (DATA / "runs" / "expected.jsonl").read_text().splitlines())
}
VALUES = {
    entry["file"]: entry
    for entry in map(json.loads, (DATA / "language/values/expected.jsonl").read_text().splitlines())
}
#: (probe, step) -> members that another shell, or another time, gives another value
VARIABLE = {
    ("sub-basic", "c"): ("error", "stderr"),
    ("sub-basic", "b"): ("stdout",),
}
_ENDING = " is not available in this build of edge"


async def _run(world: World, text: str, name: str = "t", run_id: str = "r") -> AttemptResult:
    path = world.settings.paths.dags_dir / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    dag = load_dag(text, default_name=name, source_file=str(path))
    params = resolve_params(dag, parse_overrides([]))
    return await world.wait(await world.host.start(dag, params, run_id=run_id))


def _record(world: World, run_id: str = "r", name: str = "t") -> RunRecord:
    record = world.store.load_record(RunRef(name, run_id))
    assert record is not None
    return record


def _child(world: World, parent: NodeRecord, root: RunRef, index: int = 0) -> RunRecord:
    record = world.store.load_child(root, parent.children[index].run_id)
    assert record is not None
    return record


def _normal(text: str) -> str:
    text = re.sub(r"/srv/dagu-runs/home/data|/\S*?/data(?=/dag-run-work)", "<data>", text)
    return re.sub(r"(attemptId|completedAt)[^,}]*", "", text)


def _summary(node: NodeRecord) -> dict[str, Any]:
    found: dict[str, Any] = {"name": node.name, "status": node.status.word}
    data = node.to_json()
    for name in (
        "error",
        "doneCount",
        "retryCount",
        "outputVariables",
        "outputValue",
        "outputsValue",
        "statusDetails",
        "children",
    ):
        if data.get(name):
            found[name] = data[name]
    if node.stdout:
        found["stdout"] = read(node.stdout)
    return found


def _compare(probe: str, node: NodeRecord, wanted: dict[str, Any]) -> None:
    found = _summary(node)
    wanted = {key: value for key, value in wanted.items() if key not in ("handler", "stderr")}
    for name in VARIABLE.get((probe, node.name), ()):
        wanted.pop(name, None)
        found.pop(name, None)
    assert json.loads(_normal(json.dumps(found))) == json.loads(_normal(json.dumps(wanted)))


def _compare_run(probe: str, record: RunRecord, wanted: dict[str, Any]) -> None:
    assert record.status.word == wanted["runStatus"]
    for node, expected in zip(record.nodes, wanted["nodes"], strict=True):
        _compare(probe, node, expected)
    for expected in wanted["handlers"]:
        _compare(probe, record.handlers[expected["handler"]], expected)


# spec 12 section 12: `dag.run`, statuses, texts, results, ids of section 1, work directories of 13
@pytest.mark.parametrize(
    "probe",
    "sub-basic sub-fail sub-preabort exitcode-parent partial-by-child nested-sub".split(),
)
async def test_child_runs_are_as_recorded(probe: str, tmp_path: Path) -> None:
    """spec 12 section 12, spec 12 section 17: `children`; spec 12 section 1: their ids."""
    expected = RUNS[probe]
    async with make_world(tmp_path) as world:
        text = (DATA / "runs" / expected["dag"]).read_text()
        result = await _run(world, text, probe, f"run-{probe}")
        root = RunRef(probe, f"run-{probe}")
        _compare_run(probe, _record(world, root.run_id, probe), expected["final"])
        assert result.exit_code == expected["commands"][0]["exit"]
        for run_id, wanted in expected["final"]["childRuns"].items():
            child = world.store.load_child(root, run_id)
            assert child is not None
            _compare_run(probe, child, wanted)
            assert child.name == wanted["name"]
            assert child.params == wanted["params"]
            assert child.parent == RunRef(wanted["parent"]["name"], wanted["parent"]["id"])
            assert child.root == root
            assert child.trigger_type is TriggerType.SUBDAG


@pytest.mark.parametrize("name", ["35-sub-dag.yaml", "36-parallel-items.yaml"])
async def test_values_cross_into_a_child_and_back_as_recorded(name: str, tmp_path: Path) -> None:
    """spec 11 section 8.7, spec 11 section 3: parameters; spec 10 section 2: environment."""
    entry = VALUES[name]
    async with make_world(tmp_path) as world:
        text = (DATA / "language/values" / name).read_text()
        await _run(world, text)
        record = _record(world)
        assert record.status.word == entry["run_status"]
        for node, wanted in zip(record.nodes, entry["steps"], strict=True):
            ids = "|".join(child.run_id for child in record.nodes[0].children) or "-"
            assert node.status.word == wanted["status"]
            assert re.sub(ids, "<id>", read(node.stdout)) == wanted["stdout"]


# spec 12 section 12, `parallel`: the order of results is not defined there; here it is that of
# the items, and a child's own retries stay in the child, which has one attempt therefore
@pytest.mark.parametrize("probe", ["par-basic", "par-fail", "par-obj"])
async def test_a_fan_out_is_as_recorded(probe: str, tmp_path: Path) -> None:
    """spec 12 section 12, spec 11 section 8.7: one child for each item."""
    expected = RUNS[probe]
    wanted = expected["final"]["nodes"][0]
    async with make_world(tmp_path) as world:
        result = await _run(
            world, (DATA / "runs" / expected["dag"]).read_text(), probe, f"run-{probe}"
        )
        node = _record(world, f"run-{probe}", probe).nodes[0]
        assert result.exit_code == expected["commands"][0]["exit"]
        assert node.status.word == wanted["status"]
        found, printed = json.loads(read(node.stdout)), json.loads(wanted["stdout"])
        assert found["summary"] == printed["summary"]
        for member in ("results", "outputs"):
            assert _sorted(found[member]) == _sorted(printed[member])
        assert _sorted(node.to_json()["children"]) == _sorted(wanted["children"])
        assert _sorted(node.to_json()["statusDetails"]) == _sorted(wanted["statusDetails"])
        if "error" in wanted:
            assert re.match(r"parallel execution failed with 2 errors: sub DAG \w+ failed: exit"
                            r" status [23]", node.error)  # fmt: skip
        for child in node.children:
            record = world.store.load_child(RunRef(probe, f"run-{probe}"), child.run_id)
            assert record is not None
            assert record.extra["parallelItem"] == child.item
            if probe != "par-fail":
                _compare_run(probe, record, expected["final"]["childRuns"][child.run_id])


def _sorted(items: Any) -> list[str]:
    return sorted(json.dumps(item, sort_keys=True) for item in items)


_ECHO = (
    "---\nname: kid\nparams: {V: x, W: w}\n"
    "steps: [{id: k, run: 'echo \"$V $W $ITEM\"', output: OUT}]\n"
)


def _fan(parallel: str, inputs: str = "{dag: kid}", more: str = "") -> str:
    return f"steps:\n  - {{id: a, action: dag.run, with: {inputs}, parallel: {parallel}{more}}}\n"


@pytest.mark.parametrize(
    ("parallel", "inputs", "outputs"),
    [
        ("[V=1, V=2]", "{dag: kid}", ["1 w V=1", "2 w V=2"]),
        ("[{V: a, W: 'b c'}]", "{dag: kid}", ['a b c {"V":"a","W":"b c"}']),
        ('\'[{"V": 1}, {"V": true}]\'', "{dag: kid}", ['1 w {"V":1}', 'true w {"V":true}']),
        ("'{\"V\": 1}'", "{dag: kid}", ['1 w {"V":1}']),
        ('"a,b,a"', "{dag: kid, params: 'V=${ITEM}'}", ["a w a", "b w b"]),
        # equal calls with different items are two runs
        ("[a, b]", "{dag: kid, params: V=same}", ["same w a", "same w b"]),
        ("[kid]", "{dag: '${ITEM}', params: V=1}", ["1 w kid"]),
    ],
)
async def test_forms_of_items(
    parallel: str, inputs: str, outputs: list[str], tmp_path: Path
) -> None:
    """spec 11 section 8.7: items as target and parameters."""
    async with make_world(tmp_path) as world:
        await _run(world, _fan(parallel, inputs) + _ECHO)
        node = _record(world).nodes[0]
        assert [item["OUT"] for item in json.loads(read(node.stdout))["outputs"]] == outputs


@pytest.mark.parametrize(
    ("items", "error"),
    [
        ("$NONE_SUCH", ""),
        ("'[]'", "failed to set up step: parallel execution requires at least one item"),
        ("'  '", "failed to set up step: parallel execution requires at least one item"),
        (
            "'" + ",".join(map(str, range(1001))) + "'",
            "failed to set up step: parallel execution exceeds maximum limit",
        ),
    ],
)
async def test_numbers_of_items(items: str, error: str, tmp_path: Path) -> None:
    """spec 12 section 12: 1 to 1000."""
    async with make_world(tmp_path) as world:
        await _run(world, _fan(items, "{dag: kid, params: 'V=x'}") + _ECHO)
        assert _record(world).nodes[0].error == error


async def test_children_of_a_fan_out_that_cannot_start(tmp_path: Path) -> None:
    """spec 12 section 12: in `total` and `children` only."""
    async with make_world(tmp_path) as world:
        await _run(world, _fan("[kid, nobody]", "{dag: '${ITEM}', params: V=1}") + _ECHO)
        node = _record(world).nodes[0]
        found = json.loads(read(node.stdout))
        assert found["summary"] == {"total": 2, "succeeded": 1, "failed": 0}
        assert len(found["results"]) == len(found["outputs"]) == 1
        assert [child.name for child in node.children] == ["kid", "nobody"]
        assert node.error == (
            f"parallel execution failed with 1 errors: sub DAG {node.children[1].run_id} failed:"
            ' failed to find DAG "nobody": failed to locate DAG nobody: DAG is not found'
        )


async def test_a_partial_child_makes_the_step_partial(tmp_path: Path) -> None:
    """spec 12 section 12: else any partial."""
    kid = (
        "---\nname: kid\nparams: {V: x}\nsteps:\n"
        "  - {id: a, run: test $V = 1, continue_on: failed}\n  - {id: b, run: echo, depends: a}\n"
    )
    async with make_world(tmp_path) as world:
        result = await _run(world, _fan("[V=1, V=2]") + kid)
        node = _record(world).nodes[0]
        assert node.status is NodeStatus.PARTIALLY_SUCCEEDED
        assert [item.status for item in node.status_details] == [4, 6]
        assert result.exit_code == 0


async def test_a_retried_fan_out_runs_only_what_has_not_succeeded(tmp_path: Path) -> None:
    """spec 12 section 12: a child already `succeeded` is not run again."""
    kid = (
        "---\nname: kid\nparams: {V: x}\n"
        f"steps: [{{id: k, run: 'echo $V >> {tmp_path}/ran; test $V = 1"
        f" || mkdir {tmp_path}/$V 2> /dev/null && test $V = 1 || test -e {tmp_path}/again"
        f" || {{ touch {tmp_path}/again; exit 1; }}'}}]\n"
    )
    more = ", retry_policy: {limit: 1, interval_sec: 0}"
    async with make_world(tmp_path) as world:
        result = await _run(world, _fan("{items: [V=1, V=2], max_concurrent: 1}", more=more) + kid)
        assert result.error == ""
        assert read(str(tmp_path / "ran")) == "1\n2\n2\n"


async def test_a_stop_starts_no_more_items(tmp_path: Path) -> None:
    """spec 12 section 10: parallel starts no more items."""
    kid = (
        "---\nname: kid\nparams: {V: x}\n"
        f"steps: [{{id: k, run: 'echo $V >> {tmp_path}/ran; exec sleep 60'}}]\n"
    )
    async with make_world(tmp_path) as world:
        dag = load_dag(_fan("{items: [V=1, V=2, V=3], max_concurrent: 1}") + kid, default_name="t")
        ref = await world.host.start(dag, resolve_params(dag, parse_overrides([])), run_id="r")
        await until(lambda: read(str(tmp_path / "ran")) != "")
        world.host.stop(ref)
        result = await world.wait(ref)
        assert result.status is RunStatus.ABORTED
        assert read(str(tmp_path / "ran")) == "1\n"
        found = json.loads(read(_record(world).nodes[0].stdout))
        assert found["summary"] == {"total": 3, "succeeded": 0, "failed": 1}


async def test_a_fan_out_leaves_no_descriptor_open(tmp_path: Path) -> None:
    """spec 12 section 12: children end in the process that goes on."""
    items = " ".join(map(str, range(30)))
    kid = "---\nname: kid\nparams: {V: x}\nsteps: [{id: k, run: 'echo $V; exit $V'}]\n"
    async with make_world(tmp_path) as world:
        await _run(world, _fan("[V=0]") + kid, run_id="first")
        before = len(os.listdir("/proc/self/fd"))
        await _run(world, _fan(f"'{items}'", "{dag: kid, params: 'V=${ITEM}'}") + kid)
        assert len(os.listdir("/proc/self/fd")) <= before
        assert len(_record(world).nodes[0].children) == 30


_KID = "---\nname: kid\nsteps: [{id: k, run: echo hi}]\n"


@pytest.mark.parametrize(
    ("step", "kid", "error"),
    [
        (
            "{dag: nobody}",
            _KID,
            'failed to set up step: failed to find DAG "nobody": failed to locate DAG nobody: DAG'
            " is not found",
        ),
        (
            "{dag: kid}",
            "---\nname: kid\nsteps:\n  - {id: h, action: human.task, with: {prompt: go?}}\n",
            "failed to set up step: human task steps are not allowed in sub-DAGs: kid",
        ),
        (
            "{dag: kid, params: [a, b]}",
            "---\nname: kid\nparams: one\nsteps: [{id: k, run: echo hi}]\n",
            "failed to set up step: too many positional params: expected at most 1, got 2",
        ),
        (
            "{dag: kid}",
            "---\nname: kid\nworker_selector: {a: b}\nsteps: [{id: k, run: echo hi}]\n",
            "failed to set up step: worker_selector of the sub-DAG kid" + _ENDING,
        ),
        (
            "{dag: kid}",
            "---\nname: kid\nsteps: [{id: k, run: echo hi, approval: {prompt: go?}}]\n",
            "failed to set up step: approval in the sub-DAG kid" + _ENDING,
        ),
        (
            "{dag: kid}, worker_selector: {a: b}",
            _KID,
            "failed to set up step: worker_selector of a sub-DAG step" + _ENDING,
        ),
    ],
)
async def test_a_child_that_cannot_start_fails_its_step(
    step: str, kid: str, error: str, tmp_path: Path
) -> None:
    """spec 12 section 12: set-up errors."""
    async with make_world(tmp_path) as world:
        await _run(world, f"steps:\n  - {{id: a, action: dag.run, with: {step}}}\n{kid}")
        node = _record(world).nodes[0]
        assert (node.status, node.error) == (NodeStatus.FAILED, error)
        assert read(node.stdout) == ""


async def test_a_child_is_found_in_the_file_first_then_in_the_store(tmp_path: Path) -> None:
    """spec 10 section 2: look-up; a local document sees its siblings."""
    parent = (
        "steps:\n"
        "  - {id: a, action: dag.run, with: {dag: kid}}\n"
        "  - {id: b, action: dag.run, with: {dag: other}}\n"
        "---\nname: kid\nsteps: [{id: k, action: dag.run, with: {dag: sister}}]\n"
        "---\nname: sister\nsteps: [{id: s, run: echo local}]\n"
    )
    async with make_world(tmp_path) as world:
        dags = world.settings.paths.dags_dir
        dags.mkdir(parents=True)
        (dags / "kid.yaml").write_text("steps: [{id: k, run: echo store}]\n")
        (dags / "other.yaml").write_text("steps: [{id: o, run: echo store}]\n")
        await _run(world, parent)
        record = _record(world)
        kid = _child(world, record.nodes[0], record.ref)
        sister = _child(world, kid.nodes[0], record.ref)
        assert read(sister.nodes[0].stdout) == "local\n"
        other = _child(world, record.nodes[1], record.ref)
        assert read(other.nodes[0].stdout) == "store\n"
        assert (kid.definition_id, other.definition_id) == ("kid", "other")
        snapshot = world.store.snapshot_of(kid.ref)
        assert snapshot is not None
        assert "sister" in snapshot.yaml
        assert "echo local" not in snapshot.yaml


async def test_a_child_inherits_the_environment_and_no_handler_of_the_base(tmp_path: Path) -> None:
    """spec 10 section 2: environment, base configuration; spec 12 section 9: no base handlers."""
    text = (
        "env: [A: parent, B: parent]\nparams: {P: p}\n"
        "steps:\n  - {id: a, action: dag.run, with: {dag: kid}, env: [S: step]}\n"
        "---\nname: kid\nenv: [B: kid]\n"
        "steps: [{id: k, run: 'echo \"$A $B $P [$S] $X\"'}]\n"
    )
    async with make_world(tmp_path) as world:
        base = "env: [X: base]\nhandler_on: {exit: {run: echo base}}\n"
        dag = load_dag(text, default_name="t", base_text=base)
        params = resolve_params(dag, parse_overrides([]))
        await world.wait(await world.host.start(dag, params, run_id="r"))
        record = _record(world)
        kid = _child(world, record.nodes[0], record.ref)
        assert read(kid.nodes[0].stdout) == "parent kid p [] base\n"
        assert set(record.handlers) == {"onExit"}
        assert kid.handlers == {}


async def test_a_child_has_directories_of_its_own(tmp_path: Path) -> None:
    """spec 10 section 6.3, spec 12 section 13 and spec 12 section 18: files of a child."""
    text = (
        f"working_dir: {tmp_path}/parent\n"
        "steps:\n  - {id: a, action: dag.run, with: {dag: kid}}\n"
        "  - {id: b, action: dag.run, with: {dag: set}}\n"
        "---\nname: kid\nsteps: [{id: k, run: pwd}]\n"
        f"---\nname: set\nworking_dir: {tmp_path}/own\nsteps: [{{id: k, run: pwd}}]\n"
    )
    async with make_world(tmp_path) as world:
        await _run(world, text)
        record = _record(world)
        kid, own = (_child(world, node, record.ref) for node in record.nodes)
        folder = Path(record.log).parent
        assert Path(kid.log) == folder / f"{kid.run_id}.log"
        assert "DAG run started" in read(kid.log)
        steps = Path(kid.nodes[0].stdout).parent
        assert steps.parent == folder
        assert re.fullmatch(rf"run_\d{{8}}_\d{{6}}Z_{kid.attempt_id}", steps.name)
        where = Path(read(kid.nodes[0].stdout).strip())
        root = world.settings.paths.data_dir / "dag-run-work" / "t"
        assert where.parent.parent == root
        assert where.name != "root"
        assert read(own.nodes[0].stdout).strip() == f"{tmp_path}/own"


async def test_a_retried_step_finds_its_child_again(tmp_path: Path) -> None:
    """spec 12 section 1: the id of a child is the same for the same call."""
    text = (
        "steps:\n  - id: a\n    action: dag.run\n    with: {dag: kid}\n"
        "    retry_policy: {limit: 1, interval_sec: 0}\n"
        f"---\nname: kid\nsteps: [{{id: k, run: 'mkdir {tmp_path}/done 2> /dev/null && exit 3;"
        " echo again'}]\n"
    )
    async with make_world(tmp_path) as world:
        result = await _run(world, text)
        record = _record(world)
        assert result.error == ""
        assert record.nodes[0].retry_count == 1
        kid = _child(world, record.nodes[0], record.ref)
        assert kid.status is RunStatus.SUCCEEDED
        assert len(record.nodes[0].children) == 1


async def test_a_retried_child_runs_only_its_failed_part(tmp_path: Path) -> None:
    """spec 12 section 12: an existing child id is retried, not started anew."""
    text = (
        "steps:\n  - id: a\n    action: dag.run\n    with: {dag: kid}\n"
        "    retry_policy: {limit: 1, interval_sec: 0}\n"
        f"---\nname: kid\nsteps:\n  - {{id: k, run: 'echo k >> {tmp_path}/ran', output: O}}\n"
        f"  - {{id: l, depends: k, run: 'echo l >> {tmp_path}/ran; mkdir {tmp_path}/d && exit 3;"
        " true'}\n"
    )
    async with make_world(tmp_path) as world:
        result = await _run(world, text)
        assert result.error == ""
        assert read(str(tmp_path / "ran")) == "k\nl\nl\n"


async def test_each_repeat_has_a_child_of_its_own(tmp_path: Path) -> None:
    """spec 12 section 6: ids become random, earlier children move to `childrenRepeated`."""
    text = (
        "steps:\n  - id: a\n    action: dag.run\n    with: {dag: kid}\n"
        "    repeat_policy: {repeat: while, exit_code: [0], interval_sec: 0, limit: 3}\n"
        f"---\nname: kid\nsteps: [{{id: k, run: 'echo x >> {tmp_path}/count'}}]\n"
    )
    async with make_world(tmp_path) as world:
        await _run(world, text)
        node = _record(world).nodes[0]
        ids = [child.run_id for child in (*node.children_repeated, *node.children)]
        assert (len(node.children), len(set(ids))) == (1, 3)
        assert read(str(tmp_path / "count")) == "x\n" * 3


async def test_a_dag_that_calls_itself_ends(tmp_path: Path) -> None:
    """spec 10 section 2: a local document sees its siblings, and itself."""
    text = (
        "steps: [{id: a, action: dag.run, with: {dag: kid}}]\n"
        "---\nname: kid\nsteps: [{id: k, action: dag.run, with: {dag: kid}}]\n"
    )
    async with make_world(tmp_path) as world:
        result = await _run(world, text)
        assert result.error == (
            "failed to set up step: sub-DAG kid would be more than 32 runs below the root run:"
            " does a DAG call itself?"
        )


async def test_a_stop_ends_a_child_like_a_root_run(tmp_path: Path) -> None:
    """spec 12 section 10: the child's own signal, grace and handlers."""
    text = (DATA / "runs" / RUNS["stop-child-trap"]["dag"]).read_text()
    async with make_world(tmp_path) as world:
        dag = load_dag(text, default_name="t")
        params = resolve_params(dag, parse_overrides([]))
        ref = await world.host.start(dag, params, run_id="r")
        await until(lambda: _has_begun(world, ref))
        world.host.stop(ref)
        result = await world.wait(ref)
        record = _record(world)
        assert (result.status, result.exit_code) == (RunStatus.ABORTED, 0)
        node = record.nodes[0]
        kid = _child(world, node, ref)
        assert node.status is NodeStatus.ABORTED
        assert node.error == f"sub DAG run {kid.run_id} failed with status: aborted"
        assert kid.status is RunStatus.ABORTED
        assert read(kid.nodes[0].stdout) == "begin\ngot TERM\n"
        for handlers, who in ((record.handlers, "parent"), (kid.handlers, "kid")):
            assert read(handlers["onAbort"].stdout) == f"{who}-abort\n"
            assert read(handlers["onExit"].stdout) == f"{who}-exit\n"


def _has_begun(world: World, ref: RunRef) -> bool:
    children = world.host.active[ref].record.nodes[0].children
    record = world.store.load_child(ref, children[0].run_id) if children else None
    return record is not None and "begin" in read(record.nodes[0].stdout)


async def test_a_timeout_of_the_step_kills_its_child(tmp_path: Path) -> None:
    """spec 12 section 4: SIGKILL, no grace, exit code 124."""
    text = (
        "steps: [{id: a, action: dag.run, with: {dag: kid}, timeout_sec: 1}]\n"
        "---\nname: kid\nsteps: [{id: k, run: sleep 60}]\n"
    )
    async with make_world(tmp_path) as world:
        await _run(world, text)
        record = _record(world)
        assert record.nodes[0].error.startswith("step timed out after ")
        kid = _child(world, record.nodes[0], record.ref)
        assert kid.status is RunStatus.ABORTED


async def test_no_record_of_a_child_shows_a_secret_of_its_parent(tmp_path: Path) -> None:
    """spec 12 section 12: the child inherits; spec 11 section 9: nothing shows it."""
    (tmp_path / "secret").write_text("hunter2!")
    text = (
        f"secrets: [{{name: S, provider: file, key: {tmp_path}/secret}}]\n"
        'steps: [{id: a, action: dag.run, with: {dag: kid, params: {P: "${S}"}}}]\n'
        "---\nname: kid\nparams: {P: x}\n"
        "steps: [{id: k, run: 'echo $S $P; test \"$S\" = hunter2!', output: O}]\n"
    )
    async with make_world(tmp_path) as world:
        result = await _run(world, text)
        record = _record(world)
        kid = _child(world, record.nodes[0], record.ref)
        assert result.error == ""
        shown = json.dumps([record.to_json(), kid.to_json()])
        assert "hunter2" not in shown
        assert "hunter2" not in read(record.nodes[0].stdout) + read(kid.nodes[0].stdout)
        assert "hunter2" not in read(kid.log)
