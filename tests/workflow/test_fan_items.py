"""Items of a fan-out given as text."""

from __future__ import annotations

import pytest

from edge.workflow.fan_items import MAX_ITEMS, split_items


# spec 11 section 8.7 and spec 12 section 12: how a text is split, one row for each rule
@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("", []),
        ("  \n ", []),
        ('["a b", "c"]', ["a b", "c"]),
        ('[1, 1.5, true, null, {"b": 1, "a": "<"}, [1]]',
         ["1", "1.5", "true", "null", '{"a":"<","b":1}', "[1]"]),
        ('["", "x"]', ["x"]),
        ("[]", []),
        ('{"a": 1}', ['{"a":1}']),
        ("[not json", ["[not", "json"]),
        ("a b\n c \n\nd", ["a b", "c", "d"]),
        ("a,b\nc", ["a,b", "c"]),
        ('"a b" "c"', ["a b", "c"]),
        ('x "a b"', ["x", "a b"]),
        ('a"b c', ['a"b', "c"]),
        ("a,b,c", ["a", "b", "c"]),
        ("a, b ,,c", ["a", "b", "c"]),
        ("a|b;c|d", ["a", "b;c", "d"]),
        ("a\tb c", ["a", "b c"]),
        ("a|b,c", ["a", "b,c"]),
        ("a;b,c", ["a", "b,c"]),
        ("a  b c", ["a", "b", "c"]),
        ("one", ["one"]),
    ],
)  # fmt: skip
def test_a_text_is_split(text: str, items: list[str]) -> None:
    """spec 11 section 8.7: JSON, lines, quotes, the most frequent separator, blanks."""
    assert split_items(text) == items


@pytest.mark.parametrize("text", ["x " * 5000, "[" + "1," * 5000 + "1]", "[" * 100_000])
def test_a_huge_text_gives_few_items(text: str) -> None:
    """spec 12 section 12: at most 1000."""
    assert len(split_items(text)) <= MAX_ITEMS + 1
