"""Steps that publish, and steps that read it, with real processes (spec 11 section 8)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from edge.core.jsontypes import JsonObject
from edge.core.record import NodeRecord
from edge.core.status import NodeStatus, RunStatus
from edge.engine.run_outputs import run_outputs
from edge.engine.runner import Runner
from edge.workflow.model import (
    DAG,
    CommandRun,
    ContinueOn,
    EnvVar,
    Handlers,
    OutputDecl,
    OutputEntry,
    Precondition,
    RetryPolicy,
    Secret,
    Step,
)
from tests.engine.helpers import read, run_to_end, runner_of

_X = (OutputDecl("x"),)
_SECRETS = (Secret(name="T", provider="env", key="K"),)
_ENV = (EnvVar("K", "hush-hush"),)


def _step(name: str, *commands: str, depends: Sequence[str] = (), **members: Any) -> Step:
    return Step(name=name, id=name, run=CommandRun(commands), depends=tuple(depends), **members)


async def _run(folder: Path, *steps: Step, **members: Any) -> Runner:
    runner = runner_of(DAG(name="t", steps=steps, **members), folder)
    await run_to_end(runner)
    return runner


def _out(node: NodeRecord) -> str:
    return read(node.stdout)


# -- declared outputs


async def test_dependents_read_declared_outputs(tmp_path: Path) -> None:
    """spec 11 section 8.2: direct and transitive dependents, nobody else."""
    runner = await _run(
        tmp_path,
        _step("a", 'echo "x=1 2" >> "$DAGU_OUTPUT_FILE"', outputs=_X),
        _step("b", "echo '${steps.a.outputs.x} ${steps.b.outputs.x}'", depends="a"),
        _step("c", "echo '${steps.a.outputs.x}'", depends="b"),
        _step("d", "echo '${steps.a.outputs.x}'"),
    )
    a, b, c, d = runner.record.nodes
    assert a.step_outputs_value == '{"x":"1 2"}'
    assert _out(b) == "1 2 ${steps.b.outputs.x}\n"
    assert _out(c) == "1 2\n"
    assert _out(d) == "${steps.a.outputs.x}\n"


async def test_each_attempt_has_a_file_of_its_own(tmp_path: Path) -> None:
    """spec 11 section 8.1: a new file for a retry, none is left."""
    command = (
        'cat "$DAGU_OUTPUT_FILE"; echo x=$$ >> "$DAGU_OUTPUT_FILE"; test -e f || { > f; exit 1; }'
    )
    runner = await _run(
        tmp_path,
        _step("a", command, outputs=_X, retry_policy=RetryPolicy(limit=1, interval_s=0)),
    )
    node = runner.record.nodes[0]
    assert (node.status, node.retry_count, _out(node)) == (NodeStatus.SUCCEEDED, 1, "")
    assert not list((tmp_path / "log" / "steps").glob("*.output"))


@pytest.mark.parametrize("code", [0, 3])
async def test_a_failed_step_declares_nothing(code: int, tmp_path: Path) -> None:
    """spec 11 section 8.1: parsed only after exit success."""
    runner = await _run(
        tmp_path, _step("a", f'echo x=1 >> "$DAGU_OUTPUT_FILE"; exit {code}', outputs=_X)
    )
    node = runner.record.nodes[0]
    assert node.step_outputs_value == ('{"x":"1"}' if code == 0 else "")
    assert node.error == ("" if code == 0 else "exit status 3")


async def test_a_parse_error_fails_the_attempt_and_is_retried(tmp_path: Path) -> None:
    """spec 11 section 8.1: normal retry policy."""
    runner = await _run(
        tmp_path,
        _step("a", "true", outputs=_X, retry_policy=RetryPolicy(limit=2, interval_s=0)),
    )
    node = runner.record.nodes[0]
    assert node.retry_count == 2
    text = 'failed to parse DAGU_OUTPUT_FILE: declared step output "x" was not emitted'
    assert node.error == text


async def test_a_list_has_one_file(tmp_path: Path) -> None:
    """spec 10 section 6.6: read after all entries succeeded."""
    runner = await _run(
        tmp_path,
        _step(
            "a",
            'echo x=1 >> "$DAGU_OUTPUT_FILE"',
            'echo y=2 >> "$DAGU_OUTPUT_FILE"',
            outputs=(*_X, OutputDecl("y")),
        ),
    )
    assert runner.record.nodes[0].step_outputs_value == '{"x":"1","y":"2"}'


@pytest.mark.parametrize(
    "command",
    [
        'rm "$DAGU_OUTPUT_FILE"',
        'rm "$DAGU_OUTPUT_FILE"; mkdir "$DAGU_OUTPUT_FILE"',
        'rm "$DAGU_OUTPUT_FILE"; mkfifo "$DAGU_OUTPUT_FILE"',
        'ln -sf /dev/zero "$DAGU_OUTPUT_FILE"',
    ],
)
async def test_whatever_a_step_puts_there_ends_the_run(command: str, tmp_path: Path) -> None:
    """spec 11 section 8.1: anything but a file of records fails the step."""
    runner = await _run(tmp_path, _step("a", command, outputs=_X))
    assert runner.record.nodes[0].status is NodeStatus.FAILED
    assert "DAGU_OUTPUT_FILE" in runner.record.nodes[0].error


# -- output variables


async def test_a_variable_is_stdout_without_its_margin(tmp_path: Path) -> None:
    """spec 11 section 8.4: value, consumers and record."""
    runner = await _run(
        tmp_path,
        _step("a", "printf ' two\\n lines \\n\\n'", output="V"),
        _step("b", 'echo "[$V]"', depends="a"),
        _step("c", 'echo "[$V]"'),
    )
    a, b, c = runner.record.nodes
    assert a.output_variables == {"V": "V=two\n lines"}
    assert a.output_value == "two\n lines"
    assert _out(b) == "[two\n lines]\n"
    assert _out(c) == "[]\n"
    assert _out(a) == " two\n lines \n\n"


async def test_later_visited_predecessors_win(tmp_path: Path) -> None:
    """spec 11 section 8.4: breadth first over authored depends."""
    runner = await _run(
        tmp_path,
        *(_step(name, f"echo {name}", output="V") for name in ("root", "b")),
        _step("a", "echo a", output="V", depends=["root"]),
        _step("c", "echo $V", depends=["a", "b"]),
        _step("d", "echo $V", depends=["b", "a"]),
        _step("e", "echo $V", depends=["b"]),
    )
    assert [_out(node) for node in runner.record.nodes[3:]] == ["root\n", "root\n", "b\n"]


async def test_a_failed_step_publishes_what_it_printed(tmp_path: Path) -> None:
    """spec 11 section 8.4: succeeded and failed steps; only the last attempt's text."""
    runner = await _run(
        tmp_path,
        _step(
            "a",
            "echo printed; exit 3",
            output="V",
            continue_on=ContinueOn(failed=True),
            retry_policy=RetryPolicy(limit=1, interval_s=0),
        ),
        _step("b", 'echo "[$V] [${env.V}] ${a.output} ${a.exit_code} ${a.exitCode}"', depends="a"),
    )
    assert _out(runner.record.nodes[1]) == "[printed] [printed] printed 3 3\n"


async def test_skipped_and_timed_out_steps_publish_nothing(tmp_path: Path) -> None:
    """spec 11 section 8.4: never for skipped, aborted, timed-out or not-run steps."""
    tolerant = ContinueOn(failed=True, skipped=True)
    runner = await _run(
        tmp_path,
        _step(
            "a",
            "echo x",
            output="V",
            continue_on=tolerant,
            preconditions=(Precondition(condition="a", expected="b"),),
        ),
        _step("b", "echo x; exec sleep 30", output="W", timeout_s=1, continue_on=tolerant),
        _step("c", 'echo "[${V-none}][${W-none}] ${b.exit_code}"', depends=["a", "b"]),
    )
    assert _out(runner.record.nodes[2]) == "[none][none] 124\n"
    assert runner.record.nodes[1].output_variables == {}


async def test_step_env_beats_outputs_and_sees_them(tmp_path: Path) -> None:
    """spec 11 section 7.1: layers 11 and 12."""
    runner = await _run(
        tmp_path,
        _step("a", "echo out", output="V"),
        _step("b", "echo $V $DAG_RUN_ID", depends="a", env=(EnvVar("V", "st $V"),)),
        _step("c", "echo $V $DAG_RUN_ID", env=(EnvVar("DAG_RUN_ID", "own"),)),
        env=(EnvVar("V", "root"), EnvVar("DAG_RUN_ID", "mine")),
    )
    assert [_out(node) for node in runner.record.nodes[1:]] == ["st out run-t\n", "root own\n"]


async def test_handlers_see_the_variables_of_all_steps(tmp_path: Path) -> None:
    """spec 11 sections 7.1 and 8.2: outputs beat a handler's own env; strict ones stay."""
    handler = Step(
        name="onExit",
        run=CommandRun(("echo $V $SEEN '${steps.a.outputs.x}' ${a.outputs.x} ${a.exit_code}",)),
        env=(EnvVar("V", "mine"), EnvVar("SEEN", "$V")),
    )
    runner = await _run(
        tmp_path,
        _step("a", 'echo out; echo x=1 >> "$DAGU_OUTPUT_FILE"', output="V", outputs=_X),
        handlers=Handlers(exit=handler),
    )
    assert _out(runner.record.handlers["onExit"]) == "out mine ${steps.a.outputs.x} 1 0\n"


async def test_a_name_that_no_process_can_have_is_left_out(tmp_path: Path) -> None:
    """spec 10 section 7.7: the name of an output is not checked."""
    runner = await _run(
        tmp_path, _step("a", "echo x", output="A=B"), _step("b", "echo ok", depends="a")
    )
    assert _out(runner.record.nodes[1]) == "ok\n"


async def test_an_output_that_is_too_large_fails_its_step(tmp_path: Path) -> None:
    """spec 11 section 8.3: the pipe is drained, the log is whole, nothing is stored."""
    runner = await _run(
        tmp_path,
        _step("a", "head -c 300000 /dev/zero | tr '\\0' x", output="V"),
        max_output_size=100,
    )
    node = runner.record.nodes[0]
    assert node.error == "output exceeded maximum size limit of 100 bytes"
    assert node.output_variables == {"DAGU_CONTINUE_ON.a": "DAGU_CONTINUE_ON.a=false"}
    assert len(_out(node)) == 300_000


# -- structured and published outputs


async def test_dependents_read_structured_outputs(tmp_path: Path) -> None:
    """spec 11 sections 8.5 and 8.6: `${id.output.k}`, `${id.outputs.k}`; it feeds the run's."""
    entries = (
        OutputEntry(key="v", source="stdout", decode="json", select=".v"),
        OutputEntry(key="lit", value="$S"),
    )
    runner = await _run(
        tmp_path,
        _step("a", """echo '{"v": 7}'""", output_entries=entries),
        _step("b", "echo ${a.output.v} ${a.output.lit} ${a.outputs.v} '${a.outputs}'", depends="a"),
        Step(
            name="c",
            id="c",
            type="noop",
            depends=("a",),
            output_entries=(OutputEntry(key="w", value="${a.output.v}-x"),),
        ),
        env=(EnvVar("S", "api"),),
    )
    a, b, c = runner.record.nodes
    assert a.output_value == a.outputs_value == '{"lit":"api","v":7}'
    assert a.output_variables == {}
    assert _out(b) == '7 api 7 {"lit":"api","v":7}\n'
    assert (c.status, c.outputs_value) == (NodeStatus.SUCCEEDED, '{"w":"7-x"}')
    assert run_outputs(runner.record) == {"v": "7", "lit": "api", "w": "7-x"}


async def test_secrets_with_quotes_are_masked_in_structured_outputs(tmp_path: Path) -> None:
    """spec 11 section 9: B, C and D, also where JSON writes the secret with escapes."""
    runner = await _run(
        tmp_path,
        _step("a", "echo x", output_entries=(OutputEntry(key="k", value="is ${env.T}"),)),
        _step("b", "printf %s '${a.output.k}'", depends="a"),
        env=(EnvVar("K", 'q"uo\\te'),),
        secrets=_SECRETS,
    )
    a, b = runner.record.nodes
    assert a.output_value == a.outputs_value == '{"k":"is *******"}'
    assert _out(b) == "is *******"
    assert a.outputs is not None
    assert a.outputs.value == '{"k":"is q\\"uo\\\\te"}'


async def test_a_failed_step_has_no_structured_output(tmp_path: Path) -> None:
    """spec 11 section 3: output literals are resolved after the step succeeded."""
    runner = await _run(
        tmp_path, _step("a", "exit 3", output_entries=(OutputEntry(key="k", value="v"),))
    )
    assert runner.record.nodes[0].outputs_value == ""


async def test_output_schema_is_checked(tmp_path: Path) -> None:
    """spec 11 section 8.5: a mismatch fails the step."""
    schema: JsonObject = {"type": "object", "required": ["a"]}
    runner = await _run(
        tmp_path,
        _step("a", "echo '{}'", output_schema=schema),
        _step("b", """echo '{ "a": 1 }'""", output="V", output_schema=schema),
        _step("c", "echo ${b.output.a} '${V.a}'", depends="b"),
    )
    a, b, c = runner.record.nodes
    assert a.error.startswith("stdout JSON does not match output_schema")
    assert b.output_value == '{"a":1}'
    assert _out(c) == "1 1\n"


# -- outputs.json


async def test_outputs_of_the_run_are_a_private_file(tmp_path: Path) -> None:
    """spec 11 section 8.4 and section 9: keys, masked values, an empty value is listed."""
    runner = await _run(
        tmp_path,
        _step("a", 'echo "1 $T"', output="IMAGE_TAG"),
        _step("b", "true", output="EMPTY"),
        env=_ENV,
        secrets=_SECRETS,
    )
    path = tmp_path / "log" / "steps" / "outputs.json"
    document = json.loads(path.read_text())
    assert document["outputs"] == {"imageTag": "1 *******", "empty": ""}
    assert document["metadata"]["status"] == "succeeded"
    assert document["metadata"]["completedAt"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert runner.record.nodes[0].output_value == "1 *******"


async def test_without_outputs_there_is_no_file(tmp_path: Path) -> None:
    """spec 11 section 8.4: no file if nothing was published."""
    await _run(tmp_path, _step("a", "true"))
    assert not (tmp_path / "log" / "steps" / "outputs.json").exists()


# -- references


async def test_naming_a_stream_makes_its_file(tmp_path: Path) -> None:
    """spec 11 section 8.6 and spec 12 section 4: `${id.stderr}` of an empty stream."""
    runner = await _run(
        tmp_path,
        _step("a", "echo hi"),
        _step("b", "cat ${a.stdout}; test -f ${a.stderr}; echo $?", depends="a"),
        _step("c", "echo '${a.stdout}'"),
    )
    assert [_out(node) for node in runner.record.nodes[1:]] == ["hi\n0\n", "${a.stdout}\n"]


async def test_a_path_into_no_json_is_a_warning(tmp_path: Path) -> None:
    """spec 11 section 8.6: reference kept, a warning in the run's log."""
    runner = await _run(
        tmp_path, _step("a", "echo '${V.a}'"), env=(EnvVar("V", "hush-hush {"), *_ENV),
        secrets=_SECRETS,
    )  # fmt: skip
    assert _out(runner.record.nodes[0]) == "${V.a}\n"
    log = read(runner.record.log)
    assert "Failed to parse JSON" in log
    assert "hush-hush" not in log


async def test_both_streams_to_one_file_are_refused(tmp_path: Path) -> None:
    """spec 10 section 7.7: also when only the resolved paths are the same."""
    runner = await _run(
        tmp_path, _step("a", "true", stdout="$F", stderr="x"), env=(EnvVar("F", "x"),)
    )
    error = runner.record.nodes[0].error
    assert error.startswith("failed to setup outputs: stdout and stderr cannot point to the same")


async def test_a_working_directory_may_name_outputs(tmp_path: Path) -> None:
    """spec 11 section 3, working_dir row."""
    runner = await _run(
        tmp_path,
        _step("a", 'echo v; echo x=d >> "$DAGU_OUTPUT_FILE"', output="V", outputs=_X),
        _step("b", "pwd", depends="a", working_dir="$V-${steps.a.outputs.x}"),
    )
    assert _out(runner.record.nodes[1]) == f"{tmp_path}/work/v-d\n"


async def test_commands_are_recorded_as_resolved(tmp_path: Path) -> None:
    """spec 12 section 17: as executed, secrets masked."""
    runner = await _run(
        tmp_path,
        _step("a", "echo ${env.E} ${env.T}", "echo $E"),
        env=(EnvVar("E", "e"), EnvVar("K", "hush")),
        secrets=(Secret(name="T", provider="env", key="K"),),
    )
    assert runner.record.nodes[0].step["commands"] == [
        {"command": "echo", "args": ["e", "*******"], "cmdWithArgs": "echo e *******"},
        {"command": "echo", "args": ["$E"], "cmdWithArgs": "echo $E"},
    ]


# -- secrets


async def test_no_secret_leaves_the_run(tmp_path: Path) -> None:
    """spec 11 section 9: logs, copies, tails, errors and every persisted member."""
    copy = tmp_path / "copy"
    runner = await _run(
        tmp_path,
        _step(
            "a",
            'echo "$T"; printf "tail $T" >&2; exit 3',
            output="V",
            stdout=str(copy),
            continue_on=ContinueOn(failed=True),
            env=(EnvVar("S", "${env.T}"),),
        ),
        _step("b", 'echo "${#V} $V"; echo "x=$T" >> "$DAGU_OUTPUT_FILE"', depends="a", outputs=_X),
        _step("c", 'test "${steps.b.outputs.x}" = "$T" && echo same', depends="b"),
        _step("d", "true", preconditions=(Precondition(condition="$T", expected="x"),)),
        _step("e", "true", retry_policy=RetryPolicy(limit="$T", interval_s=0)),
        _step("f", "true", stdout="/no/${env.T}"),
        env=_ENV,
        secrets=_SECRETS,
    )
    a, b, c, d, e, f = runner.record.nodes
    assert read(a.stdout) == copy.read_text() == "*******\n"
    assert read(a.stderr) == "tail *******"
    assert a.error == "exit status 3\nrecent stderr (tail):\ntail *******"
    assert a.output_variables["V"] == "V=*******"
    assert _out(b) == "9 *******\n"
    assert b.step_outputs_value == '{"x":"*******"}'
    assert _out(c) == "same\n"
    conditions = d.step["preconditions"]
    assert isinstance(conditions, list)
    assert "*******" in str(conditions)
    assert "*******" in e.error
    assert "*******" in f.error
    assert "hush-hush" not in json.dumps(runner.record.to_json()).replace('"K=hush-hush"', "")
    logs = [path.read_text() for path in (tmp_path / "log").rglob("*") if path.is_file()]
    assert not any("hush-hush" in text for text in logs)


async def test_with_a_secret_a_tail_is_not_lost(tmp_path: Path) -> None:
    """spec 11 section 13: any secret set, `printf abc`."""
    runner = await _run(tmp_path, _step("a", "printf hus"), env=_ENV, secrets=_SECRETS)
    assert _out(runner.record.nodes[0]) == "hus"


async def test_a_literal_secret_in_the_file_is_masked_in_the_record(tmp_path: Path) -> None:
    """spec 11 section 9: step commands, args, script, env."""
    runner = await _run(
        tmp_path,
        _step("a", "echo hush-hush", env=(EnvVar("L", "hush-hush"),)),
        env=_ENV,
        secrets=_SECRETS,
    )
    assert "hush-hush" not in json.dumps(runner.record.to_json())


async def test_secrets_that_are_missing_start_nothing(tmp_path: Path) -> None:
    """spec 11 section 9: `failed to resolve secrets`; spec 12 section 3: no handler runs."""
    handlers = Handlers(exit=Step(name="onExit", run=CommandRun(("true",))))
    runner = runner_of(
        DAG(name="t", steps=(_step("a", "true"),), secrets=_SECRETS, handlers=handlers), tmp_path
    )
    result = await run_to_end(runner)
    assert (result.status, result.exit_code) == (RunStatus.FAILED, 1)
    assert result.error.startswith("failed to resolve secrets: ")
    assert runner.record.nodes[0].status is NodeStatus.NOT_STARTED
    assert runner.record.handlers["onExit"].status is NodeStatus.NOT_STARTED
