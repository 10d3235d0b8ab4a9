from __future__ import annotations

import pytest

from tests.workflow.helpers import refused, step

# spec 13 section 1.3: the schema of each executor type
SCHEMA = [
    (
        "log.write",
        "message: a, foo: 1, bar: 2",
        "log",
        'validating root: unexpected additional properties ["bar", "foo"]',
    ),
    ("wait.duration", "duration: 1s, x: 1", "wait", 'unexpected additional properties ["x"]'),
    ("file.stat", "path: a, x: 1", "file", 'unexpected additional properties ["x"]'),
    ("artifact.list", "x: 1", "artifact", 'unexpected additional properties ["x"]'),
    ("state.list", "x: 1", "state", 'unexpected additional properties ["x"]'),
    ("data.pick", "from: json, select: a, data: 1, x: 1", "data", "unexpected additional"),
    ("outputs.write", "values: {a: 1}, x: 1", "outputs", "unexpected additional properties"),
    ("git.checkout", "repository: a, path: b, x: 1", "git", "unexpected additional properties"),
    (
        "http.request",
        "method: a, url: b, timeout: '30'",
        "http",
        'validating /properties/timeout: type: 30 has type "string", want "integer"',
    ),
    ("http.request", "method: a, url: b, timeout: '${params.T}'", "http", 'want "integer"'),
    ("http.request", "method: a, url: b, json: 'true'", "http", 'want "boolean"'),
    ("http.request", "method: a, url: b, headers: x", "http", 'want "object"'),
    (
        "http.request",
        "method: a, url: b, timeout: 1.5",
        "http",
        'type: 1.5 has type "number", want "integer"',
    ),
    ("mail.send", "to: 5", "mail", 'want "string" or "array"'),
    (
        "wait.file",
        "path: a, state: gone",
        "wait",
        "validating /properties/state: enum: gone does not equal any of: [exists missing]",
    ),
    ("state.get", "key: a, scope: world", "state", "validating /properties/scope: enum: world"),
    ("file.read", "path: a, format: xml", "file", "validating /properties/format: enum: xml"),
    (
        "file.read",
        "path: a, max_bytes: -1",
        "file",
        "validating /properties/max_bytes: minimum: -1 is less than 0",
    ),
    (
        "file.write",
        "path: a, content: b, mode: 0640",
        "file",
        'type: 416 has type "integer", want "string"',
    ),
    (
        "archive.list",
        "overwrite: true",
        "archive",
        'validating root: required: missing properties: ["source"]',
    ),
    ("archive.extract", "source: a, strip_components: -1", "archive", "minimum: -1"),
    ("outputs.write", "values: a", "outputs", 'type: a has type "string", want "object"'),
    ("data.convert", "from: json, to: xml, data: 1", "data", "enum: xml"),
    ("data.convert", "from: json, to: csv", "data", "exactly one of data and input"),
    (
        "data.convert",
        "from: json, to: csv, data: 1, input: f",
        "data",
        "exactly one of data and input",
    ),
    ("postgres.query", "query: a, isolation_level: none", "postgres", "enum: none"),
    ("sqlite.query", "query: a, output_format: xml", "sqlite", "enum: xml"),
    ("s3.list", "bucket: b, output_format: csv", "s3", "enum: csv"),
    ("redis.get", "key: a, mode: ring", "redis", "enum: ring"),
    ("ssh.run", "command: a, port: true", "ssh", 'want "string" or "integer"'),
    ("docker.run", "image: [a]", "docker", 'type: [a] has type "array", want "string"'),
    ("jq.filter", "filter: a, raw: 1", "jq", 'want "boolean"'),
    ("template.render", "template: a, data: []", "template", 'want "object"'),
]


@pytest.mark.parametrize(("action", "inputs", "type_", "reason"), SCHEMA)
def test_with_follows_the_schema_of_its_type(
    action: str, inputs: str, type_: str, reason: str
) -> None:
    """spec 13 section 1.3, and the tables of spec 13 section 3, spec 13 section 4.2,
    spec 13 section 5, spec 13 section 6, spec 13 section 7, spec 13 section 8,
    spec 13 section 11, spec 13 section 17, spec 13 section 21, spec 13 section 22
    """
    error = refused(f"steps:\n  - action: {action}\n    with: {{{inputs}}}\n")
    assert f"field 'with': invalid {type_} config: " in error.message
    assert reason in error.message
    assert {problem.line for problem in error.problems} == {3}


# what executors check at load; a row a rule
EXECUTOR = [
    # spec 13 section 14
    ("wait.duration", "{}", "wait: duration is required for duration"),
    ("wait.duration", "{duration: 0s}", "wait: duration must be greater than 0"),
    ("wait.duration", "{duration: soon}", "wait: duration must be a duration"),
    ("wait.until", "{}", "wait: until is required for until"),
    ("wait.until", "{until: tomorrow}", "wait: until must be RFC3339 timestamp"),
    ("wait.until", "{until: '2026-13-02T03:04:05Z'}", "wait: until must be RFC3339 timestamp"),
    ("wait.file", "{state: exists}", "wait: path is required for file"),
    ("wait.file", "{path: a, poll_interval: 0s}", "wait: poll_interval must be greater than 0"),
    ("wait.http", "{}", "wait: url is required for http"),
    ("wait.http", "{url: ftp://a}", "wait: url must be an absolute HTTP URL"),
    ("wait.http", "{url: /a}", "wait: url must be an absolute HTTP URL"),
    ("wait.http", "{url: http://a, status: 99}", "wait: status must be between 100 and 599"),
    ("wait.http", "{url: http://a, request_timeout: x}", "wait: request_timeout must be"),
    # spec 13 section 9
    *(
        (f"file.{op}", "{}", f"file: configuration error: path is required for {op}")
        for op in ("stat", "read", "write", "delete", "mkdir", "list")
    ),
    ("file.copy", "{destination: a}", "file: configuration error: source is required for copy"),
    ("file.move", "{source: a}", "file: configuration error: destination is required for move"),
    ("file.write", "{path: a}", "file: configuration error: content is required for write"),
    ("file.write", "{path: a, content: b, mode: rw}", "file: configuration error: mode must be"),
    # spec 13 section 13
    ("artifact.write", "{content: a}", "artifact: configuration error: path is required for write"),
    ("artifact.read", "{}", "artifact: configuration error: path is required for read"),
    (
        "artifact.write",
        "{path: a, content: b, overwrite: true, atomic: false}",
        "artifact: configuration error: overwrite requires atomic writes",
    ),
    # spec 13 section 12
    ("state.get", "{}", "state: configuration error: key is required"),
    ("state.delete", "{}", "state: configuration error: key is required"),
    ("state.set", "{key: a}", "state: configuration error: value is required for set"),
    ("state.diff", "{key: a}", "state: configuration error: value is required for diff"),
    ("state.set", "{key: a, value: 1, expected_version: x}", "expected_version must be an integer"),
    # spec 13 section 10
    ("outputs.write", "{}", "outputs: configuration error: values is required for write"),
    ("outputs.write", "{values: {}}", "outputs: configuration error: values must not be empty"),
    (
        "outputs.write",
        "{values: {' ': 1}}",
        "outputs: configuration error: values contains an empty key",
    ),
    # spec 13 section 19
    ("data.convert", "{to: csv, data: 1}", "data: configuration error: from is required"),
    ("data.convert", "{from: csv, data: 1}", "data: configuration error: to is required"),
    ("data.pick", "{from: json, data: 1}", "data: configuration error: select is required"),
    (
        "data.pick",
        "{from: json, data: 1, select: a, raw: true, to: csv}",
        "raw cannot be used together with to",
    ),
    ("data.convert", "{from: csv, to: json, data: a, delimiter: ab}", "delimiter must be one"),
    # spec 13 section 20
    ("git.checkout", "{path: a}", "git: repository is required for checkout"),
    ("git.checkout", "{repository: a}", "git: path is required for checkout"),
    (
        "git.checkout",
        "{repository: a, path: b, ssh_key_path: c, token: d}",
        "git: ssh_key_path cannot be combined with token or password",
    ),
    (
        "git.checkout",
        "{repository: a, path: b, password: c, token: d}",
        "git: token cannot be combined with username/password",
    ),
    # spec 13 section 23
    ("k8s.run", "{image: a, cleanup_policy: burn}", "cleanup_policy must be either delete or keep"),
    ("k8s.run", "{image: a, backoff_limit: -1}", "backoff_limit must be >= 0"),
]


@pytest.mark.parametrize(("action", "inputs", "message"), EXECUTOR)
def test_executors_check_their_inputs_at_load(action: str, inputs: str, message: str) -> None:
    """spec 13 section 9, spec 13 section 10, spec 13 section 12, spec 13 section 13,
    spec 13 section 14, spec 13 section 19, spec 13 section 20, spec 13 section 23
    """
    error = refused(f"steps:\n  - action: {action}\n    with: {inputs}\n")
    assert f"field 'steps': field 'type': {message}" in error.message or message in error.message
    assert {problem.field for problem in error.problems} == {"steps[0].type"}
    assert error.problems[0].line == 3


@pytest.mark.parametrize(
    "fields",
    [
        "{action: wait.duration, with: {duration: '${params.D}'}}",
        "{action: wait.until, with: {until: $WHEN}}",
        "{action: wait.http, with: {url: '${env.URL}/x', request_timeout: '`t`'}}",
        "{action: wait.file, with: {path: a, state: '${params.S}'}}",
        "{action: state.set, with: {key: a, value: 1, expected_version: '${s.outputs.v}'}}",
        "{action: state.set, with: {key: a, value: 1, expected_version: '3'}}",
        "{action: file.write, with: {path: a, content: b, mode: '${params.M}'}}",
        "{action: data.convert, with: {from: '${params.F}', to: csv, data: 1}}",
    ],
)
def test_values_that_are_known_later_are_checked_later(fields: str) -> None:
    """spec 13 section 1.3: format, enum and range checks skip a value with a reference"""
    assert step(fields).options


# spec 13 section 20: git worktrees
@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        (
            "{action: git.worktree.add, with: {colour: a}}",
            "with.colour",
            'unsupported git worktree field "colour"',
        ),
        (
            "{action: git.worktree.add, with: {create_branch: 'true'}}",
            "with.create_branch",
            "must be a boolean",
        ),
        (
            "{action: git.worktree.add, with: {branch: ' '}}",
            "with.branch",
            "must be a non-empty string",
        ),
        (
            "{action: git.worktree.add, with: {branch: b, base: c}}",
            "with.base",
            "requires create_branch: true",
        ),
        ("{action: git.worktree.remove}", "with", "requires with.branch or with.path"),
        (
            "{action: git.worktree.remove, with: {path: a, delete_branch: true}}",
            "with.delete_branch",
            "requires with.branch",
        ),
        (
            "{action: git.worktree.remove, with: {branch: a, force_delete_branch: true}}",
            "with.force_delete_branch",
            "requires delete_branch: true",
        ),
        (
            "{action: git.worktree.add, with: {branch: b}, output: X}",
            "output",
            "git worktree actions have fixed outputs",
        ),
    ],
)
def test_bad_git_worktrees(fields: str, field: str, message: str) -> None:
    """spec 13 section 20"""
    error = refused(f"steps:\n  - {fields}\n")
    assert message in error.message
    assert error.problems[0].field == f"steps[0].{field}"


def test_all_faults_of_a_with_are_told_at_once() -> None:
    error = refused(
        """
        steps:
          - action: file.read
            with:
              path: a
              format: xml
              max_bytes: many
        """
    )
    assert [problem.line for problem in error.problems] == [6, 7]
