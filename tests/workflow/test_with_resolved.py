"""`with` after its references are resolved: weak types, late checks (spec 13 section 1.3)."""

from __future__ import annotations

import pytest

from edge.core.jsontypes import JsonObject, JsonValue
from edge.workflow.with_resolved import (
    as_flag,
    as_int,
    as_list,
    as_text,
    check_resolved,
    weak_inputs,
)


# spec 13 section 1.3: `"5"` -> 5
@pytest.mark.parametrize(
    ("value", "found"),
    [("5", 5), (" -5 ", -5), ("", 0), (True, 1), (2.0, 2), (7, 7), ("+1", 1)],
)
def test_integers(value: JsonValue, found: int) -> None:
    assert as_int(value) == found


# spec 13 section 1.3: what is none
@pytest.mark.parametrize("value", ["x", "1.5", [1], {}, "9" * 5000, None, 1e300, "٣"])
def test_no_integers(value: JsonValue) -> None:
    with pytest.raises(ValueError, match="is not an integer"):
        as_int(value)


# spec 13 section 1.3: 1/`"true"` -> true
@pytest.mark.parametrize(
    ("value", "found"),
    [(1, True), ("true", True), ("1", True), ("t", True), (0, False), ("false", False)],
)
def test_flags(value: JsonValue, found: bool) -> None:
    assert as_flag(value) is found


def test_no_flag() -> None:
    """spec 13 section 1.3."""
    with pytest.raises(ValueError, match='"yes" is not a boolean'):
        as_flag("yes")


# spec 13 section 1.3: number -> string, scalar -> one-element list
@pytest.mark.parametrize(
    ("value", "text"), [(5, "5"), (1.5, "1.5"), (1e6, "1e+06"), (True, "1"), (None, ""), ("a", "a")]
)
def test_texts(value: JsonValue, text: str) -> None:
    assert as_text(value) == text


@pytest.mark.parametrize(("value", "found"), [("a", ["a"]), ([1], [1]), (None, []), ({}, [])])
def test_lists(value: JsonValue, found: list[JsonValue]) -> None:
    """spec 13 section 1.3."""
    assert as_list(value) == found


def test_types_come_from_the_table_of_inputs() -> None:
    """spec 13 section 1.3: an unknown input and one of any type stay as they are."""
    values: JsonObject = {"raw": "true", "data": "5", "other": "5", "input": None}
    assert weak_inputs("jq", values) == {"raw": True, "data": "5", "other": "5"}
    with pytest.raises(ValueError, match="invalid jq config: raw: "):
        weak_inputs("jq", {"raw": "no"})


# spec 13 section 1.3: format, enum and range checks of what held a reference
@pytest.mark.parametrize(
    ("type_", "operation", "values", "reason"),
    [
        ("wait", "duration", {"duration": "0s"}, "wait: duration must be greater than 0"),
        ("wait", "duration", {"duration": "${nope}"}, "wait: duration must be a duration"),
        ("wait", "until", {"until": "soon"}, "wait: until must be RFC3339 timestamp"),
        ("wait", "http", {"url": "$U"}, "wait: url must be an absolute HTTP URL"),
        ("wait", "http", {"url": "http://h", "status": 99}, "status must be between 100 and 599"),
        ("wait", "file", {"path": "p", "state": "gone"}, "enum: gone does not equal any of"),
        ("state", "set", {"key": "k"}, "state: configuration error: value is required for set"),
        ("log", "write", {"message": " "}, "log: message is required"),
    ],
)
def test_late_checks(type_: str, operation: str, values: JsonObject, reason: str) -> None:
    assert reason in check_resolved(type_, operation, values)


def test_good_inputs() -> None:
    """spec 13 section 1.3."""
    assert check_resolved("wait", "duration", {"duration": "1s"}) == ""
