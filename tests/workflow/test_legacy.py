"""Step forms of older files (spec 10 section 13.3)."""

from __future__ import annotations

import pytest

from edge.workflow.load import validate_text
from edge.workflow.model import CommandRun, ExecRun, Router, Run, ScriptRun, SubDAG
from tests.workflow.helpers import load, refused, step

# spec 10 section 13.3: the form, and the action of today that it stands for
FORMS: list[tuple[str, str, str, dict[str, object], Run]] = [
    ("command: text", "", "", {}, CommandRun(("text",))),
    ("command: [a, b]", "", "", {}, CommandRun(("a", "b"))),
    ('command: "a\\nb\\n"', "", "", {}, ScriptRun("a\nb\n")),
    ('script: "  a\\nb  "', "", "", {}, ScriptRun("a\nb")),
    ("command: python3 -u, script: print(1)", "", "", {}, ScriptRun("print(1)", "python3 -u")),
    ("exec: {command: a, args: [b, 1]}", "exec", "", {}, ExecRun("a", ("b", "1"))),
    ("type: command, command: a", "", "", {}, CommandRun(("a",))),
    ("type: shell, script: a", "", "", {}, ScriptRun("a")),
    ("command: a, config: {x: 1}, value: v", "", "", {}, CommandRun(("a",))),
    (
        *("type: http, command: GET https://h/x, with: {timeout: 5}", "http.request", "http"),
        {"timeout": 5, "method": "GET", "url": "https://h/x"},
        None,
    ),
    (
        *('type: http, command: POST u, script: \'{"body": "b"}\', with: {timeout: 5}',),
        *("http.request", "http"),
        {"method": "POST", "url": "u"},
        ScriptRun('{"body": "b"}'),
    ),
    (
        "type: ssh, command: [a, b], config: {host: h}",
        "ssh.run",
        "ssh",
        {"host": "h"},
        CommandRun(("a", "b")),
    ),
    ("type: ssh, script: a, with: {host: h}", "ssh.run", "ssh", {"host": "h"}, ScriptRun("a")),
    (
        "type: sftp, with: {direction: download}",
        "sftp.download",
        "sftp",
        {"direction": "download"},
        None,
    ),
    (
        "type: sftp, with: {source: a}",
        "sftp.upload",
        "sftp",
        {"source": "a", "direction": "upload"},
        None,
    ),
    (
        *("type: jq, command: .a, script: '{\"a\": 1}', config: {raw: true}", "jq.filter", "jq"),
        {"raw": True, "filter": ".a", "data": '{"a": 1}'},
        None,
    ),
    (
        "type: sqlite, command: select 1, with: {dsn: d}",
        "sqlite.query",
        "sqlite",
        {"dsn": "d", "query": "select 1"},
        None,
    ),
    ('type: postgres, script: "a;\\nb"', "postgres.query", "postgres", {"query": "a;\nb"}, None),
    (
        *("type: sqlite, with: {import: {table: t}}", "sqlite.import", "sqlite"),
        {"import": {"table": "t"}},
        None,
    ),
    (
        "type: redis, with: {command: get, key: k}",
        "redis.get",
        "redis",
        {"command": "GET", "key": "k"},
        None,
    ),
    (
        "type: redis, command: ttl, with: {key: k}",
        "redis.ttl",
        "redis",
        {"command": "TTL", "key": "k"},
        None,
    ),
    ("type: redis, with: {pipeline: []}", "redis.pipeline", "redis", {"pipeline": []}, None),
    ("type: redis, script: return 1", "redis.script", "redis", {"script": "return 1"}, None),
    (
        "type: archive, command: create, with: {source: a}",
        "archive.create",
        "archive",
        {"source": "a"},
        None,
    ),
    ("type: s3, command: upload, with: {key: k}", "s3.upload", "s3", {"key": "k"}, None),
    ("type: file, command: stat, with: {path: p}", "file.stat", "file", {"path": "p"}, None),
    (
        "type: git, command: checkout, with: {repository: r, path: p}",
        "git.checkout",
        "git",
        {"repository": "r", "path": "p"},
        None,
    ),
    (
        "type: docker, command: [a, b], with: {image: i}",
        "docker.run",
        "docker",
        {"image": "i"},
        CommandRun(("a", "b")),
    ),
    ("type: container, with: {image: i}", "container.run", "container", {"image": "i"}, None),
    (
        "type: k8s, command: a, with: {image: i}",
        "k8s.run",
        "k8s",
        {"image": "i", "command": "a"},
        None,
    ),
    ("type: kubernetes, with: {image: i}", "kubernetes.run", "kubernetes", {"image": "i"}, None),
    ("type: mail, with: {to: a}", "mail.send", "mail", {"to": "a"}, None),
    ("type: log, with: {message: a}", "log.write", "log", {"message": "a"}, None),
    ("type: noop", "noop", "noop", {}, None),
    (
        "type: template, script: ' {{ .a }} ', with: {data: {a: 1}}",
        "template.render",
        "template",
        {"data": {"a": 1}, "template": "{{ .a }}"},
        None,
    ),
    (
        "type: chat, messages: [{role: user}], llm: {model: m}",
        "chat.completion",
        "chat",
        {"model": "m", "messages": [{"role": "user"}]},
        None,
    ),
    (
        "type: harness, command: do it, script: more",
        "harness.run",
        "harness",
        {"prompt": "do it", "stdin": "more"},
        None,
    ),
    ("type: gha, command: actions/checkout", "gha", "gha", {}, CommandRun(("actions/checkout",))),
]


@pytest.mark.parametrize(("form", "action", "type_", "options", "run"), FORMS)
def test_old_form_stands_for_an_action(
    form: str, action: str, type_: str, options: dict[str, object], run: Run
) -> None:
    """spec 10 section 13.3"""
    found = step(f"{{{form}}}")
    assert found.action == action
    assert found.type == type_
    assert found.options == options
    assert found.run == run


# spec 10 section 13.3: `call` and its executor types
@pytest.mark.parametrize(
    ("form", "action", "type_", "target"),
    [
        ("call: x, params: a=1", "dag.run", "dag", SubDAG("x", 'a="1"')),
        ("type: dag, call: x", "dag.run", "dag", SubDAG("x")),
        ("type: subworkflow, call: x", "dag.run", "subworkflow", SubDAG("x")),
        ("call: x, parallel: [1]", "dag.run", "parallel", SubDAG("x")),
        ("type: parallel, call: x, parallel: [1]", "dag.run", "parallel", SubDAG("x")),
        (
            "type: dag_enqueue, call: x, with: {queue: q}",
            "dag.enqueue",
            "dag_enqueue",
            SubDAG("x", "", "q"),
        ),
    ],
)
def test_call_starts_a_sub_dag(form: str, action: str, type_: str, target: SubDAG) -> None:
    """spec 10 section 13.3"""
    found = step(f"{{{form}}}")
    assert (found.action, found.type, found.sub_dag) == (action, type_, target)


def test_old_router() -> None:
    """spec 10 section 13.3"""
    dag = load("steps: [{type: router, value: v, routes: {a: [t]}}, {id: t, run: a}]")
    assert dag.steps[0].action == "router.route"
    assert dag.steps[0].router == Router("v", (("a", ("t",)),))


@pytest.mark.parametrize(
    ("form", "field", "message"),
    [
        ("type: valve, command: a", "type", 'unknown action "valve" (value: valve)'),
        ("type: htpp, command: a", "type", 'unknown action "htpp"; did you mean "http"?'),
        ("type: log, with: {}, config: {}", "config", 'cannot be used together; use "with"'),
        ("type: log, with: [a]", "with", "with must be an object"),
        ("type: log, config: a", "config", "config must be an object"),
        ("type: log", "type", "log: message is required"),
        ("type: log, with: {message: a, x: 1}", "with", "invalid log config: validating root: "),
        (
            "type: router, value: v, routes: {a: [b]}, with: {x: 1}",
            "with",
            "invalid router config: ",
        ),
        ("type: router, routes: {a: [b]}", "value", "value is required"),
        ("type: router, value: v", "routes", "routes is required"),
        ("type: file", "command", "file: command must name an operation: stat, read"),
        ("type: file, command: explode", "type", 'unknown action "file.explode"'),
        ("type: file, command: stat", "type", "file: configuration error: path is required"),
        ("type: redis, with: {command: explode}", "type", 'unknown action "redis.explode"'),
        ("type: redis", "type", "redis: command is required"),
        ("type: template", "script", "exactly one of with.template or with.template_ref"),
        ("type: sftp, with: {direction: sideways}", "with", "enum: sideways"),
        ("type: dag", "call", "call is required for type dag"),
        ("call: ' '", "call", "call must be a non-empty string"),
        ("exec: a", "exec", "exec must be an object"),
        ("exec: {args: [a]}", "exec.command", "exec.command is required"),
        ("exec: {command: a, x: 1}", "exec", "'exec' has invalid keys: x"),
        ("exec: {command: a, args: [[b]]}", "exec.args[0]", "exec args must be strings or prim"),
        ("exec: {command: a}, command: b", "exec", "exec cannot be used together with command"),
        ("exec: {command: a}, script: b", "exec", "exec cannot be used together with script"),
        ("exec: {command: a}, shell: b", "exec", "exec cannot be used together with shell"),
        ("exec: {command: a}, container: b", "exec", "exec is only supported for direct command"),
        ("command: [a, b], script: c", "command", "command must be one line when script is given"),
        ("command: 5", "command", "command must be a string or array"),
    ],
)
def test_bad_old_forms(form: str, field: str, message: str) -> None:
    """spec 10 section 13.3"""
    error = refused(f"steps:\n  - {{{form}}}\n")
    assert message in error.message
    assert error.problems[0].field == f"steps[0].{field}"
    assert error.problems[0].line == 2


def test_old_forms_warn_with_what_replaces_them() -> None:
    """spec 10 section 14: deprecations"""
    report = validate_text(
        """
        steps:
          - {id: a, exec: {command: x}}
          - {call: x, params: y}
          - {type: log, config: {message: x}}
          - {type: log, with: {message: x}}
          - {command: x, shell: sh, shell_args: [a]}
          - {type: chat, messages: [], llm: {}}
          - {type: router, value: v, routes: {p: [a]}}
        """,
        default_name="a",
    )
    texts = [
        "steps[0].exec is deprecated; use action: exec",
        "steps[1].call is deprecated; use action: dag.run with with.dag",
        "steps[1].params is deprecated; use action: dag.run with with.params",
        "steps[2].type is deprecated; use action",
        "steps[2].config is deprecated; use with",
        "steps[3].type is deprecated; use action",
        "steps[3].with is deprecated with legacy execution syntax; use action with with",
        "steps[4].command is deprecated; use run",
        "steps[4].shell is deprecated; use run with with.shell",
        "steps[4].shell_args is deprecated; use run with with.shell_args",
        "steps[5].type is deprecated; use action",
        "steps[5].messages is deprecated; use action: chat.completion with with.messages",
        "steps[5].llm is deprecated; use action: chat.completion",
        "steps[6].type is deprecated; use action",
        "steps[6].value is deprecated; use action: router.route with with.value",
        "steps[6].routes is deprecated; use action: router.route with with.routes",
    ]
    assert not report.errors
    found = [text for text in report.warnings if text.startswith("Deprecated")]
    assert sorted(found) == sorted(f"Deprecated DAG syntax: {text}" for text in texts)
