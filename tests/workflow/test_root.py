from __future__ import annotations

import pytest

from edge.workflow.load import LoadOptions, load_dag, validate_text
from edge.workflow.model import DAG, Container, DAGType, EnvVar, LogOutput, Shell
from edge.workflow.nodes import MapNode
from edge.workflow.problems import FaultError
from edge.workflow.root import Inherited, build_dag
from edge.workflow.yaml_reader import read_documents
from tests.workflow.helpers import load, refused

STEPS = "\nsteps: [{run: a}]\n"


def test_all_simple_fields() -> None:
    dag = load(
        """
        name: pump
        group: "  field  "
        description: " x "
        type: chain
        env: {A: 1}
        working_dir: ~/w
        shell: bash -u
        shell_args: [-x]
        schedule: "0 3 * * *"
        skip_if_successful: true
        catchup_window: 2d12h
        overlap_policy: LATEST
        timeout_sec: 90.9
        delay_sec: -1
        restart_wait_sec: 3
        max_active_steps: 4
        max_clean_up_time_sec: 7
        queue: q
        max_active_runs: 3
        hist_retention_runs: 4
        log_dir: /l
        log_output: merged
        labels: {b: 2, a: X}
        worker_selector: {site: " north ", n: 1}
        run_config: {disable_param_edit: true}
        steps: [{run: a}]
        """
    )
    assert (dag.name, dag.group, dag.description, dag.type) == ("pump", "field", "x", DAGType.CHAIN)
    assert dag.env == (EnvVar("A", "1"),)
    assert dag.shell == Shell(("bash", "-u", "-x"))
    assert dag.catchup_window_s == 216000
    assert dag.overlap_policy == "latest"
    assert (dag.timeout_s, dag.delay_s, dag.restart_wait_s) == (90, 0, 3)
    assert (dag.hist_retention_days, dag.hist_retention_runs) == (0, 4)
    assert dag.log_output is LogOutput.MERGED
    assert dag.labels == ("a=x", "b=2")
    assert dag.worker_selector == {"site": "north", "n": "1"}
    assert dag.is_distributed
    assert dag.run_config_disable_param_edit
    assert not dag.run_config_disable_run_id_edit
    assert dag.warnings == ()


@pytest.mark.parametrize(
    ("text", "attribute", "value"),
    [
        ("catchup_window: ''", "catchup_window_s", 0.0),
        ("catchup_window: 1.5d", "catchup_window_s", 129600.0),
        ("overlap_policy: ''", "overlap_policy", "skip"),
        ("overlap_policy: All", "overlap_policy", "all"),
        ("timeout_sec: -5", "timeout_s", 0),
        ("max_active_steps: -1", "max_active_steps", 0),
        ("max_output_size: -1", "max_output_size", 1_048_576),
        ("max_output_size: 10", "max_output_size", 10),
        ("max_active_runs: -1\nqueue: q", "max_active_runs", -1),
        ("hist_retention_days: 0", "hist_retention_days", 30),
        ("hist_retention_runs: 2", "hist_retention_runs", 2),
        ("log_output: ''", "log_output", LogOutput.SEPARATE),
        ("dotenv: a.env", "dotenv", (".env", "a.env")),
        ("dotenv: [b.env, .env, 5]", "dotenv", (".env", "b.env", "5")),
        ("dotenv: []", "dotenv", ()),
        ('shell: "bash \'x"', "shell", Shell(("bash", "'x"))),
        ("shell: [bash, 5]", "shell", Shell(("bash", "5"))),
        ("shell_args: [-e]", "shell_args", ("-e",)),
        ("container: box", "container", Container(exec="box")),
        ("kubernetes: {namespace: n}", "kubernetes", {"namespace": "n"}),
        ("redis: {host: h, port: 1}", "redis", {"host": "h", "port": 1}),
        ("otel: {enabled: true}", "later", {"otel": {"enabled": True}}),
        ("labels: {a: ''}", "labels", ("a=",)),
        ("env: []", "env", ()),
        ("worker_selector: LOCAL", "worker_selector", "local"),
    ],
)
def test_values_of_root_fields(text: str, attribute: str, value: object) -> None:
    """Shapes and defaults of spec 10 section 4."""
    assert getattr(load(text + STEPS), attribute) == value


def test_defaults_of_an_almost_empty_file() -> None:
    """spec 10 section 4"""
    dag = load("steps:")
    assert dag.steps == ()
    assert (dag.max_clean_up_time_s, dag.max_output_size) == (5, 1_048_576)
    assert (dag.hist_retention_days, dag.max_active_runs) == (30, 1)
    assert dag.shell is None
    assert dag.worker_selector is None


def test_name_comes_from_the_override_the_file_the_default_or_the_path() -> None:
    assert load("name: own" + STEPS, name="other").name == "other"
    assert load("name: own" + STEPS).name == "own"
    assert load(STEPS).name == "sample"
    assert load(STEPS, default_name="", source_file="/d/x.v2.yml").name == "x.v2"
    assert load(STEPS, source_file="/d/x.yaml").source_file == "/d/x.yaml"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: a b", "field 'name': name must only contain alphanumeric characters"),
        ("name: " + "n" * 41, "name must be less than 40 characters"),
        ("type: tree", "invalid type: tree (must be one of: graph, chain, agent, build)"),
        ("catchup_window: 0s", "duration must be positive"),
        ("catchup_window: -1h", "duration must be positive"),
        ("catchup_window: 1w", 'unknown unit "w" in duration "1w"'),
        ("catchup_window: 9999999999h", 'invalid duration "9999999999h"'),
        ("catchup_window: soon", 'invalid duration "soon"'),
        ("catchup_window: 5", "'catchup_window' expected type 'string'"),
        ("overlap_policy: x", 'invalid overlapPolicy "x": must be "skip", "all", or "latest"'),
        ("hist_retention_days: -1", "hist_retention_days must be >= 0"),
        ("hist_retention_runs: 0", "must be > 0"),
        ("log_output: x", "(must be 'separate' or 'merged')"),
        ("labels: {a: ~}", "'labels' failed to unmarshal"),
        ("labels: [5]", "labels must be string, map, or array"),
        ("labels: 5", "labels must be string, map, or array"),
        ("labels: {a b: c}", 'label key "a b" contains invalid characters'),
        ("labels: '=x, b'", "label key cannot be empty"),
        ("labels: a\ntags: b", "labels and deprecated tags cannot both be set"),
        ("worker_selector: far", 'the only allowed string value is "local"'),
        ("worker_selector: [a]", 'worker_selector must be a map or "local"'),
        ("shell: 5", "shell must be string or array"),
        ("shell_args: -x", "'shell_args' source data must be an array or slice, got string"),
        ("shell_args: [1]", "'shell_args[0]' expected type 'string'"),
        ("steps: 5", "steps must be an array or a map"),
        ("run_config: 5", "'run_config' expected a map or struct, got \"uint64\""),
        ("run_config: {x: 1}", "'run_config' has invalid keys: x"),
        ("timeout_sec: 99999999999999999999", "expected type 'int'"),
        ("timeout_sec: .inf", "expected type 'int'"),
        ("functions: 5", "'spec.dag' has invalid keys: functions"),
        ("zeta: 1\nalpha: 2", "has invalid keys: alpha, zeta"),
        ("retry_policy: {interval_sec: 3}", "field 'retry_policy.limit': limit is required"),
        ("steps: 5", "field 'steps': steps must be an array or a map"),
        ("steps: [5]", "invalid step data"),
        ("working_dir: 5", "'working_dir' expected type 'string'"),
        ("container: ''", "container name cannot be empty"),
        ("kubernetes: 5", "kubernetes must be a map"),
        ("artifacts: {dir: 5}", "'artifacts.dir' expected type 'string'"),
    ],
)
def test_bad_root_fields(text: str, message: str) -> None:
    """The errors of spec 10 section 4, and of labels in spec 10 section 11."""
    body = text if "steps" in text else text + STEPS
    error = refused(body)
    assert message in error.message
    assert error.message.startswith("failed to process document 0: ")
    assert all(problem.line >= 1 for problem in error.problems)


def test_decode_faults_come_together_with_their_places() -> None:
    error = refused("timeout_sec: x\nfoo: 1\nskip_if_successful: yes\nenv: 5\nsteps:\n")
    assert [(problem.line, problem.column, problem.field) for problem in error.problems] == [
        (2, 1, "foo"),
        (1, 14, "timeout_sec"),
        (3, 21, "skip_if_successful"),
        (4, 6, "env"),
    ]
    assert error.message.startswith(
        "failed to process document 0: decoding failed due to the following error(s):\n\n"
        "'spec.dag' has invalid keys: foo\n'timeout_sec' expected"
    )


def test_build_errors_of_root_fields_are_one_bullet_each() -> None:
    error = refused("type: x\noverlap_policy: y\nsteps: [{run: a}]\n")
    assert len(error.bullets) == 2
    assert "; field 'overlap_policy': " in error.message


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("type: agent\nllm: {provider: openai}\ntasks: [{name: a}]", DAGType.AGENT),
        ("type: controller\nllm: {provider: openai}\ntasks: [{name: a}]", DAGType.AGENT),
        ("type: build", DAGType.BUILD),
        ("type: chain", DAGType.CHAIN),
        ("type: graph", DAGType.GRAPH),
        ("type: ''", DAGType.GRAPH),
        ("", DAGType.GRAPH),
    ],
)
def test_types(written: str, meant: DAGType) -> None:
    """Every type loads; those of later releases are refused at a start (spec 10 section 4)."""
    assert load(written + STEPS).type is meant


def test_labels_forms() -> None:
    """spec 10 section 11"""
    assert load("labels: 'B, a, k=V'" + STEPS).labels == ("b", "a", "k=v")
    assert load("labels: k=v k2=v2" + STEPS).labels == ("k=v", "k2=v2")
    assert load("labels: [x, {b: 1.50, a: ''}]" + STEPS).labels == ("x", "a=", "b=1.5")
    assert load("tags: old" + STEPS).labels == ("old",)


def test_max_active_runs_warns_without_a_queue() -> None:
    assert "max_active_runs=3 is deprecated" in load("max_active_runs: 3" + STEPS).warnings[0]
    assert load("max_active_runs: 3\nqueue: q" + STEPS).warnings == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "entrypoint document must not be empty"),
        ("# only a comment\n", "entrypoint document must not be empty"),
        ("name: a\nsteps: [{run: x}]", "entrypoint document must not define name"),
        ("steps: [{run: x}]\n---\n", "document 2 must not be empty"),
        ("env: {}", "entrypoint document must define steps"),
        ("steps: {}", "steps must be a non-empty sequence"),
        ("steps: []", "steps must be a non-empty sequence"),
        ("steps: [{run: x}]\n---\nname: ''\nsteps: [{run: x}]", "must be a non-empty string"),
    ],
)
def test_raw_checks_of_validate(text: str, message: str) -> None:
    report = validate_text(text)
    assert message in report.bullets[0]
    assert report.errors[0].line


def test_loading_is_more_lenient_than_validate() -> None:
    assert load("name: a\nsteps: {x: {run: y}}\n---\n# nothing\n").name == "a"
    assert "no DAGs found in file" in refused("# nothing").message
    assert "sequence was used where mapping is expected" in refused("[a]").message


def test_raw_problems_share_one_bullet_in_order() -> None:
    report = validate_text("name: a\nsteps: {}\n---\n")
    assert report.bullets == (
        "entrypoint document must not define name\n"
        "entrypoint document steps must be a non-empty sequence\n"
        "document 2 must not be empty",
    )
    assert len(report.errors) == 3


def test_text_and_base_text_are_kept_for_the_snapshot() -> None:
    dag = load("steps: [{run: a}]", base_text="timeout_sec: 3\n")
    assert (dag.text, dag.base_text) == ("steps: [{run: a}]", "timeout_sec: 3\n")


def built(text: str, dialect: str) -> tuple[DAG, list[FaultError]]:
    root = read_documents(text)[0].root
    assert isinstance(root, MapNode)
    errors: list[FaultError] = []
    return build_dag(root, "a", Inherited(), errors, dialect=dialect), errors


@pytest.mark.parametrize(
    ("text", "dialect", "dag_type"),
    [
        ("steps: []", "v1", DAGType.CHAIN),
        ("steps: []", "v2", DAGType.GRAPH),
        ("type: graph", "v1", DAGType.GRAPH),
    ],
)
def test_type_of_a_1_30_document(text: str, dialect: str, dag_type: DAGType) -> None:
    """spec 10 section 13.1"""
    dag, errors = built(text, dialect)
    assert (dag.type, dag.dialect, errors) == (dag_type, dialect, [])


def test_metadata_of_an_agent_needs_no_base() -> None:
    """What the base configuration may add is not missed in lists (spec 10 section 3)."""
    options = LoadOptions(metadata_only=True)
    dag = load_dag("type: agent\nqueue: q\nsteps: [5]\n", name="a", options=options)
    assert (dag.type, dag.queue, dag.steps) == (DAGType.AGENT, "q", ())


def test_labels_of_a_1_30_document_are_not_checked() -> None:
    """spec 10 section 13.1"""
    assert built("tags: 'A b, c'", "v1")[0].labels == ("a b", "c")
    assert len(built("tags: 'A b, c'", "v2")[1]) == 1


def test_build_errors_come_in_the_order_of_the_pipeline() -> None:
    """spec 10 section 3, step 5"""
    error = refused(
        "webhook: {forward_headers: ['']}\nsecrets: [{name: A}]\nhist_retention_runs: 0\n"
        "overlap_policy: x\nenv: [1a=b]\nconsts: {}\ntype: x\nsteps: [{run: ''}]\n"
    )
    order = ["type", "consts", "env", "overlap_policy", "hist_retention_runs", "secrets"]
    assert [problem.field.partition("[")[0] for problem in error.problems][:6] == order
    assert error.problems[6].field == "webhook.forward_headers[0]"
    assert error.problems[7].field.startswith("steps[0]")
