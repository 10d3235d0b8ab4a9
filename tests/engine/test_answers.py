"""What people answer, as changes of a record (spec 12 section 14)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.core.errors import UserError
from edge.core.jsontypes import JsonObject
from edge.core.record import RunRecord
from edge.core.status import NodeStatus, RunStatus, TriggerType
from edge.engine.answers import Person, approve, push_back, reject
from edge.engine.attempt import new_record
from edge.engine.human_answers import complete, parse_inputs, parse_json_input, task_input
from edge.engine.plan import build_plan
from edge.engine.pushback import push_back_env
from edge.engine.retry_plan import plan_full
from edge.engine.visibility import RunView
from edge.store import Store
from edge.workflow.model import DAG
from tests.engine.helpers import make_dag, make_spec
from tests.store.support import HOST, SNAPSHOT

ANN = Person("ann", "os:1000", 1_780_000_000_000)
TEXT = """
steps:
  - {id: a, run: x}
  - {id: g, run: x, depends: a, approval: {input: [who, note], required: [who], rewind_to: a}}
  - {id: b, run: x, depends: g}
  - {id: free, run: x, approval: {prompt: ok}}
"""


def _parked(text: str = TEXT, letters: str = "swnw") -> tuple[DAG, RunRecord]:
    dag = make_dag(text)
    record = new_record(make_spec(dag, Path("/nowhere")))
    record.status = RunStatus.WAITING
    words = {"s": NodeStatus.SUCCEEDED, "w": NodeStatus.WAITING, "n": NodeStatus.NOT_STARTED}
    for node, letter in zip(record.nodes, letters, strict=True):
        node.status = words[letter]
        node.stdout = f"/log/{node.name}" if letter != "n" else ""
    return dag, record


def test_an_approval_keeps_who_when_and_what() -> None:
    """spec 12 section 14: the table of actions, approve."""
    dag, record = _parked()
    assert not approve(record, "g", {"who": "bob", "my_note": "x"}, ANN)
    node = record.nodes[1]
    assert node.status is NodeStatus.SUCCEEDED
    assert node.output_variables == {"who": "who=bob", "my_note": "my_note=x"}
    assert node.extra["approvalInputs"] == {"who": "bob", "myNote": "x"}
    assert node.extra["approvedBy"] == "ann"
    assert node.extra["approvedById"] == "os:1000"
    assert record.status is RunStatus.WAITING
    view = RunView(build_plan(dag), record, lambda _: None)
    assert view.variables(2) == {"who": "bob", "my_note": "x"}
    assert approve(record, "free", {}, ANN)
    assert (record.status, record.trigger_type) == (RunStatus.QUEUED, TriggerType.RETRY)
    assert "approvalInputs" not in record.nodes[3].extra


def test_a_rejection_ends_the_run_at_once() -> None:
    """spec 12 section 14: the table of actions, reject."""
    _, record = _parked()
    reject(record, "g", "not today", ANN)
    assert (record.status, record.finished_ms) == (RunStatus.REJECTED, ANN.at_ms)
    assert record.nodes[1].status is NodeStatus.REJECTED
    assert record.nodes[1].extra["rejectionReason"] == "not today"
    assert record.nodes[1].extra["rejectedBy"] == "ann"


def test_a_push_back_resets_the_target_and_all_behind_it() -> None:
    """spec 12 section 14: the table of actions, push back, and its environment."""
    dag, record = _parked()
    assert push_back(record, dag, "g", {"who": "bob", "other": "x"}, ANN) == 1
    assert record.status is RunStatus.QUEUED
    assert [node.status.word for node in record.nodes] == [
        "not_started", "not_started", "not_started", "waiting",
    ]  # fmt: skip
    resumed = plan_full(dag, build_plan(dag), record)
    env = push_back_env(resumed.nodes[0])
    assert env["who"] == "bob"
    assert "other" not in env
    assert env["DAG_PUSHBACK_ITERATION"] == "1"
    assert env["DAG_PUSHBACK_PREVIOUS_STDOUT_FILE"] == "/log/a"
    whole = json.loads(env["DAG_PUSHBACK"])
    first = {"iteration": 1, "by": "ann", "at": ANN.at, "inputs": {"who": "bob"}}
    assert whole == {**first, "history": [first]}
    assert push_back_env(resumed.nodes[3]) == {}
    record.status, record.nodes[1].status = RunStatus.WAITING, NodeStatus.WAITING
    assert push_back(record, dag, "g", {"who": "eve"}, ANN) == 2
    again = json.loads(push_back_env(record.nodes[1])["DAG_PUSHBACK"])
    assert [item["iteration"] for item in again["history"]] == [1, 2]


# spec 12 section 14: refusals
@pytest.mark.parametrize(
    ("step", "status", "inputs", "text"),
    [
        ("b", RunStatus.WAITING, {}, "step b is not waiting for approval (status: not_started)"),
        ("a", RunStatus.WAITING, {}, "step a is not waiting for approval (status: succeeded)"),
        ("g", RunStatus.WAITING, {}, "missing required inputs: [who]"),
        ("g", RunStatus.WAITING, {"who": " "}, "missing required inputs: [who]"),
        ("g", RunStatus.FAILED, {}, "dag-run is not waiting for approval (status: failed)"),
        ("z", RunStatus.WAITING, {}, 'step "z" not found in DAG-run run-t'),
    ],
)
def test_an_approval_is_refused(
    step: str, status: RunStatus, inputs: dict[str, str], text: str
) -> None:
    _, record = _parked()
    record.status = status
    before = record.to_json()
    with pytest.raises(UserError) as caught:
        approve(record, step, inputs, ANN)
    assert str(caught.value) == text
    assert record.to_json() == before


TASK = """
steps:
  - {id: a, run: x}
  - id: h
    action: human.task
    with:
      prompt: hi
      form:
        type: object
        properties: {n: {type: integer, default: 3}, s: {type: string, enum: [x, y]}}
        required: [s]
  - {id: bare, action: human.task, with: {prompt: hi}}
"""


# spec 12 section 14: the table of texts, input syntax
@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (lambda: parse_inputs(["a"]), "--input must use key=value form"),
        (lambda: parse_inputs(["=a"]), "--input must use key=value form"),
        (lambda: parse_inputs(["k=1", "k=2"]), '--input contains duplicate key "k"'),
        (
            lambda: parse_json_input("null"),
            "invalid --inputs-json JSON value: input must be a JSON object",
        ),
        (
            lambda: parse_json_input("[]"),
            "invalid --inputs-json JSON value: input must be a JSON object",
        ),
        (
            lambda: parse_json_input("{} {}"),
            "invalid --inputs-json JSON value: invalid JSON value: must contain exactly one JSON"
            " object",
        ),
        (
            lambda: parse_json_input('{"a": {"k": 1, "k": 2}}'),
            'invalid --inputs-json JSON value: invalid JSON value: duplicate JSON member "k"',
        ),
    ],
)
def test_an_input_is_no_input(parse: Callable[[], object], text: str) -> None:
    with pytest.raises(UserError) as caught:
        parse()
    assert str(caught.value) == text


def test_a_text_that_is_no_json_is_refused() -> None:
    """spec 12 section 14: with the parser's text."""
    for text in ("{", "NaN", "[" * 100_000):
        with pytest.raises(UserError, match="--inputs-json JSON value: invalid JSON"):
            parse_json_input(text)


_BAD = 'invalid input for human task step "h": '
_FORM = _BAD + "human task form validation failed: parameter validation failed: validating "


# spec 12 section 14: the table of texts, step and input
@pytest.mark.parametrize(
    ("step", "texts", "values", "error"),
    [
        ("z", {}, None, 'human task step ID "z" was not found'),
        ("a", {}, None, 'step "a" is not a human task'),
        (
            "bare",
            {"k": "v"},
            None,
            'invalid input for human task step "bare": this human task does not accept input',
        ),
        ("h", {"s": "x", "n": "abc"}, None, _BAD + 'n: cannot coerce "abc" to integer'),
        ("h", {}, None, _FORM + 'root: required: missing properties: ["s"]'),
        ("h", {"s": "x", "k": "1"}, None, _FORM + 'root: unexpected additional properties ["k"]'),
        (
            "h",
            {},
            {"s": 3},
            _FORM + 'root: validating /properties/s: type: 3 has type "integer", want "string"',
        ),
        (
            "h",
            {"s": "z"},
            None,
            _FORM + "root: validating /properties/s: enum: z does not equal any of: [x y]",
        ),
    ],
)
def test_an_input_does_not_fit(
    step: str, texts: dict[str, str], values: JsonObject | None, error: str
) -> None:
    with pytest.raises(UserError) as caught:
        task_input(make_dag(TASK), step, texts=texts, values=values)
    assert str(caught.value) == error


def test_an_input_has_a_limit() -> None:
    """spec 12 section 14: canonical input up to `max_output_size`."""
    text = "max_output_size: 9\nsteps: [{id: h, action: human.task, with: {prompt: p, form:"
    dag = make_dag(text + " {type: object, properties: {s: {type: string}}}}}]")
    assert task_input(dag, "h", texts={"s": "x"}) == {"s": "x"}
    with pytest.raises(UserError, match="input exceeded maximum size limit of 9 bytes"):
        task_input(dag, "h", texts={"s": "xx"})


def test_a_completion_gives_outputs_and_may_be_repeated() -> None:
    """spec 12 section 14: one atomic change; the same input again is a success."""
    dag, record = _parked(TASK, "sww")
    given = task_input(dag, "h", texts={"s": "x"})
    assert complete(record, "h", given, ANN) == (
        "Completed human task h; DAG-run remains waiting.",
        True,
    )
    node = record.nodes[1]
    assert node.step_outputs_value == '{"n":"3","s":"x"}'
    assert node.finished_ms == ANN.at_ms
    assert node.extra["humanTaskInput"] == {"n": 3, "s": "x"}
    assert node.extra["humanTaskCompletedById"] == "os:1000"
    same = task_input(dag, "h", values={"s": "x", "n": 3})
    assert complete(record, "h", same, ANN) == ("Human task h was already completed.", False)
    with pytest.raises(UserError, match='step "h" was already completed with different input'):
        complete(record, "h", task_input(dag, "h", texts={"s": "y"}), ANN)
    assert complete(record, "bare", {}, ANN)[0] == (
        "Completed human task bare; DAG-run queued for resume."
    )
    assert record.status is RunStatus.QUEUED
    assert complete(record, "h", same, ANN) == ("Human task h was already completed.", False)
    record.status = RunStatus.WAITING
    assert complete(record, "h", same, ANN)[0] == (
        "Human task h was already completed; DAG-run queued for resume."
    )


# spec 12 section 14: the table of texts, state
@pytest.mark.parametrize(
    ("status", "letters", "text"),
    [
        (RunStatus.RUNNING, "sww", "DAG-run t:run-t is not waiting (status: running)"),
        (RunStatus.WAITING, "snw", 'human task step "h" is not waiting (status: not_started)'),
    ],
)
def test_a_completion_comes_at_the_wrong_time(status: RunStatus, letters: str, text: str) -> None:
    dag, record = _parked(TASK, letters)
    record.status = status
    with pytest.raises(UserError) as caught:
        complete(record, "h", task_input(dag, "h", texts={"s": "x"}), ANN)
    assert str(caught.value) == text


def test_of_two_answers_one_wins(tmp_path: Path) -> None:
    """spec 12 section 22: compare-and-swap on attempt and status."""
    _, record = _parked("steps: [{id: g, run: x, approval: {}}]", "w")
    store = Store.open(tmp_path / "edge.db")
    try:
        store.begin_attempt(record, SNAPSHOT, HOST, new_run=True)

        def yes(found: RunRecord) -> tuple[str, bool]:
            return str(approve(found, "g", {"K": "v"}, ANN)), True

        assert store.answer(record.ref, yes) == "True"
        found = store.load_record(record.ref)
        assert found is not None
        assert (found.status, found.nodes[0].output_variables) == (RunStatus.QUEUED, {"K": "K=v"})
        with pytest.raises(UserError, match=r"not waiting for approval \(status: queued\)"):
            store.answer(record.ref, yes)
    finally:
        store.close()
