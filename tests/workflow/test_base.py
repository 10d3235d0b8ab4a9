from __future__ import annotations

import pytest

from edge.workflow.load import validate_text
from edge.workflow.model import (
    DAG,
    SMTP,
    SSH,
    Artifacts,
    Container,
    DAGRetryPolicy,
    DAGType,
    EnvVar,
    LogOutput,
    Mail,
    MailOn,
    ScriptRun,
    Secret,
    Shell,
)
from edge.workflow.model_root import Bastion
from edge.workflow.model_steps import Healthcheck
from tests.workflow.helpers import commands, load, refused

BASE_SSH = "ssh: {host: h, port: 1, bastion: {host: b, user: u}, shell: bash}"
BASE_SMTP = "smtp: {host: h, port: 1, username: u, password: p}"
BASE_BOX = "container: {image: i, volumes: [a], ports: ['1'], env: {A: 1}, command: [x], user: u}"


def merged(base: str, document: str) -> DAG:
    if "steps" not in document:
        document += "\nsteps: [{run: a}]\n"
    return load(document, base_text=base)


# base, document, attribute of the result, its value: spec 10 section 5
@pytest.mark.parametrize(
    ("base", "document", "attribute", "value"),
    [
        # scalars: zero cannot clear
        ("timeout_sec: 9", "", "timeout_s", 9),
        ("timeout_sec: 9", "timeout_sec: 0", "timeout_s", 9),
        ("timeout_sec: 9", "timeout_sec: ~", "timeout_s", 9),
        ("timeout_sec: 9", "timeout_sec: 3", "timeout_s", 3),
        ("queue: q", "queue: ''", "queue", "q"),
        ("skip_if_successful: true", "skip_if_successful: false", "skip_if_successful", True),
        ("catchup_window: 6h", "", "catchup_window_s", 21600),
        ("catchup_window: 6h", "catchup_window: ''", "catchup_window_s", 21600),
        ("description: b", "description: d", "description", "d"),
        ("working_dir: /b", "", "working_dir", "/b"),
        # inherited here, unlike in the reference
        ("overlap_policy: all", "", "overlap_policy", "all"),
        ("max_active_runs: 4\nqueue: q", "", "max_active_runs", 4),
        ("shell: bash -e", "", "shell", Shell(("bash", "-e"))),
        ("shell: bash -e", "shell: sh", "shell", Shell(("sh",))),
        # type
        ("type: chain", "", "type", DAGType.CHAIN),
        ("type: chain", "type: graph", "type", DAGType.GRAPH),
        ("type: chain", "type:", "type", DAGType.GRAPH),
        # lists that add up
        ("env: [A=1]", "env: {B: 2}", "env", (EnvVar("A", "1"), EnvVar("B", "2"))),
        ("env: [A=1]", "env: []", "env", (EnvVar("A", "1"),)),
        ("shell_args: [-a]", "shell_args: [-b]", "shell_args", ("-a", "-b")),
        ("dotenv: a", "dotenv: [b]", "dotenv", (".env", "a", "b")),
        ("dotenv: a", "", "dotenv", (".env", "a")),
        ("dotenv: a", "dotenv: []", "dotenv", (".env", "a")),
        # lists that are replaced unless empty
        ("labels: a", "labels: b", "labels", ("b",)),
        ("labels: a", "labels: []", "labels", ("a",)),
        ("labels: a", "labels: ''", "labels", ("a",)),
        ("labels: a", "labels: {}", "labels", ("a",)),
        ("tags: a", "labels: b", "labels", ("b",)),
        ("tags: a", "labels: []", "labels", ("a",)),
        ("labels: a", "tags: b", "labels", ("b",)),
        ("tags: a", "", "labels", ("a",)),
        (
            "secrets: [{name: A, ref: a}]",
            "secrets: [{name: B, ref: b}]",
            "secrets",
            (Secret(name="B", ref="b"),),
        ),
        (
            "secrets: [{name: A, ref: a}]",
            "secrets: []",
            "secrets",
            (Secret(name="A", ref="a"),),
        ),
        # maps by key
        ("consts: [{a: 1}, {b: 1}]", "consts: [{b: 2}]", "consts", {"a": "1", "b": "2"}),
        (
            "worker_selector: {a: 1, b: 1}",
            "worker_selector: {b: 2}",
            "worker_selector",
            {"a": "1", "b": "2"},
        ),
        ("worker_selector: {a: 1}", "worker_selector: {}", "worker_selector", {"a": "1"}),
        ("worker_selector: {a: 1}", "worker_selector: local", "worker_selector", "local"),
        ("worker_selector: local", "worker_selector: {a: 1}", "worker_selector", {"a": "1"}),
        (
            "registry_auths: {a: x, b: x}",
            "registry_auths: {b: y}",
            "registry_auths",
            {"a": "x", "b": "y"},
        ),
        (
            'registry_auths: \'{"auths": {"a": {"auth": "x"}}}\'',
            "registry_auths: {b: y}",
            "registry_auths",
            {"a": {"auth": "x"}, "b": "y"},
        ),
        ("registry_auths: {a: x}", "registry_auths: $AUTHS", "registry_auths", "$AUTHS"),
        # objects by field
        (BASE_SSH, "", "ssh", SSH(
            host="h", port="1", shell=("bash",), bastion=Bastion(host="b", user="u"))),
        (BASE_SSH, "ssh: {user: me, bastion: {user: x}}", "ssh", SSH(
            host="h", port="1", user="me", shell=("bash",), bastion=Bastion(host="b", user="x"))),
        (BASE_SSH, "ssh: {host: '', port: 0, shell: [sh, -e]}", "ssh", SSH(
            host="h", port="1", shell=("sh", "-e"), bastion=Bastion(host="b", user="u"))),
        ("ssh: {host: h}", "ssh: {strict_host_key: false}", "ssh", SSH(
            host="h", strict_host_key=False)),
        ("artifacts: {dir: d}", "artifacts: {enabled: true}", "artifacts", Artifacts(
            enabled=True, dir="d")),
        ("artifacts: {enabled: true}", "artifacts: {enabled: false}", "artifacts", Artifacts(
            enabled=True)),
        (
            "redis: {host: h, sentinel_addrs: [a]}",
            "redis: {port: 1, sentinel_addrs: [b]}",
            "redis",
            {"host": "h", "port": 1, "sentinel_addrs": ["a", "b"]},
        ),
        ("s3: {region: a, bucket: b}", "s3: {bucket: c}", "s3", {"region": "a", "bucket": "c"}),
        ("llm: {provider: openai, model: a}", "llm: {model: b}", "later", {
            "llm": {"provider": "openai", "model": "b"}}),
        ("otel: {enabled: true, headers: {a: 1}}", "otel: {headers: {b: 2}}", "later", {
            "otel": {"enabled": True, "headers": {"a": 1, "b": 2}}}),
        ("error_mail: {from: f, to: a}", "error_mail: {to: [b], prefix: p}", "error_mail", Mail(
            sender="f", to=("a", "b"), prefix="p")),
        ("wait_mail: {to: [a]}", "", "wait_mail", Mail(to=("a",))),
        ("run_config: {disable_param_edit: true}", "run_config: {disable_param_edit: false}",
         "run_config_disable_param_edit", True),
        # containers
        (BASE_BOX, "", "container", Container(
            image="i", volumes=("a",), ports=("1",), env=(EnvVar("A", "1"),), command=("x",),
            user="u")),
        (BASE_BOX,
         "container: {volumes: [b], ports: 2, env: [B=2], command: [y], user: v}",
         "container", Container(
            image="i", volumes=("a", "b"), ports=("1", "2"),
            env=(EnvVar("A", "1"), EnvVar("B", "2")), command=("x", "y"), user="v")),
        ("container: {image: i, user: u}", "container: box", "container", Container(exec="box")),
        ("container: box", "container: {user: u}", "container", Container(exec="box", user="u")),
        ("container: box", "container: {image: i}", "container", Container(image="i")),
        (
            "container: {image: i, healthcheck: {test: [CMD, a], retries: 2}}",
            "container: {healthcheck: {test: [CMD, b]}}",
            "container",
            Container(image="i", healthcheck=Healthcheck(test=("CMD", "b"), retries=2)),
        ),
        # mail server: never mixed with oauth
        (BASE_SMTP, "smtp: {port: 2}", "smtp", SMTP(
            host="h", port="2", username="u", password="p")),
        (BASE_SMTP, "smtp: {username: x, oauth: {a: b}}", "smtp", SMTP(
            username="x", oauth={"a": "b"})),
        ("smtp: {host: h, username: u, oauth: {a: b}}", "smtp: {password: p}", "smtp", SMTP(
            password="p")),
        # replaced whole
        ("mail_on: {failure: true}", "mail_on: {success: true}", "mail_on", MailOn(success=True)),
        ("mail_on: {failure: true}", "mail_on: {}", "mail_on", MailOn()),
        ("mail_on: {failure: true}", "", "mail_on", MailOn(failure=True)),
        ("retry_policy: {limit: 3, interval_sec: 5}", "retry_policy: {limit: 0}",
         "retry_policy", DAGRetryPolicy(limit=0)),
        ("retry_policy: {limit: 3}", "retry_policy: ~", "retry_policy", DAGRetryPolicy(limit=3)),
        ("webhook: {forward_headers: [a]}", "webhook: {forward_headers: [b]}",
         "webhook_headers", ("b",)),
        # kubernetes
        ("kubernetes: {a: {b: 1, c: [1]}, d: 1}", "kubernetes: {a: {c: [2]}, e: 2}", "kubernetes",
         {"a": {"b": 1, "c": [2]}, "d": 1, "e": 2}),
        ("kubernetes: {a: {b: 1}}", "kubernetes: {}", "kubernetes", {}),
        ("kubernetes: {a: {b: 1}, c: 1}", "kubernetes: {a: {}}", "kubernetes", {"a": {}, "c": 1}),
        ("kubernetes: {a: 1}", "", "kubernetes", {"a": 1}),
        # retention: one clears the other
        ("hist_retention_days: 9", "hist_retention_runs: 3", "hist_retention_days", 0),
        ("hist_retention_runs: 9", "hist_retention_days: 3", "hist_retention_runs", 0),
        ("hist_retention_days: 9", "hist_retention_days: 0", "hist_retention_days", 9),
        ("hist_retention_runs: 9", "", "hist_retention_runs", 9),
    ],
)  # fmt: skip
def test_rule(base: str, document: str, attribute: str, value: object) -> None:
    dag = load(document + "\nsteps: [{run: a}]\n", base_text=base)
    assert getattr(dag, attribute) == value


# schedules merge by start, stop and restart: spec 10 section 5
@pytest.mark.parametrize(
    ("base", "document", "start", "stop"),
    [
        ("'0 1 * * *'", "'0 2 * * *'", ["0 2 * * *"], []),
        ("'0 1 * * *'", "[]", ["0 1 * * *"], []),
        ("'0 1 * * *'", "''", ["0 1 * * *"], []),
        ("'0 1 * * *'", "{stop: '0 2 * * *'}", ["0 1 * * *"], ["0 2 * * *"]),
        ("{start: '0 1 * * *', stop: '0 2 * * *'}", "{start: []}", ["0 1 * * *"], ["0 2 * * *"]),
        ("{stop: '0 2 * * *'}", "'0 3 * * *'", ["0 3 * * *"], ["0 2 * * *"]),
    ],
)
def test_schedules(base: str, document: str, start: list[str], stop: list[str]) -> None:
    text = f"schedule: {document}\nsteps: [{{run: a}}]\n"
    schedule = load(text, base_text=f"schedule: {base}").schedule
    assert [entry.identity for entry in schedule.start] == [f"cron:{text}" for text in start]
    assert [entry.identity for entry in schedule.stop] == [f"cron:{text}" for text in stop]


# preconditions are replaced unless empty: spec 10 section 5
@pytest.mark.parametrize(
    ("document", "conditions"),
    [("", ["b"]), ("preconditions: []", ["b"]), ("preconditions: [d, e]", ["d", "e"])],
)
def test_preconditions(document: str, conditions: list[str]) -> None:
    dag = load(document + "\nsteps: [{run: a}]\n", base_text="preconditions: b")
    assert [check.condition for check in dag.preconditions] == conditions


# steps of the base only where the document has none: spec 10 section 5
@pytest.mark.parametrize(
    ("document", "names"),
    [("env: {}", ["b"]), ("steps: [{name: d, run: x}]", ["d"]), ("steps:", []), ("steps: []", [])],
)
def test_steps(document: str, names: list[str]) -> None:
    dag = load(document, base_text="steps: [{name: b, run: x}]")
    assert [step.name for step in dag.steps] == names


# one name in both is an error: spec 10 section 5
@pytest.mark.parametrize("ours", ["actions", "step_types"])
@pytest.mark.parametrize("theirs", ["actions", "step_types"])
def test_custom_actions_conflict(ours: str, theirs: str) -> None:
    fields = {
        "actions": "{input_schema: {type: object}, template: {run: a}}",
        "step_types": "{type: log, input_schema: {type: object}, template: {}}",
    }
    error = refused(
        f"{ours}:\n  greet: {fields[ours]}\nsteps: [{{run: a}}]\n",
        base_text=f"{theirs}: {{greet: {fields[theirs]}}}",
    )
    assert error.message.startswith(
        'failed to process document 0: duplicate custom action "greet" conflicts with'
    )
    assert (error.problems[0].line, error.problems[0].field) == (2, "actions.greet")


def test_handlers_merge_by_field_with_the_execution_as_one_unit() -> None:
    base = "handler_on: {exit: {run: base, timeout_sec: 5, env: {A: 1}}, failure: {run: f}}"
    dag = merged(base, "handler_on: {exit: {command: own, env: {B: 2}}}")
    assert dag.handlers.exit is not None
    assert commands(dag.handlers.exit) == ("own",)
    assert dag.handlers.exit.timeout_s == 5
    assert dag.handlers.exit.env == (EnvVar("A", "1"), EnvVar("B", "2"))
    assert dag.handlers.failure is not None


def test_generated_base_file_changes_little() -> None:
    base = (
        "type: graph\noverlap_policy: skip\nlog_output: separate\nhist_retention_days: 30\n"
        "max_clean_up_time_sec: 5\nmax_active_steps: 10\nmax_output_size: 1048576\n"
        'catchup_window: "6h"\n'
    )
    dag = merged(base, "")
    assert (dag.max_active_steps, dag.catchup_window_s, dag.log_output) == (
        10,
        21600,
        LogOutput.SEPARATE,
    )


def test_name_of_the_base_is_ignored_and_only_its_first_document_counts() -> None:
    dag = merged("name: other\ntimeout_sec: 3\n---\ntimeout_sec: 4\n", "")
    assert (dag.name, dag.timeout_s) == ("sample", 3)


def test_params_of_the_base_come_first() -> None:
    dag = merged("params: {A: 1, B: 1}", "params: [B=2, C=3]")
    assert [(item.name, item.default) for item in dag.params] == [
        ("A", "1"),
        ("B", "2"),
        ("C", "3"),
    ]


def test_empty_base_is_no_base() -> None:
    assert merged("# nothing\n", "").timeout_s == 0


@pytest.mark.parametrize(
    ("base", "message"),
    [
        ("foo: 1", "failed to decode base config: "),
        ("a: b: c", "failed to unmarshal base config: [1:4] mapping value"),
        ("[a]", "failed to unmarshal base config: "),
        ("type: tree", "failed to decode base config: field 'type': invalid type: tree"),
    ],
)
def test_a_bad_base_is_said_to_be_the_base(base: str, message: str) -> None:
    error = refused("steps: [{run: a}]", base_text=base)
    assert message in error.message
    assert all(problem.field == "base config" for problem in error.problems)
    report = validate_text("steps: [{run: a}]", base_text=base)
    assert message in report.bullets[0]


# handlers merge by event and field, what they execute as one unit: spec 10 section 5
@pytest.mark.parametrize(
    ("base", "document", "run", "timeout"),
    [
        ("{run: b, timeout_sec: 5}", "", "b", 5),
        ("{run: b, timeout_sec: 5}", "{}", "b", 5),
        ("{run: b, timeout_sec: 5}", "~", "b", 5),
        ("{run: b, timeout_sec: 5}", "{run: d}", "d", 5),
        ("{run: b, timeout_sec: 5}", "{timeout_sec: 7}", "b", 7),
        ("{command: b, shell: bash}", "{run: d}", "d", 0),
        ("{run: b, with: {shell: bash}}", "{command: d}", "d", 0),
        ("{run: b}", "{script: d}", "d", 0),
    ],
)
def test_handlers(base: str, document: str, run: str, timeout: int) -> None:
    text = f"handler_on: {{exit: {document}}}" if document else ""
    handler = merged(f"handler_on: {{exit: {base}}}", text).handlers.exit
    assert handler is not None
    texts = [handler.run.text] if isinstance(handler.run, ScriptRun) else commands(handler)
    assert list(texts) == [run]
    assert handler.timeout_s == timeout
    assert handler.shell is None or run == "b"


# spec 10 section 7.5, last paragraph
@pytest.mark.parametrize(
    ("base", "document", "timeout", "env", "checks"),
    [
        ("{timeout_sec: 5}", "{}", 5, [], []),
        ("{timeout_sec: 5}", "{timeout_sec: 0}", 0, [], []),
        ("{timeout_sec: 5}", "{timeout_sec: 7}", 7, [], []),
        ("{env: {A: 1}}", "{env: {B: 2}}", 0, ["A", "B"], []),
        ("{env: {A: 1}}", "{env: []}", 0, [], []),
        ("{env: {A: 1}}", "{timeout_sec: 1}", 1, ["A"], []),
        ("{preconditions: x}", "{preconditions: [y]}", 0, [], ["x", "y"]),
        ("{preconditions: x}", "{preconditions: []}", 0, [], []),
    ],
)
def test_defaults(
    base: str, document: str, timeout: int, env: list[str], checks: list[str]
) -> None:
    (step,) = merged(f"defaults: {base}", f"defaults: {document}").steps
    assert step.timeout_s == timeout
    assert [entry.name for entry in step.env] == env
    assert [check.condition for check in step.preconditions] == checks
