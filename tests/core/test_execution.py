"""What a step carries out, as a page shows it."""

from __future__ import annotations

import pytest

from edge.core.execution import execution_summary, execution_text
from edge.core.jsontypes import JsonObject
from edge.workflow.records import step_record
from tests.workflow.helpers import load


@pytest.mark.parametrize(
    ("step", "text"),
    [
        ({"script": "a\nb\n", "commands": [{"command": "x"}]}, "a\nb"),
        ({"commands": [{"command": "cat", "args": ["f"], "cmdWithArgs": "cat f"}]}, "cat f"),
        ({"commands": [{"command": "cat", "args": ["f"]}, {"command": "ls"}]}, "cat f\nls"),
        ({"childDag": {"name": "child", "params": "A=1"}}, "child A=1"),
        ({"commands": None, "script": 5}, "5"),
        ({}, ""),
        ({"executorConfig": {"config": {}}, "commands": [{"cmdWithArgs": "ls"}]}, "ls"),
        ({"executorConfig": 5, "humanTask": 5, "foreach": 5, "router": []}, ""),
        ({"executorConfig": {"type": "http", "config": {"url": "u", "method": ["x"]}}}, "http u"),
        (
            {
                "executorConfig": {"type": "ssh", "config": {"host": "gw"}},
                "commands": [{"cmdWithArgs": "a"}, {"cmdWithArgs": "b"}],
            },
            "ssh gw\na\nb",
        ),
    ],
)
def test_text_of_a_record(step: JsonObject, text: str) -> None:
    assert execution_text(step) == text


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ("run: echo a", "echo a"),
        ("action: http.request, with: {method: GET, url: 'http://gw/x'}", "http GET http://gw/x"),
        ("action: file.read, with: {path: /etc/hosts}", "file read /etc/hosts"),
        ("action: dag.run, with: {dag: kid, params: {X: 1}}", 'dag kid X="1"'),
        ("action: dag.run, with: {dag: kid}, parallel: [a, b]", "parallel kid"),
        (
            "foreach: {items: [1], steps: [{name: x, run: a}, {name: y, run: b}]}",
            "foreach x, y",
        ),
        (
            "id: h, action: human.task, with: {prompt: Open the valve?}",
            "human.task Open the valve?",
        ),
        ("output: {a: 1}", "noop"),
        ("action: ssh.run, with: {host: gw, command: uptime}", "ssh uptime gw"),
    ],
)
def test_text_of_a_step(fields: str, text: str) -> None:
    dag = load(f"steps: [{{{fields}}}]\n")
    assert execution_text(step_record(dag.steps[0], dag)) == text


def test_summary_is_the_first_line_that_says_something() -> None:
    assert execution_summary("#!/bin/sh\nset -eu\n\n# why\n  cat x\nls\n") == "cat x"
    assert execution_summary("# only\n") == "# only"
    assert execution_summary("x" * 100) == "x" * 70
