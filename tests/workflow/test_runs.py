from __future__ import annotations

import pytest

from edge.workflow.model import CommandRun, ScriptRun, Shell
from tests.workflow.helpers import load, refused, step

# spec 10 section 6.6: what cannot be a `run`
BAD_RUNS = [
    ("{run: 1}", "field 'run': run must be a string or array"),
    ("{run: true}", "run must be a string or array"),
    ("{run: ~}", "run must be a string or array"),
    ("{run: {a: b}}", "run must be a string or array"),
    ("{run: ' '}", "step command is empty"),
    ('{run: " \\n "}', "step command is empty"),
    ("{run: ['', ' ']}", "step command is empty"),
    ("{run: [[a]]}", "command array elements must be strings or primitive types"),
    ("{run: [~]}", "command array elements must be strings or primitive types"),
    ("{run: [{a: b, c: d}]}", "command array elements must be strings. If this contains a colon"),
    ("{run: [{a: [b]}]}", "command array elements must be strings"),
    ("{run: a, with: ~}", "field 'with': with must be an object"),
    ("{run: a, with: [x]}", "field 'with': with must be an object"),
    (
        "{run: a, with: {x: 1}}",
        "field 'with': run only supports shell, shell_args, and shell_packages in with; got \"x\"",
    ),
    ('{run: "a\\0b"}', "a command cannot hold a NUL character"),
    ('{run: [a, "b\\0"]}', "a command cannot hold a NUL character"),
]


@pytest.mark.parametrize(("fields", "message"), BAD_RUNS)
def test_bad_run_says_what_and_where(fields: str, message: str) -> None:
    """spec 10 section 6.6"""
    error = refused(f"steps:\n  - {fields}\n")
    assert message in error.message
    assert [problem.line for problem in error.problems] == [2]
    assert all(problem.column > 4 for problem in error.problems)


@pytest.mark.parametrize(
    "key",
    [
        *("command: a", "script: a", "shell: sh", "shell_args: [a]", "shell_packages: [a]"),
        *("exec: {command: a}", "type: ssh", "config: {a: 1}", "call: x", "params: a"),
        *("messages: []", "llm: {}", "value: v", "routes: {}"),
    ],
)
def test_no_old_key_stands_beside_run_or_action(key: str) -> None:
    """spec 13 section 1.1, points 1 and 2"""
    name = key.partition(":")[0]
    message = refused(f"steps: [{{run: a, {key}}}]").message
    assert f"field 'run': run cannot be used together with {name}" in message
    message = refused(f"steps: [{{action: noop, {key}}}]").message
    assert f"field 'action': action cannot be used together with {name}" in message


def test_run_and_action_exclude_each_other() -> None:
    """spec 13 section 1.1, point 1"""
    error = refused("steps: [{run: a, action: noop}]")
    assert "field 'action': run cannot be used together with action (value: noop)" in error.message
    assert error.problems[0].column == 26


def test_form_is_chosen_from_the_text_as_it_stands() -> None:
    """spec 10 section 6.6: command, script, list"""
    assert step("{run: ' a b '}").run == CommandRun((" a b ",))
    assert step('{run: "\\n a\\n"}').run == ScriptRun("\n a\n")
    assert step("{run: [a, 1, true, 1.50, b: c, '']}").run == CommandRun(
        ("a", "1", "true", "1.5", "b: c")
    )


@pytest.mark.parametrize(
    ("fields", "shell", "args", "packages"),
    [
        ("{run: a, with: {shell: bash -u, shell_args: [-x]}}", ("bash", "-u", "-x"), (), ()),
        ("{run: a, with: {shell_args: [-x, 1]}}", None, ("-x", "1"), ()),
        ("{run: a, with: {shell: nix-shell, shell_packages: [jq]}}", ("nix-shell",), (), ("jq",)),
        ("{command: a, shell: nix-shell, shell_packages: [jq]}", ("nix-shell",), (), ("jq",)),
        ("{script: a, shell: [sh, -u], shell_args: [-x]}", ("sh", "-u", "-x"), (), ()),
        ("{command: a, shell_args: [-x]}", None, ("-x",), ()),
        ("{run: a, with: {shell: ~}}", None, (), ()),
    ],
)
def test_shell_of_a_step(
    fields: str, shell: tuple[str, ...] | None, args: tuple[str, ...], packages: tuple[str, ...]
) -> None:
    """spec 10 section 6.6, shell selection, and section 13.3"""
    found = step(fields)
    assert found.shell == (None if shell is None else Shell(shell))
    assert found.shell_args == args
    assert found.shell_packages == packages


# spec 10 section 6.4 (end): a step without any form
@pytest.mark.parametrize(
    "fields",
    [
        "{name: a}",
        "{script: ' '}",
        "{type: command}",
        "{type: shell, script: ''}",
        "{config: {a: 1}}",
        "{output: {a: {from: stdout}}}",
        "{output: X}",
        "{output: {}}",
    ],
)
def test_step_without_any_form_is_refused(fields: str) -> None:
    """spec 10 section 6.4"""
    assert "field 'command': step command is required" in refused(f"steps: [{fields}]").message


def test_generated_names_tell_what_runs() -> None:
    """spec 10 section 6.2, generated names"""
    dag = load(
        """
        steps:
          - run: a
          - run: "a\\nb"
          - {action: exec, with: {command: a}}
          - {action: noop}
          - {action: dag.run, with: {dag: x}}
          - {action: http.request, with: {method: GET, url: u}}
          - {type: command, command: a}
          - {action: owner/repo@v1}
        """
    )
    assert [found.name for found in dag.steps] == [
        *("cmd_1", "script_2", "cmd_3", "noop_4", "dag_5", "http_6", "command_7", "action_8"),
    ]
