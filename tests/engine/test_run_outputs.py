"""The outputs of a run as a whole (spec 11 section 8.4, spec 12 section 11)."""

from __future__ import annotations

import pytest

from edge.core.record import NodeRecord, RunRecord
from edge.core.status import RunStatus
from edge.engine.run_outputs import camel_case, outputs_document, run_outputs


# spec 11 section 8.4 and spec 12 section 11: keys
@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("IMAGE_TAG", "imageTag"),
        ("OUT", "out"),
        ("low_case_x", "lowCaseX"),
        ("MiXed", "mixed"),
        ("_A__B_", "aB"),
        ("_", "_"),
        ("A1_2B", "a12b"),
    ],
)
def test_camel_case(name: str, key: str) -> None:
    assert camel_case(name) == key


def _node(variable: str = "", published: str = "") -> NodeRecord:
    name, _, _ = variable.partition("=")
    return NodeRecord(
        step={"name": "n"},
        output_variables={name: variable} if variable else {},
        outputs_value=published,
    )


def _record(*nodes: NodeRecord, **handlers: NodeRecord) -> RunRecord:
    return RunRecord(
        name="t",
        run_id="r",
        attempt_id="a",
        status=RunStatus.SUCCEEDED,
        nodes=list(nodes),
        handlers=handlers,
    )


# spec 11 section 8.4: which values, and who wins
@pytest.mark.parametrize(
    ("record", "outputs"),
    [
        (_record(_node("A_B=1")), {"aB": "1"}),
        (_record(_node("A=")), {"a": ""}),
        (_record(_node("A=x=y")), {"a": "x=y"}),
        (_record(_node("A=1"), _node("A=2")), {"a": "2"}),
        (_record(_node("A=1"), onInit=_node("A=0"), onExit=_node("A=3")), {"a": "3"}),
        (_record(_node("A=1"), onInit=_node("A=0")), {"a": "1"}),
        (_record(onSuccess=_node("A=s"), onExit=_node("A=e")), {"a": "e"}),
        (
            _record(_node(published='{"S_T":"v","n":5,"o":{"b":1,"a":[true,null]}}')),
            {"S_T": "v", "n": "5", "o": '{"a":[true,null],"b":1}'},
        ),
        (_record(_node(published="[1]"), _node(published="{"), _node()), {}),
    ],
)
def test_run_outputs(record: RunRecord, outputs: dict[str, str]) -> None:
    assert run_outputs(record) == outputs


def test_a_verdict_of_continue_on_is_no_output() -> None:
    """spec 12 section 7: readers must not take it for one."""
    record = _record(_node("DAGU_CONTINUE_ON.a=DAGU_CONTINUE_ON.a=true"))
    assert run_outputs(record) == {}
    assert outputs_document(record) is None


def test_document() -> None:
    """spec 11 section 8.4: the file."""
    record = _record(_node("A=1"))
    record.params_list = ["P=ü", "2"]
    document = outputs_document(record)
    assert document == {
        "metadata": {
            "dagName": "t",
            "dagRunId": "r",
            "attemptId": "a",
            "status": "succeeded",
            "completedAt": "",
            "params": '["P=ü","2"]',
        },
        "outputs": {"a": "1"},
    }
