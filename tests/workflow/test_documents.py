"""Several documents in one file, and where the base configuration comes from."""

from __future__ import annotations

import pytest

from edge.workflow.load import LoadOptions, load_dag, validate_text
from edge.workflow.model import DAGType, EnvVar
from tests.workflow.helpers import commands, load, refused

TWO = """\
steps:
  - run: echo main
---
# nothing here
---
name: probe
type: chain
params: {HOST: localhost}
env: {A: 010, B: yes}
steps:
  - {id: a, run: "ping -c1 $HOST"}
  - run: |
      first

      second
---
name: last
steps: [{id: a, run: c}]
"""
_LONG = "n" * 41


def test_later_documents_are_local_dags() -> None:
    """spec 10 section 2"""
    dag = load(TWO, source_file="/dags/main.yaml")
    assert (dag.name, dag.text, list(dag.local_dags)) == ("sample", TWO, ["probe", "last"])
    probe = dag.local_dags["probe"]
    assert (probe.name, probe.type) == ("probe", DAGType.CHAIN)
    assert [item.name for item in probe.params] == ["HOST"]
    assert probe.env == (EnvVar("A", "8"), EnvVar("B", "yes"))
    assert probe.source_file == "/dags/main.yaml"
    # ids are those of one document
    assert [step.id for step in probe.steps] == ["a", ""]
    assert [step.id for step in dag.local_dags["last"].steps] == ["a"]
    assert dag.params == ()


def test_the_text_of_a_local_dag_is_its_own_document() -> None:
    """spec 10 section 2"""
    probe = load(TWO).local_dags["probe"]
    assert "---" not in probe.text
    assert "echo main" not in probe.text
    again = load_dag(probe.text)
    assert (again.name, again.env, again.params) == (probe.name, probe.env, probe.params)
    assert [(step.name, step.run) for step in again.steps] == [
        (step.name, step.run) for step in probe.steps
    ]


def test_the_dialect_is_that_of_each_document() -> None:
    """spec 10 section 13.1"""
    dag = load("steps: [{run: a}, {run: b}]\n---\nname: old\ndir: /x\nsteps: [{run: a}, {run: b}]")
    old = dag.local_dags["old"]
    assert (dag.dialect, dag.type) == ("v2", DAGType.GRAPH)
    assert (old.dialect, old.type, old.working_dir) == ("v1", DAGType.CHAIN, "/x")
    assert "dir: /x" in old.text
    assert dag.deprecations == ("document[1].dir is Dagu 1.30 spelling; use working_dir",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        # spec 10 section 2: what the loader refuses
        ("# nothing\n---\n", 'no DAGs found in file "x.yaml"'),
        ("", 'no DAGs found in file "x.yaml"'),
        (
            "steps: []\n---\nsteps: []",
            "DAG at index 1 must have a name in multi-DAG file",
        ),
        (
            "steps: []\n---\n---\nname: '  '",
            "DAG at index 1 must have a name in multi-DAG file",
        ),
        ("steps: []\n---\nname: b\n---\nname: b", 'duplicate DAG name "b" found'),
        ("steps: []\n---\nname: x", 'duplicate DAG name "x" found'),
        ("steps: []\n---\n[a]", "failed to decode document 1: [3:1] sequence was used where"),
        ("5", "failed to decode document 0: [1:1] uint64 was used where mapping is expected"),
        ("steps: []\n---\nname: b\nfoo: 1", "failed to process document 1: decoding failed"),
        (
            "steps: []\n---\nname: b\ntype: x",
            "failed to process document 1: failed to build DAG: field 'type': invalid type: x",
        ),
        ("steps: []\n---\nname: 5", "'name' expected type 'string'"),
        ("name: a/b", "name must only contain alphanumeric characters"),
        ("name: ..", "name must"),
        (f"name: {_LONG}", "name must be less than 40 characters"),
        (f"steps: []\n---\nname: {_LONG}", "name must be less than 40 characters"),
        ("steps: []\n---\nlabels: a\ntags: b\nname: c", "failed to process document 1: labels and"),
    ],
)
def test_rules_of_the_loader(text: str, message: str) -> None:
    assert message in refused(text, default_name="", source_file="x.yaml").message


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        # spec 10 section 2: what `validate` refuses
        ("", ["entrypoint document must not be empty"]),
        ("[a]", ["entrypoint document must not be empty"]),
        ("name: a\nsteps: [{run: a}]", ["entrypoint document must not define name"]),
        ("steps: [{run: a}]\n---\n", ["document 2 must not be empty"]),
        (
            "---\n---\nsteps: [{run: a}]",
            ["entrypoint document must not be empty", "document 2 must define name"],
        ),
        ("steps: [{run: a}]\n---\nsteps: [{run: a}]", ["document 2 must define name"]),
        (
            "steps: [{run: a}]\n---\nname: ''\nsteps: [{run: a}]",
            ["document 2 name must be a non-empty string"],
        ),
        (
            "steps: [{run: a}]\n---\nname: 5\nsteps: [{run: a}]",
            ["document 2 name must be a non-empty string"],
        ),
        (
            "steps: [{run: a}]\n---\nname: a\nsteps: [{run: a}]\n---\nname: a\nsteps: [{run: a}]",
            ['DAG document name "a" must be unique'],
        ),
        ("env: {}", ["entrypoint document must define steps"]),
        ("steps: {a: {run: b}}", ["entrypoint document steps must be a non-empty sequence"]),
        ("steps: []", ["entrypoint document steps must be a non-empty sequence"]),
        ("steps: null", ["entrypoint document steps must be a non-empty sequence"]),
        (
            "name: a\nenv: {}\n---\nsteps: 5",
            [
                "entrypoint document must not define name",
                "entrypoint document must define steps",
                "document 2 must define name",
                "document 2 steps must be a non-empty sequence",
            ],
        ),
    ],
)
def test_rules_of_validate(text: str, lines: list[str]) -> None:
    report = validate_text(text, source_file="x.yaml")
    # all of them share one bullet (section 1.3)
    assert report.bullets == ("\n".join(lines),)


@pytest.mark.parametrize(
    ("given", "effective"),
    [
        # spec 10 section 2: where the name comes from
        ({"name": "flag"}, "flag"),
        ({}, "own"),
        ({"text": "steps: []"}, "caller"),
        ({"text": "steps: []", "default_name": ""}, "stem.v2"),
        ({"text": "name: ' '\nsteps: []"}, "caller"),
    ],
)
def test_effective_name(given: dict[str, str], effective: str) -> None:
    options = {"default_name": "caller", "source_file": "/d/stem.v2.yaml"} | given
    text = options.pop("text", "name: ' own '\nsteps: []")
    assert load(text, **options).name == effective


def test_the_name_override_is_the_entrypoints_alone() -> None:
    """spec 10 section 2"""
    dag = load("steps: []\n---\nname: b\n", name="other")
    assert (dag.name, [*dag.local_dags]) == ("other", ["b"])


def test_each_document_is_merged_with_the_base() -> None:
    """spec 10 section 2"""
    dag = load(
        "env: {X: 1}\n---\nname: b\nsteps: [{run: c}]",
        base_text="env: {A: 1}\nsteps: [{run: from-base}]\nname: ignored\n---\nfoo: 1",
    )
    assert dag.env == (EnvVar("A", "1"), EnvVar("X", "1"))
    assert dag.local_dags["b"].env == (EnvVar("A", "1"),)
    # a document without steps has those of the base
    assert commands(dag.steps[0]) == ("from-base",)
    assert commands(dag.local_dags["b"].steps[0]) == ("c",)


def test_a_workspace_base_lies_over_the_global_one() -> None:
    """spec 10 section 5"""
    asked: list[str] = []

    def lookup(workspace: str) -> str:
        asked.append(workspace)
        return {
            "ops": "env: [B=2]\nqueue: fast\nssh: {port: 2222}\nlabels: [x]",
            "lab": "env: {C: 3}",
        }.get(workspace, "")

    dag = load(
        "labels: [workspace=Ops]\nsteps: [{run: a}]\n"
        "---\nname: same\nsteps: [{run: a}]\n"
        "---\nname: other\nlabels: {workspace: lab}\nsteps: [{run: a}]\n"
        "---\nname: none\nlabels: {workspace: nowhere}\nsteps: [{run: a}]\n",
        base_text="env: {A: 1}\nqueue: slow\nssh: {host: h, user: u}",
        how=LoadOptions(workspace_base=lookup),
    )
    pairs = [
        [(item.name, item.value) for item in found.env] for found in (dag, *dag.local_dags.values())
    ]
    assert pairs == [
        [("A", "1"), ("B", "2")],
        [("A", "1"), ("B", "2")],
        [("A", "1"), ("C", "3")],
        [("A", "1")],
    ]
    assert (dag.queue, dag.local_dags["other"].queue) == ("fast", "slow")
    assert set(asked) == {"ops", "lab", "nowhere"}
    # what is kept for the run says the same without the workspace
    again = load(dag.text, base_text=dag.base_text)
    assert (again.env, again.queue) == (dag.env, dag.queue)


@pytest.mark.parametrize(
    ("base", "message"),
    [
        # spec 10 section 5: the base is a document like others
        ("foo: 1", "failed to decode base config: failed to process document 0: decoding failed"),
        ("[a]", "failed to unmarshal base config: expected a mapping"),
        ("a: [", "failed to unmarshal base config: "),
        ("type: x", "failed to decode base config: field 'type': invalid type: x"),
        ("logDir: a\nlog_dir: b", "failed to decode base config: "),
    ],
)
def test_a_bad_base(base: str, message: str) -> None:
    error = refused("steps: []", base_text=base)
    assert message in error.message
    assert {problem.field for problem in error.problems} == {"base config"}
    assert (
        message
        in refused(
            "steps: []\nlabels: workspace=a", how=LoadOptions(workspace_base=lambda _: base)
        ).message
    )


def test_metadata_is_read_without_the_base_and_without_steps() -> None:
    """spec 10 section 3"""
    how = LoadOptions(metadata_only=True)
    base = 'schedule: "0 1 * * *"\nqueue: q\nlabels: [a]\nfoo: wrong'
    dag = load("description: d\nsteps: [{colour: red}]", base_text=base, how=how)
    assert (dag.description, dag.queue, dag.labels, dag.steps) == ("d", "", (), ())
    assert dag.schedule.start == ()
    assert "has invalid keys: foo" in refused("foo: 1", how=how).message


def test_schedules_are_the_documents_own() -> None:
    """spec 10 section 3"""
    base = 'schedule: "0 1 * * *"\ncatchup_window: 6h\noverlap_policy: all\nqueue: q'
    text = "steps: [{run: a}]"
    for_run = load(text, base_text=base)
    assert (len(for_run.schedule.start), for_run.catchup_window_s) == (1, 21600.0)
    dag = load(text, base_text=base, how=LoadOptions(for_scheduler=True))
    assert (dag.schedule.start, dag.catchup_window_s, dag.overlap_policy) == ((), 0.0, "skip")
    assert dag.queue == "q"


def test_a_child_run_has_no_base_handlers() -> None:
    """spec 10 section 2"""
    base = "handler_on: {exit: {run: bye}}\nqueue: q"
    text = "handler_on: {failure: {run: oh}}\nsteps: [{run: a}]"
    assert set(load(text, base_text=base).handlers.configured()) == {"onExit", "onFailure"}
    dag = load(text, base_text=base, how=LoadOptions(as_child=True))
    assert set(dag.handlers.configured()) == {"onFailure"}
    assert dag.queue == "q"
