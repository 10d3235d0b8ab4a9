from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.jsontypes import JsonValue
from edge.workflow.param_values import coerce, value_text


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        # spec 11 section 5: typed values are coerced and stored in canonical text
        ("07", "integer", "7"),
        ("-3", "integer", "-3"),
        ("+3", "integer", "3"),
        ("9223372036854775807", "integer", "9223372036854775807"),
        ("2.0", "number", "2"),
        ("1.50", "number", "1.5"),
        ("1e3", "number", "1000"),
        (".5", "number", "0.5"),
        ("-1e-7", "number", "-0.0000001"),
        ("TRUE", "boolean", "true"),
        ("False", "boolean", "false"),
        ("07", "string", "07"),
        ("07", "", "07"),
    ],
)
def test_coercion(text: str, kind: str, value: str) -> None:
    assert value_text(coerce(text, kind)) == value


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        # spec 11 section 5: `cannot coerce "x" to integer|number|boolean`
        *[
            (text, "integer")
            for text in ("x", "", "1.0", "1e3", " 1", "1_0", "9223372036854775808")
        ],
        *[(text, "number") for text in ("x", "", "inf", "NaN", "1e999", "0x1", "1,5", "9" * 500)],
        *[(text, "boolean") for text in ("yes", "1", "", "t")],
    ],
)
def test_misfits(text: str, kind: str) -> None:
    with pytest.raises(ValueError) as caught:
        coerce(text, kind)
    assert str(caught.value) == f'cannot coerce "{text}" to {kind}'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        # spec 11 section 2: the text of an inserted value
        (True, "true"),
        (3, "3"),
        (2.0, "2"),
        (1e21, "1" + "0" * 21),
        (1e-7, "0.0000001"),
        ([1, {"a": "ü"}], '[1,{"a":"ü"}]'),
        ("a b", "a b"),
    ],
)
def test_canonical_text(value: JsonValue, text: str) -> None:
    assert value_text(value) == text


@given(st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_read_back(value: float) -> None:
    found = coerce(value_text(value), "number")
    assert isinstance(found, int | float)
    assert float(found) == float(value)


@given(st.text(), st.sampled_from(["string", "integer", "number", "boolean", ""]))
def test_any_text_is_a_value_or_an_error(text: str, kind: str) -> None:
    try:
        value = coerce(text, kind)
    except ValueError:
        return
    assert coerce(value_text(value), kind) == value
