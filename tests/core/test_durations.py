"""Durations as Go spells them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.durations import format_go_duration, parse_go_duration, summary_duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (0.986, "986ms"), (1.5, "1.5s"), (5, "5s"), (60, "1m0s"), (7203, "2h0m3s")],
)
def test_format(seconds: float, text: str) -> None:
    assert format_go_duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0s"), (1.02, "1.0s"), (59.9, "59.9s"), (80, "1m20s")]
)
def test_summary(seconds: float, text: str) -> None:
    assert summary_duration(seconds) == text


@given(st.integers(min_value=0, max_value=10**9))
def test_what_is_formatted_can_be_parsed(ms: int) -> None:
    assert round(parse_go_duration(format_go_duration(ms / 1000)) * 1000) == ms


def test_days_only_where_asked() -> None:
    assert parse_go_duration("2d12h", days=True) == 60 * 3600
    with pytest.raises(ValueError, match='unknown unit "d" in duration "2d"'):
        parse_go_duration("2d")


@pytest.mark.parametrize("text", ["", "x", "1", "1w", "-", "1h x"])
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_go_duration(text)
