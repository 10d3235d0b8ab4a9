from __future__ import annotations

import pytest

from edge.core.gojson import GoRecord, go_json
from edge.core.jsontypes import JsonValue


# spec 13 section 1.5: JSON as Go's encoder writes it
@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [True, None]}, '{"a":[true,null],"b":1}'),
        ("<a> & é☃ \u2028", '"\\u003ca\\u003e \\u0026 é☃ \\u2028"'),
        ('q"\\\n\t\x01', '"q\\"\\\\\\n\\t\\u0001"'),
        (1e21, "1e+21"),
        (1e20, "100000000000000000000"),
        (1e-7, "1e-7"),
        (0.000001, "0.000001"),
        (0.00001234, "0.00001234"),
        (1.5, "1.5"),
        (3.0, "3"),
        (-0.0, "-0"),
        (1234567890123.25, "1234567890123.25"),
        (12345678901234567890, "12345678901234567890"),
        ({}, "{}"),
        ([], "[]"),
        ("\ud800", '"?"'),
    ],
)
def test_encoding_is_that_of_go(value: JsonValue, text: str) -> None:
    """spec 13 section 1.5"""
    assert go_json(value) == text


def test_indented_and_plain_forms() -> None:
    """spec 13 section 1.5"""
    value: JsonValue = {"b": [1, {"c": "<"}], "a": {}, "d": []}
    assert go_json(value, indent="  ", escape_html=False) == (
        '{\n  "a": {},\n  "b": [\n    1,\n    {\n      "c": "<"\n    }\n  ],\n  "d": []\n}'
    )


def test_what_json_does_not_have_is_refused() -> None:
    """spec 13 section 1.5"""
    with pytest.raises(ValueError, match="unsupported value"):
        go_json([float("nan")])


def test_records_keep_their_order() -> None:
    """spec 13 section 1.5: keys of maps sorted, of fixed records in the order listed."""
    value = GoRecord(z=1, a={"y": "<", "b": [GoRecord(d=1, c=None)]})
    assert go_json(value) == '{"z":1,"a":{"b":[{"d":1,"c":null}],"y":"\\u003c"}}'
    assert go_json(GoRecord(b=1, a=2), indent="  ") == '{\n  "b": 1,\n  "a": 2\n}'


def test_too_deep_nesting_is_an_error_of_the_value() -> None:
    """spec 13 section 1.5."""
    value: JsonValue = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(ValueError, match="nested too deeply"):
        go_json(value)
