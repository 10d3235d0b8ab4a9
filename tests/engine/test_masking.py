"""Stars for secrets (spec 11 section 9)."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.jsontypes import JsonValue
from edge.engine.masking import MASK, Masker

_M = MASK


# spec 11 section 9: substring replacement, longest values first, no minimum length
@pytest.mark.parametrize(
    ("secrets", "text", "masked"),
    [
        (["abc"], "x abc y", f"x {_M} y"),
        (["abc"], "tab-abcd", f"tab-{_M}d"),
        (["a"], "banana", f"b{_M}n{_M}n{_M}"),
        (["ab", "abcd"], "abcd ab", f"{_M} {_M}"),
        (["", "x"], "ax", f"a{_M}"),
        ([""], "text", "text"),
        ([], "text", "text"),
        (["a.c"], "abc a.c", f"abc {_M}"),
        (["grün"], "grün", _M),
        # each line of a multi-line secret, when it is longer than 3 characters
        (["line one\nabc\nline two"], "line two, abc, line one", f"{_M}, abc, {_M}"),
        (["line one\r\nline two"], "line one", _M),
        (["one\ntwo"], "one\ntwo one", f"{_M} one"),
        # a file's content: its final newline is not what makes it secret
        (["abc\n"], "x abc y", f"x {_M} y"),
    ],
)
def test_text(secrets: list[str], text: str, masked: str) -> None:
    masker = Masker(secrets)
    assert masker.text(text) == masked
    stream = masker.stream()
    if stream is not None:
        assert (stream.feed(text.encode()) + stream.flush()).decode() == masked
    assert (stream is None) is masker.is_empty


# spec 11 section 9: persisted members
@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ({"k": ["x 42", {"42": 1}]}, {"k": [f"x {_M}", {_M: 1}]}),
        ([42, 4.25, 1, True, None], [_M, 4.25, 1, True, None]),
    ],
)
def test_values(value: JsonValue, masked: JsonValue) -> None:
    assert Masker(["42"]).value(value) == masked
    assert Masker().value(value) == value


@given(
    st.lists(st.text("ab\n", max_size=6), max_size=4),
    st.text("abc\n", max_size=60),
    st.lists(st.integers(0, 60), max_size=8),
)
def test_any_chunking_gives_the_same_text(secrets: list[str], text: str, cuts: list[int]) -> None:
    """spec 11 section 9: a buffer's end hides no secret."""
    masker = Masker(secrets)
    stream = masker.stream()
    if stream is None:
        return
    data, places = text.encode(), [0, *sorted(cuts), 60]
    pieces = [data[a:b] for a, b in itertools.pairwise(places)]
    out = b"".join([*map(stream.feed, pieces), stream.flush()])
    assert out.decode() == masker.text(text)


@given(st.lists(st.text("ab", min_size=1, max_size=5), min_size=1), st.text("abc", max_size=40))
def test_no_secret_is_left(secrets: list[str], text: str) -> None:
    """spec 11 section 9: every non-empty secret value is replaced."""
    masked = Masker(secrets).text(text)
    assert not any(secret in masked for secret in secrets)


def test_what_cannot_become_a_secret_is_written_at_once() -> None:
    """spec 11 section 9: live logs; a tail without newline is not lost."""
    stream = Masker(["secret"]).stream()
    assert stream is not None
    assert stream.feed(b"progress 10%") == b"progress 10%"
    assert stream.feed(b" sec") == b" "
    assert stream.feed(b"ond se") == b"second "
    assert stream.feed(b"cre") == b""
    assert stream.flush() == b"secre"
    assert stream.flush() == b""


def test_bytes_that_are_no_text_pass() -> None:
    """spec 11 section 9: logs hold any bytes."""
    stream = Masker(["\udcffx"]).stream()
    assert stream is not None
    assert stream.feed(b"\xfe\xffx\xff") + stream.flush() == b"\xfe" + _M.encode() + b"\xff"
