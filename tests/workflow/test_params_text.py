from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.workflow.params import ResolvedParams
from edge.workflow.params_text import parse_override_text, parse_overrides, quoted


@pytest.mark.parametrize(
    ("text", "items"),
    [
        # spec 11 section 5: the string syntax
        ("a b", [("", "a"), ("", "b")]),
        ("  a \t\n K=v ", [("", "a"), ("K", "v")]),
        ('A="two words"', [("A", "two words")]),
        (r'A="q\"x"', [("A", 'q"x')]),
        (r'A="x\ty\\"', [("A", "x\ty\\")]),
        ('"two words"', [("", "two words")]),
        ("A=`date +%F` b", [("A", "`date +%F`"), ("", "b")]),
        ("`a b`", [("", "`a b`")]),
        ("A=x=y", [("A", "x=y")]),
        ("A=", [("A", "")]),
        ('A="unclosed b', [("A", '"unclosed'), ("", "b")]),
        ("{not json}", [("", "{not"), ("", "json}")]),
        ("{}", []),
        ("", []),
        ('{"b": 1, "a": [2]}', [("b", "1"), ("a", "[2]")]),
        ('["a", {"k": "v"}, 3, true]', [("", "a"), ("k", "v"), ("", "3"), ("", "true")]),
        ('{"n": 1.50, "e": 1e21, "x": null}', [("n", "1.5"), ("e", "1" + "0" * 21)]),
        ('{"n": NaN}', [("", '{"n":'), ("", "NaN}")]),
    ],
)
def test_text_is_tokens_or_json(text: str, items: list[tuple[str, str]]) -> None:
    assert list(parse_override_text(text).items) == items


@pytest.mark.parametrize(
    ("words", "items"),
    [
        # spec 30 section 1.3: each word after `--` is one parameter
        (["a b"], [("", "a b")]),
        (["K=two words"], [("K", "two words")]),
        (['X="q r"'], [("X", "q r")]),
        (["k=w a"], [("k", "w a")]),
        (["=x", "$(id)", ""], [("", "=x"), ("", "$(id)"), ("", "")]),
        (["`a`", "K=`b c`"], [("", "`a`"), ("K", "`b c`")]),
        ([' {"K": "v", "o": {"a": 1}} '], [("K", "v"), ("o", '{"a":1}')]),
        (['{"K": "v"}', "b"], [("", '{"K": "v"}'), ("", "b")]),
    ],
)
def test_words_of_the_command_line(words: list[str], items: list[tuple[str, str]]) -> None:
    assert list(parse_overrides(words).items) == items


def test_json_is_kept_as_it_was() -> None:
    """spec 11 section 5: the payload is that text unchanged."""
    assert parse_overrides([' {"i":  9} ']).json_text == '{"i":  9}'
    assert parse_overrides(["a"]).json_text == ""


def test_positions_are_counted() -> None:
    assert parse_overrides(["a", "k=w", "b"]).positional_count == 2


@given(
    st.dictionaries(
        st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,8}", fullmatch=True), st.text(), max_size=5
    )
)
def test_quoted_text_and_json_read_back(pairs: dict[str, str]) -> None:
    assert dict(parse_override_text(json.dumps(pairs)).items) == pairs
    text = " ".join(f"{name}={quoted(value)}" for name, value in pairs.items())
    assert dict(parse_override_text(text).items) == pairs
    resolved = ResolvedParams(tuple(pairs.items()))
    assert ResolvedParams.from_list(resolved.as_list()) == resolved


@given(st.text(max_size=60))
def test_any_text_is_read(text: str) -> None:
    assert isinstance(parse_override_text(text).items, tuple)


def test_deep_json_is_text() -> None:
    assert parse_override_text("[" * 100_000 + "]" * 100_000).json_text == ""
