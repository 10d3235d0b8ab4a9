from __future__ import annotations

import pytest

from tests.workflow.helpers import load, refused

_SCRIPT = 'script: "a\\nb"'

# spec 13 section 1.2: type, what it is given, what it says; rows without a text are accepted
CAPABILITIES = [
    ("command", "command: a", ""),
    ("command", "command: [a, b]", ""),
    ("command", _SCRIPT, ""),
    ("shell", "command: a, shell: sh", ""),
    ("command", "command: a, container: c", 'action "command" does not support container field'),
    ("ssh", "command: [a, b]", ""),
    ("ssh", _SCRIPT, ""),
    ("ssh", "command: a, shell: sh", ""),
    ("docker", "command: [a, b]", ""),
    ("docker", _SCRIPT, 'action "docker" does not support script field'),
    ("docker", "command: a, shell: sh", 'action "docker" does not support shell configuration'),
    ("docker", "command: a, container: c", ""),
    ("container", "command: [a, b]", ""),
    ("container", _SCRIPT, 'action "container" does not support script field'),
    ("k8s", "command: a", ""),
    ("k8s", "command: [a, b]", 'action "k8s" supports only one command'),
    ("kubernetes", _SCRIPT, 'action "kubernetes" does not support script field'),
    ("http", "command: GET u", ""),
    ("http", "command: [a, b]", 'action "http" supports only one command'),
    ("http", _SCRIPT, ""),
    ("http", "command: a, shell: sh", 'action "http" does not support shell configuration'),
    ("jq", "command: ., script: '{}'", ""),
    ("jq", "command: [a, b]", 'action "jq" supports only one command'),
    ("postgres", "command: a", ""),
    ("sqlite", _SCRIPT, ""),
    ("redis", "command: get", ""),
    ("harness", "command: a, container: c", ""),
    ("template", "script: a", ""),
    ("template", "command: a", 'action "template" does not support command field'),
    ("file", "command: stat, with: {path: a}", ""),
    ("file", "command: [stat, read]", 'action "file" supports only one command'),
    ("file", "script: stat", 'action "file" does not support script field'),
    ("wait", "command: duration, with: {duration: 1s}", ""),
    ("git", "script: a", 'action "git" does not support script field'),
    ("state", "command: list", ""),
    ("data", "script: a", 'action "data" does not support script field'),
    ("artifact", "command: list", ""),
    ("archive", "command: list, with: {source: a}", ""),
    ("s3", "command: list", ""),
    ("outputs", "command: write, with: {values: {a: 1}}", ""),
    ("log", "command: a", 'action "log" does not support command field'),
    ("noop", "command: a", 'action "noop" does not support command field'),
    ("router", "command: a", 'action "router" does not support command field'),
    ("mail", "command: a", 'action "mail" does not support command field'),
    ("sftp", "command: a", 'action "sftp" does not support command field'),
    ("chat", "command: a", 'action "chat" does not support command field'),
    ("noop", "script: a", 'action "noop" does not support script field'),
    ("noop", "container: c", 'action "noop" does not support container field'),
    ("dag", "call: x", ""),
    ("subworkflow", "call: x", ""),
    ("dag_enqueue", "call: x", ""),
    ("dag", "call: x, command: a", 'action "dag" does not support command field'),
    ("dag", "call: x, script: a", 'action "dag" does not support script field'),
    ("dag", "call: x, container: c", 'action "dag" does not support container field'),
    ("http", "call: x", 'action "http" does not support call field'),
    ("command", "call: x", 'action "command" does not support call field'),
    ("dag", "call: x, worker_selector: {a: b}", ""),
    ("dag_enqueue", "call: x, worker_selector: {a: b}", ""),
    (
        "ssh",
        "command: a, worker_selector: {a: b}",
        'action "ssh" does not support worker_selector field',
    ),
]


@pytest.mark.parametrize(("type_", "fields", "message"), CAPABILITIES)
def test_what_an_executor_type_accepts(type_: str, fields: str, message: str) -> None:
    """spec 13 section 1.2 and spec 10 section 6.7"""
    text = f"steps:\n  - {{id: x, type: {type_}, {fields}}}\n"
    if not message:
        load(text)
        return
    error = refused(text)
    assert message in error.message
    word = message.partition("support ")[2].partition(" ")[0]
    field = {"shell": "shell", "container": "container", "script": "script"}.get(word, "")
    if field:
        assert f"field '{field}': action" in error.message
    assert [problem.line for problem in error.problems] == [2]


# spec 10 section 6.5 (end), spec 13 section 1.1 (end): the type of a step that names none
@pytest.mark.parametrize(
    ("root", "fields", "type_"),
    [
        ("", "{run: a}", ""),
        ("", "{run: a, container: c}", "docker"),
        ("container: {image: i}", "{run: a, container: c}", "docker"),
        ("", "{output: {a: 1, b: {from: file, path: p}}}", "noop"),
        ("container: {image: i}", "{output: {a: 1}}", "noop"),
        ("", "{container: c, output: {a: 1}}", "docker"),
        ("container: {image: i}\nssh: {host: h}", "{run: a}", "container"),
        ("ssh: {host: h}\nredis: {host: h}", "{run: a}", "ssh"),
        ("redis: {host: h}", "{run: a}", "redis"),
        ("ssh: {host: h}", "{command: a}", "ssh"),
        ("ssh: {host: h}", "{type: command, command: a}", ""),
        ("container: {image: i}", "{action: log.write, with: {message: a}}", "log"),
        ("s3: {bucket: b}\nsmtp: {host: h}\nkubernetes: {image: i}", "{run: a}", ""),
    ],
)
def test_type_of_a_step_that_names_none(root: str, fields: str, type_: str) -> None:
    """spec 10 section 6.5"""
    (found,) = load(f"{root}\nsteps: [{fields}]\n").steps
    assert found.type == type_


@pytest.mark.parametrize(
    ("root", "fields", "message"),
    [
        ("container: {image: i}", '{run: "a\\nb"}', '"container" does not support script field'),
        ("", '{run: "a\\nb", container: c}', 'action "docker" does not support script field'),
        ("container: {image: i}", "{run: a, with: {shell: sh}}", "support shell configuration"),
        ("redis: {host: h}", "{run: [a, b]}", 'action "redis" supports only one command'),
        (
            "container: {image: i}",
            "{action: exec, with: {command: a}}",
            "exec is only supported for direct command execution",
        ),
        ("ssh: {host: h}", "{action: exec, with: {command: a}}", "exec is only supported for"),
        ("ssh: {host: h}", "{exec: {command: a}}", "exec is only supported for direct command"),
        ("", "{run: a, worker_selector: {a: b}}", 'action "" does not support worker_selector'),
        ("", "{action: noop, worker_selector: {a: b}}", 'action "noop" does not support worker_'),
        (
            "",
            "{action: http.request, container: c, with: {method: GET, url: u}}",
            "container field",
        ),
        ("", "{action: docker.run, with: {image: i, command: [a, b]}}", ""),
        ("", '{action: docker.run, with: {image: i, command: "a\\nb"}}', "support script field"),
    ],
)
def test_inferred_type_limits_the_step(root: str, fields: str, message: str) -> None:
    """spec 13 section 1.1 (end)"""
    text = f"{root}\nsteps: [{fields}]\n"
    if message:
        assert message in refused(text).message
    else:
        assert load(text).steps[0].type == "docker"
