from __future__ import annotations

from edge.core.jsontypes import JsonObject
from edge.workflow.records import command_record, step_record
from edge.workflow.words import split_words
from tests.workflow.helpers import load


def record(fields: str) -> JsonObject:
    dag = load(f"steps:\n  - {fields}\n  - {{name: before, run: x}}\n")
    return step_record(dag.steps[0], dag)


def test_command_form() -> None:
    # recorded: runs/status/graph-diamond.json
    assert record("{id: c, run: exit 2, depends: [before], continue_on: {exit_code: [2]}}") == {
        "id": "c",
        "name": "c",
        "commands": [{"command": "exit", "args": ["2"], "cmdWithArgs": "exit 2"}],
        "depends": ["before"],
        "continueOn": {"exitCode": [2]},
    }


def test_script_form_with_retry() -> None:
    # recorded: runs/status/retry-backoff.json
    text = '{id: a, run: "x\\nexit 7\\n", retry_policy: '
    text += "{limit: 3, interval_sec: 1, backoff: 2.0, max_interval_sec: 3}}"
    assert record(text) == {
        "id": "a",
        "name": "a",
        "script": "x\nexit 7\n",
        "retryPolicy": {
            "limit": 3,
            "interval": 1_000_000_000,
            "backoff": 2,
            "maxInterval": 3_000_000_000,
        },
    }


def test_words_of_a_command() -> None:
    # recorded: runs/status/stop-trap.json, m-human-task.jsonl
    assert command_record('trap "echo got TERM; exit 3" TERM; sleep 20 & wait') == {
        "command": "trap",
        "args": ["echo got TERM; exit 3", "TERM;", "sleep", "20", "&", "wait"],
        "cmdWithArgs": 'trap "echo got TERM; exit 3" TERM; sleep 20 & wait',
    }
    assert command_record("list") == {"command": "list", "cmdWithArgs": "list"}
    assert command_record("echo 'x")["command"] == "echo"


def test_everything_else() -> None:
    found = record(
        "{name: n, description: d, run: [a, b], with: {shell: bash -u}, working_dir: /w,"
        " stdout: o, stderr: e, log_output: merged, timeout_sec: 5, signal_on_stop: SIGINT,"
        " env: [K=V], preconditions: [x, {condition: $A, expected: b, negate: true}],"
        " continue_on: {failure: true, skipped: true, mark_success: true, output: [w]},"
        " retry_policy: {limit: '${n}', interval_sec: '${m}', exit_code: [1]}}"
    )
    assert found == {
        "name": "n",
        "description": "d",
        "shell": "bash",
        "shellArgs": ["-u"],
        "dir": "/w",
        "commands": [
            {"command": "a", "cmdWithArgs": "a"},
            {"command": "b", "cmdWithArgs": "b"},
        ],
        "stdout": "o",
        "stderr": "e",
        "logOutput": "merged",
        "continueOn": {"failure": True, "skipped": True, "output": ["w"], "markSuccess": True},
        "retryPolicy": {"limitStr": "${n}", "intervalSecStr": "${m}", "exitCode": [1]},
        "preconditions": [
            {"condition": "x"},
            {"condition": "$A", "expected": "b", "negate": True},
        ],
        "signalOnStop": "SIGINT",
        "env": ["K=V"],
        "timeout": 5_000_000_000,
    }


def test_split_words() -> None:
    assert split_words("a  'b c' \"d \\\" \\x\" e\\ f ''") == ["a", "b c", 'd " \\x', "e f", ""]
    assert split_words('a "b') is None
    assert split_words("a 'b") is None
    assert split_words("") == []
