"""Old forms rewritten in place."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

import edge
from edge.workflow.load import LoadOptions, load_dag, validate_text
from edge.workflow.migrate import migrate
from edge.workflow.model import DAGType
from edge.workflow.problems import DAGError

DATA = Path(__file__).parent.parent / "data"
SAMPLES = Path(edge.__file__).parent / "samples"
STRICT = LoadOptions(v1_compat=False)


def migrated(text: str) -> str:
    """Return the new text; it loads strictly, says nothing, and is final."""
    done = migrate(dedent(text), source_file="/d/x.yaml")
    assert done.left == []
    assert load_dag(done.text, source_file="/d/x.yaml", options=STRICT).deprecations == ()
    again = migrate(done.text, source_file="/d/x.yaml")
    assert again.text == done.text
    return done.text


def test_comments_and_layout_stay() -> None:
    """spec 10 section 13.1: the example"""
    text = """\
        # nightly pull
        handlerOn: {cancel: {command: rm -f lock}}   # cleans up

        steps:
          # the only one
          - name: pull     # from the gateway
            executor:
              type: ssh
              config:
                host: gw1   # the gateway
            # what is read
            command: tail -n5 /var/log/app
            retryPolicy: {limit: 2, intervalSec: 5}

        # the end
        """
    assert migrated(text) == dedent(
        """\
        # nightly pull
        type: chain
        working_dir: .
        handler_on: {abort: {run: rm -f lock}}   # cleans up

        steps:
          # the only one
          - name: pull     # from the gateway
            action: ssh.run
            with:
              # what is read
              command: tail -n5 /var/log/app
              host: gw1   # the gateway
            retry_policy: {limit: 2, interval_sec: 5}

        # the end
        """
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        # spec 10 section 13.3: the form of one step
        ("- echo a", "- run: echo a"),
        ("- |\n  a\n  b", "- run: |\n    a\n    b"),
        ("- [echo a, {run: b}]", "- [{run: echo a}, {run: b}]"),
        ("- command: a", "- run: a"),
        ("- command: [a, b]", "- run: [a, b]"),
        ("- command:\n    - a\n    - b # c", "- run:\n    - a\n    - b # c"),
        ("- {command: a, name: b}", "- {run: a, name: b}"),
        ("- script: |\n    a\n    b", "- run: |\n    a\n    b"),
        ("- script: a", "- run: |\n    a"),
        ("- {script: a}", '- {run: "a\\n"}'),
        ("- script: |\n\n    #!/bin/x\n    b", "- run: |\n    #!/bin/x\n    b"),
        ("- command: a\n  script: ' '", "- run: a"),
        ("- command: a\n  shell: bash -e", "- run: a\n  with:\n    shell: bash -e"),
        (
            "- command: a\n  name: n\n  shell: bash # s\n  shell_args:\n    - -x",
            "- run: a\n  with:\n    shell: bash # s\n    shell_args:\n      - -x\n  name: n",
        ),
        ("- {command: a, shell: sh}", "- {run: a, with: {shell: sh}}"),
        (
            "- exec: {command: ls, args: [-l]}",
            "- action: exec\n  with: {command: ls, args: [-l]}",
        ),
        ("- type: shell\n  command: a", "- name: shell_1\n  run: a"),
        ("- name: x\n  type: command\n  script: |\n    a", "- name: x\n  run: |\n    a"),
        ("- command: a\n  params: x=1", "- run: a"),
        ("- call: x.yaml", "- action: dag.run\n  with:\n    dag: x.yaml"),
        (
            "- call: x\n  params: A=1\n  parallel: [1, 2]",
            "- action: dag.run\n  with:\n    dag: x\n    params: A=1\n  parallel: [1, 2]",
        ),
        ("- type: dag\n  call: x", "- action: dag.run\n  with:\n    dag: x"),
        (
            "- id: s\n  type: subworkflow\n  call: x",
            "- id: s\n  action: dag.run\n  with:\n    dag: x",
        ),
        ("- type: dag_enqueue\n  call: x", "- action: dag.enqueue\n  with:\n    dag: x"),
        (
            "- {type: router, value: $A, routes: {x: [b]}}\n- {id: b, run: c}",
            "- {action: router.route, with: {value: $A, routes: {x: [b]}}}\n- {id: b, run: c}",
        ),
        (
            "- type: http\n  command: GET http://h/a b",
            '- action: http.request\n  with:\n    method: GET\n    url: "http://h/a b"',
        ),
        (
            "- type: http\n  command: POST http://h\n  config:\n    timeout: 5",
            "- action: http.request\n  with:\n    timeout: 5\n    method: POST\n"
            '    url: "http://h"',
        ),
        (
            '- type: http\n  command: POST http://h\n  script: |\n    {"timeout": 5}',
            "- action: http.request\n  with:\n    method: POST\n"
            '    url: "http://h"\n    timeout: 5',
        ),
        (
            "- type: ssh\n  with: {host: h}\n  command: a",
            "- action: ssh.run\n  with:\n    command: a\n    host: h",
        ),
        (
            "- type: sftp\n  with:\n    direction: download\n    source: a\n    destination: b",
            "- action: sftp.download\n  with:\n    source: a\n    destination: b",
        ),
        (
            '- type: jq\n  command: .a\n  script: |\n    {"a": 1}',
            '- action: jq.filter\n  with:\n    filter: .a\n    data: |-\n      {"a": 1}',
        ),
        (
            "- type: sqlite\n  with: {dsn: x.db}\n  command: select 1",
            "- action: sqlite.query\n  with:\n    query: select 1\n    dsn: x.db",
        ),
        (
            "- type: postgres\n  config:\n    dsn: p\n  command: select 1",
            "- action: postgres.query\n  with:\n    query: select 1\n    dsn: p",
        ),
        (
            "- type: redis\n  with: {command: get, key: k}",
            "- action: redis.get\n  with:\n    key: k",
        ),
        (
            "- type: archive\n  command: create\n  with: {source: a, destination: b}",
            "- action: archive.create\n  with:\n    source: a\n    destination: b",
        ),
        (
            "- type: s3\n  command: list\n  with: {bucket: a}",
            "- action: s3.list\n  with:\n    bucket: a",
        ),
        (
            "- type: docker\n  config: {image: alpine}\n  command: ls",
            "- action: docker.run\n  with:\n    command: ls\n    image: alpine",
        ),
        (
            "- type: container\n  config: {image: alpine}\n  command: ls",
            "- action: container.run\n  with:\n    command: ls\n    image: alpine",
        ),
        (
            "- type: k8s\n  config: {image: alpine}\n  command: ls",
            "- action: k8s.run\n  with:\n    command: ls\n    image: alpine",
        ),
        (
            "- type: kubernetes\n  config: {image: alpine}",
            "- action: kubernetes.run\n  with:\n    image: alpine",
        ),
        (
            "- type: mail\n  config: {to: a, from: b, subject: c, message: d}",
            "- action: mail.send\n  with:\n    to: a\n    from: b\n    subject: c\n    message: d",
        ),
        ("- type: log\n  with: {message: a}", "- action: log.write\n  with:\n    message: a"),
        ("- type: noop", "- action: noop"),
        (
            "- type: template\n  script: |\n    a {{ .b }}\n  with: {data: {b: 1}}",
            "- action: template.render\n  with:\n    template: |-\n      a {{ .b }}\n"
            "    data: {b: 1}",
        ),
        (
            "- type: harness\n  with: {provider: claude}\n  command: do\n  script: input",
            "- action: harness.run\n  with:\n    prompt: do\n    stdin: input\n"
            "    provider: claude",
        ),
        (
            "- foreach: {items: [1], steps: [{command: a}]}",
            "- foreach: {items: [1], steps: [{run: a}]}",
        ),
    ],
)
def test_each_form_of_a_step(old: str, new: str) -> None:
    assert migrated("type: graph\nsteps:\n" + old + "\n") == "type: graph\nsteps:\n" + new + "\n"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        # spec 10 section 13.3: the root, and forms of 1.30 alone
        ("tags: a\nsteps: [{run: b}]", "labels: a\nsteps: [{run: b}]"),
        (
            "logDir: /l\nsteps:\n- run: a",
            "type: chain\nworking_dir: .\nlog_dir: /l\nsteps:\n- run: a",
        ),
        (
            "type: graph\ndir: /l\nsteps:\n- run: a",
            "type: graph\nworking_dir: /l\nsteps:\n- run: a",
        ),
        (
            "type: graph\ndir: /l\nworking_dir: /w\nsteps:\n- run: a",
            "type: graph\nworking_dir: /w\nsteps:\n- run: a",
        ),
        (
            "type: graph\ndir: /l\nprecondition:\n  command: a\nsteps:\n- run: a",
            "type: graph\nworking_dir: /l\npreconditions: [{condition: a}]\nsteps:\n- run: a",
        ),
        (
            "type: graph\ndir: /l\nprecondition: a\npreconditions:\n- b\nsteps:\n- run: a",
            "type: graph\nworking_dir: /l\npreconditions: [a, b]\nsteps:\n- run: a",
        ),
        (
            "type: graph\ndir: /\nsteps:\n- run: a\n  dir: /x\n  precondition: [{command: c}]",
            "type: graph\nworking_dir: /\nsteps:\n- run: a\n  working_dir: /x\n"
            "  preconditions: [{condition: c}]",
        ),
        (
            "type: graph\ndir: /\nsteps:\n- run: a\n  dir: /x\n  working_dir: /y",
            "type: graph\nworking_dir: /\nsteps:\n- run: a\n  working_dir: /y",
        ),
        (
            "type: graph\ndir: /\nartifactDir: /a\nenableArtifact: true\nsteps:\n- run: a",
            "type: graph\nworking_dir: /\nartifacts:\n  dir: /a\n  enabled: true\nsteps:\n- run: a",
        ),
        (
            "type: graph\ndir: /\nsteps:\n- run: a\n  continueOn: {failed: true, exitCode: [1]}",
            "type: graph\nworking_dir: /\nsteps:\n- run: a\n"
            "  continue_on: {failed: true, exit_code: [1]}",
        ),
        (
            "type: graph\ndir: /\nsteps:\n- executor: docker\n  container: {image: a, pullPolicy: "
            "never}\n  command: b",
            None,
        ),
        (
            "type: graph\ndir: /\nsteps:\n- call: x\n  parallel: {items: [a], maxConcurrent: 2}",
            "type: graph\nworking_dir: /\nsteps:\n- action: dag.run\n  with:\n    dag: x\n"
            "  parallel: {items: [a], max_concurrent: 2}",
        ),
        (
            "type: graph\ndir: /\nsteps:\n- executor: {type: s3, config: {accessKeyId: a, bucket: "
            "b}}\n  command: list",
            "type: graph\nworking_dir: /\nsteps:\n- action: s3.list\n  with:\n"
            "    access_key_id: a\n    bucket: b",
        ),
        (
            "dir: /\nsteps:\n- {name: a, command: a}\n- {name: b, command: b}\n"
            "- {name: c, command: c, depends: a}\n- {name: d, command: d, depends: []}\n",
            "type: graph\nworking_dir: /\nsteps:\n- {name: a, run: a}\n"
            "- {name: b, run: b, depends: [a]}\n- {name: c, run: c, depends: [b, a]}\n"
            "- {name: d, run: d}\n",
        ),
    ],
)
def test_each_form_of_the_root(old: str, new: str | None) -> None:
    found = migrated(old)
    if new is not None:
        assert found == new


@pytest.mark.parametrize(
    ("old", "new"),
    [
        # spec 10 section 13.3: step_types
        (
            """\
            step_types:
              greet:   # says hello
                type: command
                input_schema: {type: object, properties: {who: {type: string}}}
                template:
                  # one line
                  command: echo {{ .input.who }}
            steps:
              - id: a
                type: greet
                config: {who: me}
            """,
            """\
            actions:
              greet:   # says hello
                input_schema: {type: object, properties: {who: {type: string}}}
                template:
                  # one line
                  run: echo {{ .input.who }}
            steps:
              - id: a
                action: greet
                with:
                  who: me
            """,
        ),
        (
            """\
            step_types:
              ask: {type: command, input_schema: {type: object}, template: {command: x}}
            steps:
              - {id: a, type: ask}
            """,
            """\
            actions:
              ask: {input_schema: {type: object}, template: {run: x}}
            steps:
              - {id: a, action: ask}
            """,
        ),
    ],
)
def test_step_types_become_actions(old: str, new: str) -> None:
    assert migrated(old) == dedent(new)


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        # spec 10 section 13.3: no equivalent
        ("{command: awk, script: a}", "command together with script has no new form"),
        ("{type: gha, command: actions/checkout@v4}", "type gha has no new form"),
    ],
)
def test_what_has_no_new_form_is_left_and_named(step: str, reason: str) -> None:
    text = f"type: graph\nsteps:\n  - {step}\n  - command: b\n"
    done = migrate(text, source_file="/d/x.yaml")
    assert done.left == [f"3:5: steps[0]: {reason}"]
    assert done.text == f"type: graph\nsteps:\n  - {step}\n  - run: b\n"


def test_an_id_that_the_new_language_refuses_is_named() -> None:
    """spec 10 section 13.1"""
    done = migrate("dir: /\nsteps: [{id: a-b, run: c}]\n", source_file="/d/x.yaml")
    assert done.text == "type: chain\nworking_dir: /\nsteps: [{id: a-b, run: c}]\n"
    (line,) = done.left
    assert "invalid step ID format" in line


def test_documents_line_ends_and_anchors() -> None:
    """spec 10 section 2"""
    text = (
        "\ufeffdir: /x\r\nsteps:\r\n  - &a\r\n    name: s\r\n    command: b\r\n"
        "---\r\nname: sub\r\nsteps:\r\n  - <<: {script: c}\r\n    name: t\r\n"
        "---\r\nname: last\r\ntype: graph\r\nsteps: [{run: a}]\r\n"
    )
    done = migrate(text, source_file="/d/x.yaml")
    assert done.text.startswith("\ufefftype: chain\r\nworking_dir: /x\r\nsteps:\r\n  - &a\r\n")
    assert "    run: b\r\n---\r\nname: sub" in done.text
    assert "\n" not in done.text.replace("\r\n", "")
    assert load_dag(text, source_file="/d/x").local_dags["sub"].type is DAGType.GRAPH


def test_nothing_old_is_nothing_new() -> None:
    """spec 10 section 13.3"""
    text = "# a\nsteps:\n- run:   a\n- {action:  noop}\n"
    assert migrate(text, source_file="/d/x.yaml").text == text
    assert not validate_text(migrated("steps: [a, {command: b}]\n"), source_file="x").errors


@pytest.mark.parametrize(
    "path",
    sorted(
        [
            *(DATA / "language" / "accepted").glob("*.yaml"),
            *(DATA / "language" / "values").glob("*.yaml"),
            *(DATA / "cli" / "dags").glob("*.yaml"),
            *(DATA / "runs").rglob("*.yaml"),
            *SAMPLES.glob("*.yaml"),
        ]
    ),
    ids=lambda path: path.name,
)
def test_every_recorded_workflow_keeps_its_meaning(path: Path) -> None:
    """spec 10 section 13.3: the result loads to the same model, or is refused"""
    text = path.read_text(encoding="utf-8")
    try:
        load_dag(text, source_file=str(path))
    except DAGError:
        pytest.skip("recorded as refused")
    done = migrate(text, source_file=str(path))
    assert done.left == []
    assert load_dag(done.text, source_file=str(path), options=STRICT).deprecations == ()
