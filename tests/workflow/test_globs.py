"""Globs over slash paths (spec 13 sections 8 and 9)."""

from __future__ import annotations

import pytest

from edge.workflow.globs import Glob


# spec 13 section 9: `*` does not cross `/`, `**/` does; spec 13 section 8: `**` globs
@pytest.mark.parametrize(
    ("pattern", "path", "is_match"),
    [
        ("*.txt", "a.txt", True),
        ("*.txt", "d/a.txt", False),
        ("**/*.txt", "a.txt", True),
        ("**/*.txt", "d/e/a.txt", True),
        ("d/**", "d/e/f", True),
        ("d/**", "d", True),
        ("d/**/f", "d/f", True),
        ("d/**/f", "d/a/b/f", True),
        ("d/**/f", "e/f", False),
        ("**", "any/thing", True),
        ("?.txt", "a.txt", True),
        ("?.txt", ".txt", False),
        ("[a-c]x", "bx", True),
        ("[!a-c]x", "bx", False),
        ("[^a-c]x", "dx", True),
        ("[]]x", "]x", True),
        ("{a,b/c}.t", "b/c.t", True),
        ("{a,{b,c}}", "c", True),
        ("\\*", "*", True),
        ("\\*", "a", False),
        ("a*b*c", "a1b2c", True),
        ("a*b*c", "a1b2", False),
        ("*", "", True),
        ("", "", True),
        ("", "a", False),
        ("a//b", "a//b", True),
        ("a//b", "a/x/b", False),
    ],
)
def test_patterns(pattern: str, path: str, is_match: bool) -> None:
    assert Glob(pattern).matches(path) is is_match


# spec 13 section 8: `invalid glob pattern`
@pytest.mark.parametrize("pattern", ["[", "[a", "a\\", "{a", "[z-a]", "{a,b}" * 12])
def test_bad_patterns(pattern: str) -> None:
    with pytest.raises(ValueError):
        Glob(pattern)


def test_no_pattern_hangs() -> None:
    """spec 13 section 8: a pattern of a file that others may write."""
    assert not Glob("*a" * 100).matches("a" * 99 + "b")
    assert not Glob("**/" * 100 + "x").matches("/".join("a" * 200))
