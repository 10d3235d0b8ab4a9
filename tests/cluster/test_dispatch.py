"""What a dispatched task carries: spec 20 sections 1.3 and 13."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.cluster.dispatch import params_text, task_for
from edge.cluster.wire import pb
from edge.workflow.load import load_dag
from edge.workflow.params import ResolvedParams, parse_override_text


def test_the_task_of_a_start() -> None:
    text = "labels:\n  - x=1\nworker_selector:\n  arch: arm\nsteps:\n  - id: a\n    run: 'true'\n"
    dag = load_dag(text, name="etl", base_text="max_active_steps: 4\n", source_file="/d/etl.yaml")
    task = task_for(dag, ResolvedParams.from_list(["A=1"]), run_id="r1", trigger_actor="ann")
    assert task == pb.Task(
        root_dag_run_name="etl",
        root_dag_run_id="r1",
        dag_run_id="r1",
        operation=pb.OPERATION_START,
        target="etl",
        params='A="1"',
        worker_selector={"arch": "arm"},
        definition=text,
        base_config="max_active_steps: 4\n",
        source_file="/d/etl.yaml",
        trigger_actor="ann",
    )


def test_the_selector_is_resolved_with_the_parameters_of_the_run() -> None:
    """spec 10 section 11"""
    text = "params: {SITE: north}\nworker_selector: {site: '${params.SITE}'}\nsteps: [{run: a}]\n"
    dag = load_dag(text, name="etl")
    task = task_for(dag, ResolvedParams.from_list(["SITE=east"]), run_id="r1")
    assert dict(task.worker_selector) == {"site": "east"}
    given = task_for(dag, ResolvedParams(), run_id="r1", selector={"a": "b"})
    assert dict(given.worker_selector) == {"a": "b"}


_VALUES = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")) | st.sampled_from('"\\\n\t `$'),
    max_size=20,
)


@given(st.dictionaries(st.sampled_from(["A", "B_2", "1", "2"]), _VALUES, max_size=4))
def test_params_survive_their_text(values: dict[str, str]) -> None:
    params = ResolvedParams(tuple(values.items()))
    found = parse_override_text(params_text(params)).items
    expected = tuple((name if not name.isdigit() else "", value) for name, value in params.items)
    assert found == expected
