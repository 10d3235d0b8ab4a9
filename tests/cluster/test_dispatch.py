"""What a dispatched task carries: spec 20 sections 1.3 and 13."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.cluster.dispatch import params_text, task_for
from edge.cluster.wire import pb
from edge.workflow.load import load_dag
from edge.workflow.params import (
    ResolvedParams,
    parse_override_text,
    resolve_params,
    stored_params,
)


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


_VALUES = st.text(st.characters(codec="utf-8") | st.sampled_from('"\\\n\t `$'), max_size=20)
_PLAIN = load_dag("steps: [{run: a}]\n", name="p")


@given(st.dictionaries(st.sampled_from(["A", "B_2", "1", "2"]), _VALUES, max_size=4))
def test_params_survive_their_text(values: dict[str, str]) -> None:
    if "2" in values and not values.keys() & {"1", "A", "B_2"}:
        # the first word is missing, and there is none to repeat: no command line gives that
        del values["2"]
    params = ResolvedParams(tuple(values.items()))
    found = stored_params(_PLAIN, parse_override_text(params_text(_PLAIN, params)))
    assert found.as_dict() == values


@pytest.mark.parametrize(
    ("items", "text"),
    [
        # spec 20 section 1.3: the string form; a position counts every word
        ([("A", "1"), ("1", "x")], '"x" A="1"'),
        ([("A", "1"), ("2", "x")], 'A="1" "x"'),
        ([("A", "1"), ("3", "x")], 'A="1" A="1" "x"'),
        ([("A", "1"), ("B", "2"), ("2", "x")], 'A="1" "x" B="2"'),
        ([("A", 'q"\\\n\x1b')], 'A="q\\"\\\\\\n\x1b"'),
    ],
)
def test_positions_keep_their_places(items: list[tuple[str, str]], text: str) -> None:
    params = ResolvedParams(tuple(items))
    assert params_text(_PLAIN, params) == text
    assert stored_params(_PLAIN, parse_override_text(text)).as_dict() == dict(items)


@pytest.mark.parametrize(
    ("declared", "base", "text"),
    [
        # spec 11 section 5: the payload is the caller's JSON, on a worker too
        ("{a: 1}", "", '{"a":  2}'),
        ("[{name: a, eval: $(date)}]", "", 'a="2"'),
        ("{a: 1}", "params: {b: 1}", 'b="1" a="2"'),
    ],
)
def test_json_stays_the_payload_of_a_worker(declared: str, base: str, text: str) -> None:
    dag = load_dag(f"params: {declared}\nsteps: [{{run: a}}]\n", name="p", base_text=base)
    params = resolve_params(dag, parse_override_text('{"a":  2}'))
    assert params_text(dag, params) == text
    found = stored_params(dag, parse_override_text(text))
    assert found.items == params.items
