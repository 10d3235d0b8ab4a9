from __future__ import annotations

import pytest

from edge.workflow.action_table import is_remote, known_actions, type_of
from edge.workflow.model import CommandRun, ExecRun, Router, ScriptRun, SubDAG
from tests.workflow.helpers import load, refused, step

# spec 13 section 1.1: every action with the least inputs, and its executor type
ACTIONS = [
    ("exec", "command: a", ""),
    ("http.request", "method: GET, url: u", "http"),
    ("ssh.run", "command: a", "ssh"),
    ("sftp.upload", "source: a, destination: b", "sftp"),
    ("sftp.download", "source: a, destination: b", "sftp"),
    ("docker.run", "image: i", "docker"),
    ("container.run", "container_name: i", "container"),
    ("k8s.run", "image: i", "k8s"),
    ("kubernetes.run", "image: i, command: [a, b]", "kubernetes"),
    ("jq.filter", "filter: ., data: {a: 1}", "jq"),
    ("mail.send", "to: [a, b], subject: s", "mail"),
    ("archive.create", "source: a, destination: b", "archive"),
    ("archive.extract", "source: a", "archive"),
    ("archive.list", "source: a", "archive"),
    ("file.stat", "path: a", "file"),
    ("file.read", "path: a", "file"),
    ("file.write", "path: a, content: ''", "file"),
    ("file.copy", "source: a, destination: b", "file"),
    ("file.move", "source: a, destination: b", "file"),
    ("file.delete", "path: a", "file"),
    ("file.mkdir", "path: a, mode: '0o750'", "file"),
    ("file.list", "path: a", "file"),
    ("artifact.write", "path: a, content: b", "artifact"),
    ("artifact.read", "path: a", "artifact"),
    ("artifact.list", "recursive: true", "artifact"),
    ("state.get", "key: a", "state"),
    ("state.set", "key: a, value: ~", "state"),
    ("state.delete", "key: a", "state"),
    ("state.list", "prefix: a", "state"),
    ("state.diff", "key: a, value: [1]", "state"),
    ("data.convert", "from: json, to: csv, data: []", "data"),
    ("data.pick", "from: json, select: .a, input: f", "data"),
    ("wait.duration", "duration: 1s", "wait"),
    ("wait.until", "until: '2026-01-02T03:04:05Z'", "wait"),
    ("wait.file", "path: a", "wait"),
    ("wait.http", "url: http://a", "wait"),
    ("s3.upload", "bucket: b, key: k, source: s", "s3"),
    ("s3.download", "bucket: b, key: k, destination: d", "s3"),
    ("s3.list", "bucket: b", "s3"),
    ("s3.delete", "bucket: b, prefix: p", "s3"),
    ("git.checkout", "repository: r, path: p", "git"),
    ("git.worktree.add", "branch: b", "git"),
    ("git.worktree.remove", "branch: b", "git"),
    ("outputs.write", "values: {a: 1}", "outputs"),
    ("log.write", "message: a", "log"),
    ("template.render", "template: a", "template"),
    ("dag.run", "dag: x", "dag"),
    ("dag.enqueue", "dag: x", "dag_enqueue"),
    ("sqlite.query", "query: a, dsn: d", "sqlite"),
    ("postgres.query", "query: a", "postgres"),
    ("sqlite.import", "import: {input_file: a, table: b}", "sqlite"),
    ("postgres.import", "import: {input_file: a, table: b}", "postgres"),
    ("redis.get", "key: a", "redis"),
    ("redis.xgroup_create", "stream: a", "redis"),
    ("redis.pipeline", "pipeline: []", "redis"),
    ("harness.run", "prompt: a", "harness"),
    ("chat.completion", "prompt: a", "chat"),
    ("chat.completion", "messages: []", "chat"),
    ("vendor/sensor-read@v2", "bus: 1", "action"),
    ("checkout@v1.2.3", "a: 1", "action"),
    ("'source:https://git.example/x.git@main'", "a: 1", "action"),
    ("'source:./local@v1'", "a: 1", "action"),
]


@pytest.mark.parametrize(("name", "inputs", "type_"), ACTIONS)
def test_every_action_is_known(name: str, inputs: str, type_: str) -> None:
    """spec 13 section 1.1, spec 10 section 6.7; spec 13 section 24 for what is only known"""
    found = step(f"{{id: x, action: {name}, with: {{{inputs}}}}}")
    assert found.type == type_
    assert found.action == name.strip("'")


def test_table_of_actions_is_whole() -> None:
    """spec 13 section 1.1"""
    tried = {name for name, _, _ in ACTIONS}
    known = {name for name in known_actions() if not name.startswith("redis.")}
    assert known - tried == {"noop", "router.route", "human.task"}
    assert step("{action: noop}").type == "noop"
    assert step("{action: ' noop '}").action == "noop"
    assert type_of("redis.SET") == "redis"
    assert type_of("redis.nonsense") is None


# spec 13 section 1.1, points 4 and 5
@pytest.mark.parametrize(
    ("action", "message"),
    [
        ("valve.open", "field 'action': unknown action \"valve.open\""),
        ("Noop", 'unknown action "Noop"; did you mean "noop"?'),
        ("http.requests", 'unknown action "http.requests"; did you mean "http.request"?'),
        ("ssh", 'unknown action "ssh"; did you mean "ssh.run"?'),
        ("redis.explode", 'unknown action "redis.explode"'),
        ("5", "field 'action': action must be a string"),
        ("~", "action must be a string"),
        ("[noop]", "action must be a string"),
        ("''", "action is required"),
        ("'  '", "action is required"),
        ("a/b/c@v1", "versioned action references must use official action@version or GitHub"),
        ("'name@'", "GitHub owner/repo@version"),
        ("'@v1'", "GitHub owner/repo@version"),
        ("'name@-v1'", "GitHub owner/repo@version"),
        ("'name@v..1'", "GitHub owner/repo@version"),
        ("'name@v 1'", "GitHub owner/repo@version"),
        ("'name@v^1'", "GitHub owner/repo@version"),
        ("'source:./x'", "GitHub owner/repo@version"),
    ],
)
def test_bad_action_names(action: str, message: str) -> None:
    """spec 13 section 1.1"""
    error = refused(f"steps:\n  - {{action: {action}}}\n")
    assert message in error.message
    assert error.problems[0].field == "steps[0].action"
    assert (error.problems[0].line, error.problems[0].column) == (2, 14)


def test_remote_references_are_told_from_names() -> None:
    """spec 13 section 18.2"""
    assert is_remote("foo@bar")
    assert is_remote("owner/repo@v1")
    assert is_remote("source:file:///srv/a@1")
    assert not is_remote("a@b@c")


# spec 13 section 1.1: required inputs, closed inputs, exclusive inputs
BAD_INPUTS = [
    ("exec", "with: {}", "with.command", "with.command is required"),
    ("exec", "with: {command: ''}", "with.command", "with.command must be a non-empty string"),
    ("exec", "with: {command: [a]}", "with.command", "with.command must be a non-empty string"),
    ("exec", "with: {command: a, shell: b}", "with.shell", "exec does not support with.shell"),
    ("exec", "with: {command: a, args: b}", "exec.args", "exec args must be an array"),
    (
        *("exec", "with: {command: a, args: [1, [b]]}", "exec.args[1]"),
        "exec args must be strings or primitive values, got []interface {}",
    ),
    (
        *("exec", "with: {command: a, args: [~]}", "exec.args[0]"),
        "exec args must be strings or primitive values, got <nil>",
    ),
    ("http.request", "with: {url: u}", "with.method", "with.method is required"),
    ("http.request", "with: {method: GET}", "with.url", "with.url is required"),
    ("http.request", "id: a", "with.method", "with.method is required"),
    ("http.request", "with: ~", "with", "with must be an object"),
    ("http.request", "with: [a]", "with", "with must be an object"),
    ("ssh.run", "with: {host: h}", "with.command", "with.command is required"),
    (
        *("sftp.upload", "with: {direction: download}", "with.direction"),
        'direction must be "upload" for this action',
    ),
    (
        *("redis.get", "with: {command: SET}", "with.command"),
        'command must be "GET" for this action',
    ),
    ("jq.filter", "with: {data: 1}", "with.filter", "with.filter is required"),
    (
        *("jq.filter", "with: {filter: ., data: 1, input: f}", "with"),
        "jq.filter does not allow both with.data and with.input",
    ),
    ("jq.filter", "with: {filter: ., data: ''}", "with.data", "with.data must not be empty"),
    ("log.write", "with: {}", "with.message", "with.message is required"),
    ("log.write", "with: {message: 5}", "with.message", "with.message must be a non-empty string"),
    ("noop", "with: {a: 1}", "with", "noop does not accept with"),
    (
        *("template.render", "with: {}", "with"),
        "template.render requires exactly one of with.template or with.template_ref",
    ),
    (
        *("template.render", "with: {template: a, template_ref: '${env.A}'}", "with"),
        "template.render requires exactly one of with.template or with.template_ref",
    ),
    (
        *("template.render", "with: {template_ref: '$A'}", "with.template_ref"),
        "must be one complete scoped value reference such as ${env.NAME}",
    ),
    (
        *("template.render", "with: {template_ref: 'x ${env.A}'}", "with.template_ref"),
        "must be one complete scoped value reference",
    ),
    ("router.route", "with: {routes: {a: [b]}}", "with.value", "with.value is required"),
    ("router.route", "with: {value: a}", "with.routes", "with.routes is required"),
    ("dag.run", "with: {params: a}", "with.dag", "with.dag is required"),
    ("dag.run", "with: {dag: ' '}", "with.dag", "with.dag must be a non-empty string"),
    ("dag.run", "with: {dag: a, queue: q}", "with.queue", "dag.run does not support with.queue"),
    ("dag.enqueue", "with: {dag: a, x: q}", "with.x", "dag.enqueue does not support with.x"),
    ("dag.enqueue", "with: {dag: a, queue: 1}", "with.queue", "must be a non-empty string"),
    ("sqlite.query", "with: {dsn: d}", "with.query", "with.query is required"),
    ("postgres.query", "with: {query: ''}", "with.query", "with.query must be a non-empty string"),
    ("sqlite.import", "with: {dsn: d}", "with.import", "with.import is required"),
    ("harness.run", "with: {provider: p}", "with.prompt", "with.prompt is required"),
    ("chat.completion", "with: {model: m}", "with.prompt", "with.prompt is required"),
]


@pytest.mark.parametrize(("action", "rest", "field", "message"), BAD_INPUTS)
def test_bad_inputs_name_the_field(action: str, rest: str, field: str, message: str) -> None:
    """spec 13 section 1.1"""
    error = refused(f"steps:\n  - {{action: {action}, {rest}}}\n")
    assert f"field 'steps': field '{field}': " in error.message
    assert message in error.message
    assert error.problems[0].field == f"steps[0].{field}"
    assert error.problems[0].line == 2


# spec 13 section 1.1: what moves out of `with`
def test_inputs_that_become_the_run() -> None:
    """spec 13 section 1.1 and spec 13 section 2"""
    assert step("{action: exec, with: {command: a b, args: [c d, 4, true]}}").run == ExecRun(
        "a b", ("c d", "4", "true")
    )
    ssh = step('{action: ssh.run, with: {host: h, port: "22", command: "a\\nb"}}')
    assert ssh.run == ScriptRun("a\nb")
    assert ssh.options == {"host": "h", "port": "22"}
    docker = step("{action: docker.run, with: {image: i, command: [a, b]}}")
    assert docker.run == CommandRun(("a", "b"))
    assert docker.options == {"image": "i"}
    redis = step("{action: redis.setnx, with: {key: k}}")
    assert redis.options == {"key": "k", "command": "SETNX"}
    assert step("{action: sftp.download}").options == {"direction": "download"}


def test_sub_dags_take_target_parameters_and_queue() -> None:
    """spec 13 section 16"""
    found = step("{action: dag.enqueue, with: {dag: x, queue: q, params: {b: 1, a: 'c d'}}}")
    assert found.sub_dag == SubDAG("x", 'a="c d" b="1"', "q")
    found = step("{action: dag.run, with: {dag: x}, parallel: [1], worker_selector: {a: b}}")
    assert found.type == "parallel"
    assert found.sub_dag == SubDAG("x")
    assert step("{action: dag.run, with: {dag: x, params: ~}}").sub_dag == SubDAG("x")


def test_routes_are_listed_exact_ones_first() -> None:
    """spec 13 section 15"""
    dag = load(
        """
        steps:
          - {id: r, action: router.route, with: {value: "${V}", routes: {"re:.*": [d], "re:^h": [b],
              zzz: [c], hello: [a]}}}
          - {id: a, run: a}
          - {id: b, run: b}
          - {id: c, run: c}
          - {id: d, run: d}
        """
    )
    routes = (("hello", ("a",)), ("zzz", ("c",)), ("re:^h", ("b",)), ("re:.*", ("d",)))
    assert dag.steps[0].router == Router("${V}", routes)


def test_template_is_trimmed() -> None:
    """spec 13 section 11"""
    found = step('{action: template.render, with: {template: "  a {{ .x }}\\n"}}')
    assert found.options == {"template": "a {{ .x }}"}


def test_open_actions_warn_of_inputs_they_ignore() -> None:
    """spec 13 section 1.3: unknown keys of open actions"""
    dag = load(
        """
        steps:
          - action: http.request
            with: {method: GET, url: u, verb: x}
          - {id: r, action: router.route, with: {value: a, routes: {b: [t]}, default: c}}
          - {id: t, run: a}
        """
    )
    assert dag.warnings == (
        "line 4: with.verb is not an input of http.request and is ignored",
        "line 5: with.default is not an input of router.route and is ignored",
    )
