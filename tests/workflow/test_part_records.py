"""Parts of the step object of the run record (spec 12 section 17); recorded: data/runs/status."""

from __future__ import annotations

import pytest

from edge.core.jsontypes import JsonObject, JsonValue
from edge.workflow.records import step_record
from tests.workflow.helpers import load


def record(fields: str) -> JsonObject:
    dag = load(f"steps:\n  - {{id: a, {fields}}}\n  - {{name: b, run: x}}\n")
    return step_record(dag.steps[0], dag)


def test_recorded_approval() -> None:
    """spec 12 section 17: runs/status/appr.json"""
    assert record("run: echo a, approval: {prompt: 'ok?', input: [who], required: [who]}") == {
        "id": "a",
        "name": "a",
        "commands": [{"command": "echo", "args": ["a"], "cmdWithArgs": "echo a"}],
        "approval": {"prompt": "ok?", "input": ["who"], "required": ["who"]},
    }
    assert record("run: x, approval: {}")["approval"] == {}
    assert "approval" not in record("run: x, approval: ~")


def test_recorded_foreach() -> None:
    """spec 12 section 17: runs/status/fe-key.json"""
    fields = (
        "foreach: {items: [{n: x}, {n: y}], key: '${foreach.item.n}',"
        " steps: [{id: s1, run: 'echo ${foreach.key} ${foreach.item}'}]}"
    )
    text = "echo ${foreach.key} ${foreach.item}"
    command: JsonValue = {
        "command": "echo",
        "args": ["${foreach.key}", "${foreach.item}"],
        "cmdWithArgs": text,
    }
    assert record(fields) == {
        "id": "a",
        "name": "a",
        "executorConfig": {"type": "foreach"},
        "foreach": {
            "items": [{"n": "x"}, {"n": "y"}],
            "as": "item",
            "key": "${foreach.item.n}",
            "maxConcurrent": 10,
            "steps": [{"id": "s1", "name": "s1", "commands": [command]}],
        },
    }


def test_recorded_parallel() -> None:
    """spec 12 section 17: runs/status/par-obj.json"""
    fields = (
        "action: dag.run, with: {dag: kid, params: {V: '${ITEM.name}', W: '${ITEM.n}'}},"
        " parallel: {items: [{name: x, n: 1}, {name: y, n: 2}], max_concurrent: 1}"
    )
    assert record(fields) == {
        "id": "a",
        "name": "a",
        "executorConfig": {"type": "parallel"},
        "childDag": {"name": "kid", "params": 'V="${ITEM.name}" W="${ITEM.n}"'},
        "parallel": {
            "items": [{"params": {"n": "1", "name": "x"}}, {"params": {"n": "2", "name": "y"}}],
            "max_concurrent": 1,
        },
        "params": {"rich": {"simple": {"V": "${ITEM.name}", "W": "${ITEM.n}"}}},
    }


def test_recorded_human_task() -> None:
    """spec 12 section 17: runs/status/human-root.json"""
    fields = (
        "action: human.task, with: {prompt: 'ok?', form: {type: object, properties:"
        " {s: {type: string}, n: {type: integer, default: 3}}, required: [s]}}"
    )
    assert record(fields) == {
        "id": "a",
        "name": "a",
        "outputs": [{"name": "n", "type": "json"}, {"name": "s", "type": "string"}],
        "humanTask": {
            "prompt": "ok?",
            "form": {
                "type": "object",
                "properties": {"n": {"type": "integer", "default": 3}, "s": {"type": "string"}},
                "required": ["s"],
                "additionalProperties": False,
            },
        },
    }


def test_recorded_router() -> None:
    """spec 12 section 17: runs/status/router1.json"""
    dag = load(
        """
        steps:
          - id: r
            action: router.route
            with: {value: "${V}", routes: {"re:.*": [d], hello: [d2]}}
          - {id: d, run: echo d}
          - {id: d2, run: echo a}
        """
    )
    assert step_record(dag.steps[0], dag) == {
        "id": "r",
        "name": "r",
        "executorConfig": {"type": "router"},
        "continueOn": {"skipped": True},
        "router": {
            "value": "${V}",
            "routes": [
                {"pattern": "hello", "targets": ["d2"]},
                {"pattern": "re:.*", "targets": ["d"]},
            ],
        },
    }


def test_recorded_operation() -> None:
    """spec 12 section 17: grpc/l1-state.jsonl"""
    assert record("action: state.set, with: {key: counters/visits, value: 7}") == {
        "id": "a",
        "name": "a",
        "executorConfig": {"type": "state", "config": {"key": "counters/visits", "value": 7}},
        "commands": [{"command": "set", "cmdWithArgs": "set"}],
    }


@pytest.mark.parametrize(
    ("fields", "member", "expected"),
    [
        # recorded: runs/status/rep-while-cond.json
        (
            "run: x, repeat_policy: {repeat: while, condition: c, interval_sec: 0, limit: 10}",
            "repeatPolicy",
            {"repeatMode": "while", "limit": 10, "condition": {"condition": "c"}},
        ),
        (
            "run: x, repeat_policy: {repeat: until, condition: c, expected: e, exit_code: [1],"
            " interval_sec: 2, max_interval_sec: 9, backoff: true}",
            "repeatPolicy",
            {
                "repeatMode": "until",
                "interval": 2_000_000_000,
                "maxInterval": 9_000_000_000,
                "backoff": 2,
                "condition": {"condition": "c", "expected": "e"},
                "exitCode": [1],
            },
        ),
        (
            "run: x, repeat_policy: {repeat: true, interval_sec: $I, limit: $L,"
            " max_interval_sec: $M, backoff: 1.5}",
            "repeatPolicy",
            {
                "repeatMode": "while",
                "intervalStr": "$I",
                "limitStr": "$L",
                "maxIntervalStr": "$M",
                "backoff": 1.5,
            },
        ),
        (
            "action: dag.run, with: {dag: k}, parallel: '${LIST}'",
            "parallel",
            {"variable": "${LIST}", "max_concurrent": 10},
        ),
        (
            "action: dag.run, with: {dag: k}, parallel: [a, 2]",
            "parallel",
            {"items": [{"value": "a"}, {"value": "2"}], "max_concurrent": 10},
        ),
        ("run: x, mail_on_error: true", "mailOnError", True),
        ("run: x, output: $N", "output", "N"),
        (
            "run: x, output: {k: ~, v: {value: [1]}, f: {from: file, path: p, decode: json,"
            " select: .a}}",
            "structuredOutput",
            {
                "k": {"hasValue": True, "value": None},
                "v": {"hasValue": True, "value": [1]},
                "f": {"from": "file", "path": "p", "decode": "json", "select": ".a"},
            },
        ),
        ("run: x, output_schema: {}", "outputSchema", {}),
        ("run: x, outputs: [{name: v, type: json}]", "outputs", [{"name": "v", "type": "json"}]),
        ("run: x, stdout: {artifact: l/o.txt}", "stdoutArtifact", "l/o.txt"),
        ("run: x, stderr: {artifact: l/e.txt}", "stderrArtifact", "l/e.txt"),
        ("run: x, stdout: {outputs: v}", "stdoutOutputs", {"field": "v"}),
        (
            "run: x, stdout: {outputs: {fields: {a: 1, b: {select: .c}}}}",
            "stdoutOutputs",
            {
                "fields": {
                    "a": {"hasValue": True, "value": 1},
                    "b": {"from": "stdout", "decode": "json", "select": ".c"},
                }
            },
        ),
        ("run: x, dependencies: data/*", "dependencies", ["data/*"]),
        (
            "action: dag.run, with: {dag: k}, worker_selector: {zone: '${ITEM}'}",
            "workerSelector",
            {"zone": "${ITEM}"},
        ),
        (
            "action: http.request, with: {method: GET, url: u}",
            "executorConfig",
            {"type": "http", "config": {"method": "GET", "url": "u"}},
        ),
    ],
)
def test_members(fields: str, member: str, expected: JsonValue) -> None:
    """spec 12 section 17"""
    assert record(fields)[member] == expected


def test_container_has_every_member() -> None:
    """spec 12 section 17"""
    found = record(
        "run: x, container: {image: alpine, env: {A: 1}, pull_policy: never, volumes: [v:/v],"
        " healthcheck: {test: [CMD, y], interval: 5s, timeout: 1m}}"
    )["container"]
    assert found == {
        "Exec": "",
        "Name": "",
        "Image": "alpine",
        "PullPolicy": 1,
        "Volumes": ["v:/v"],
        "User": "",
        "WorkingDir": "",
        "Platform": "",
        "Ports": [],
        "Network": "",
        "KeepContainer": False,
        "Startup": "",
        "Command": [],
        "WaitFor": "",
        "LogPattern": "",
        "RestartPolicy": "",
        "Healthcheck": {
            "Test": ["CMD", "y"],
            "Interval": 5_000_000_000,
            "Timeout": 60_000_000_000,
            "StartPeriod": 0,
            "Retries": 0,
        },
        "Shell": [],
        "env": ["A=1"],
    }


def test_build_paths() -> None:
    """spec 12 section 17"""
    dag = load(
        """
        type: build
        steps:
          - {id: a, run: x, inputs: [{name: src, path: a.c}], outputs: [{name: obj, path: a.o}]}
        """
    )
    found = step_record(dag.steps[0], dag)
    assert found["inputs"] == [{"name": "src", "path": "a.c"}]
    assert found["outputs"] == [{"name": "obj", "path": "a.o"}]
