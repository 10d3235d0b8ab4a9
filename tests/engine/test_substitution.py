from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.engine.substitution import Part, SubstitutionError, split_commands


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        # spec 11 section 11: which spans are commands
        ("plain", [Part("plain")]),
        ("a `b c` d", [Part("a "), Part("b c", True), Part(" d")]),
        ("$(b)$(c)", [Part("b", True), Part("c", True)]),
        (r"`a\`b`", [Part(r"a\`b", True)]),
        (r"$(a\)b)", [Part(r"a\)b", True)]),
        (r"\`a\`", [Part(r"\`a\`")]),
        (r"\$(a)", [Part(r"\$(a)")]),
        ("`` x", [Part("`` x")]),
        ("`` `a`", [Part("`` "), Part("a", True)]),
        ("$() x", [Part("$() x")]),
        ("unclosed `a", [Part("unclosed `a")]),
        ("unclosed $(a", [Part("unclosed $(a")]),
        ("`$(a)`", [Part("$(a)", True)]),
        ("", []),
    ],
)
def test_commands(text: str, parts: list[Part]) -> None:
    assert split_commands(text) == parts


@pytest.mark.parametrize("text", ["$(a $(b))", "$(a `b`)"])
def test_nesting_is_refused(text: str) -> None:
    """spec 11 section 11: `nested command substitution is not supported`."""
    with pytest.raises(SubstitutionError, match="nested command substitution is not supported"):
        split_commands(text)


@given(st.text(alphabet="a`$()\\ "))
def test_nothing_is_lost(text: str) -> None:
    try:
        parts = split_commands(text)
    except SubstitutionError:
        return
    marks = sum(len(text_) for text_ in (part.text for part in parts))
    commands = sum(part.is_command for part in parts)
    assert marks + 2 * commands <= len(text) <= marks + 3 * commands
