"""Child runs in the record (spec 12 section 17)."""

from __future__ import annotations

import pytest

from edge.core.jsontypes import JsonObject, JsonValue
from edge.core.record import NodeRecord
from edge.core.subruns import StatusDetail, SubRun

_CHILD: JsonObject = {
    "dagRunId": "c1",
    "params": 'V="x"',
    "parallelItem": '{"n":"1"}',
    "dagName": "kid",
}


def test_children_and_details_survive_a_round_trip() -> None:
    """spec 12 section 17: `Sub` and `statusDetails`."""
    data: JsonObject = {
        **NodeRecord(step={"name": "a"}).to_json(),
        "statusDetails": [{"label": "kid (V=x)", "status": 4}],
        "children": [_CHILD, {"dagRunId": "c2"}],
    }
    node = NodeRecord.from_json(data)
    assert node.children[0] == SubRun(run_id="c1", name="kid", params='V="x"', item='{"n":"1"}')
    assert node.status_details == (StatusDetail("kid (V=x)", 4),)
    assert node.to_json() == data


@pytest.mark.parametrize(
    ("member", "value", "text"),
    [
        ("children", {}, "children: expected a list, got dict"),
        ("children", [1], "children: expected an object, got int"),
        ("children", [{"dagRunId": 1}], "dagRunId: expected a string, got int"),
        ("statusDetails", "x", "statusDetails: expected a list, got str"),
        ("statusDetails", [{"status": True}], "statusDetails: expected an integer"),
        ("statusDetails", [{"label": 1}], "label: expected a string, got int"),
    ],
)
def test_wrong_types_are_refused(member: str, value: JsonValue, text: str) -> None:
    """spec 12 section 17: names and types."""
    with pytest.raises(ValueError, match=text):
        NodeRecord.from_json({"step": {"name": "a"}, member: value})
