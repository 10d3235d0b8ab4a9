"""Names, values and versions of state between runs (spec 13 section 12)."""

from __future__ import annotations

import hashlib

import pytest

from edge.core.jsontypes import JsonValue
from edge.core.state import StateEntry, StateError, StateRef, check_version, normal_value


# spec 13 section 12: names
@pytest.mark.parametrize(
    ("namespace", "key", "error"),
    [
        ("n", "a//b", 'dag state: invalid ref: invalid key "a//b"'),
        ("n", "/a", 'dag state: invalid ref: invalid key "/a"'),
        ("n", "a/", 'dag state: invalid ref: invalid key "a/"'),
        ("n", "a/../b", 'dag state: invalid ref: invalid key "a/../b"'),
        ("n", "./b", 'dag state: invalid ref: invalid key "./b"'),
        ("n", "a\\b", 'dag state: invalid ref: invalid key "a\\b"'),
        ("a/b", "k", 'dag state: invalid ref: invalid namespace "a/b"'),
        ("..", "k", 'dag state: invalid ref: invalid namespace ".."'),
        ("a\\b", "k", 'dag state: invalid ref: invalid namespace "a\\b"'),
        ("n", "a\0", "dag state: invalid ref: a name cannot hold a NUL character"),
    ],
)
def test_bad_names(namespace: str, key: str, error: str) -> None:
    with pytest.raises(StateError) as caught:
        StateRef("dag", namespace, key).check()
    assert str(caught.value) == error


@pytest.mark.parametrize(("namespace", "key"), [("n", "a/b.c"), ("my dag", "é"), ("_", "")])
def test_good_names(namespace: str, key: str) -> None:
    """spec 13 section 12."""
    StateRef("dag", namespace, key).check()


# spec 12 section 18: compact, keys sorted, numbers kept exactly, `<>&` written as escapes
@pytest.mark.parametrize(
    ("value", "text"),
    [
        (
            {"b": "<x>", "a": 12345678901234567890},
            '{"a":12345678901234567890,"b":"\\u003cx\\u003e"}',
        ),
        ("a & \u2028", '"a \\u0026 \\u2028"'),
        (None, "null"),
    ],
)
def test_values(value: JsonValue, text: str) -> None:
    assert normal_value(value) == (text, hashlib.sha256(text.encode()).hexdigest())


def test_a_large_value() -> None:
    """spec 13 section 12: at most 1 MiB."""
    assert normal_value("x" * ((1 << 20) - 2))
    with pytest.raises(StateError, match="dag state: value too large"):
        normal_value("x" * ((1 << 20) - 1))


_ENTRY = StateEntry("k", "1", "h", 3, 0, 0)


# spec 13 section 12: conflicts
@pytest.mark.parametrize(
    ("current", "expected", "create_only", "conflicts"),
    [
        (_ENTRY, None, False, False),
        (_ENTRY, 3, False, False),
        (_ENTRY, 2, False, True),
        (_ENTRY, 0, False, True),
        (None, 0, False, False),
        (None, 1, False, True),
        (None, None, True, False),
        (_ENTRY, None, True, True),
        (_ENTRY, 3, True, True),
    ],
)
def test_versions(
    current: StateEntry | None, expected: int | None, create_only: bool, conflicts: bool
) -> None:
    if not conflicts:
        check_version(current, expected, create_only=create_only)
        return
    with pytest.raises(StateError, match="dag state: conflict"):
        check_version(current, expected, create_only=create_only)
