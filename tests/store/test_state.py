"""The table of state between runs (spec 13 section 12)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.core.state import StateError, StateRef
from edge.store import Store
from edge.store.state import delete_state, get_state, list_states, put_state

_REF = StateRef("dag", "n", "k/a")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path / "edge.db")
    yield store
    store.close()


def test_versions_and_times(store: Store) -> None:
    """spec 13 section 12: version starts at 1, +1 per write."""
    assert get_state(store, _REF) is None
    first = put_state(store, _REF, "1", "h1", 10)
    second = put_state(store, _REF, "2", "h2", 20)
    assert (first.version, first.created_ns, first.updated_ns) == (1, 10, 10)
    assert (second.version, second.created_ns, second.updated_ns) == (2, 10, 20)
    assert get_state(store, _REF) == second


def test_a_conflict_changes_nothing(store: Store) -> None:
    """spec 13 section 12."""
    entry = put_state(store, _REF, "1", "h", 1, create_only=True)
    for options in ({"create_only": True}, {"expected": 2}):
        with pytest.raises(StateError, match="dag state: conflict"):
            put_state(store, _REF, "2", "i", 2, **options)  # type: ignore[arg-type]
    with pytest.raises(StateError, match="dag state: conflict"):
        delete_state(store, _REF, expected=2)
    assert get_state(store, _REF) == entry


def test_deleting(store: Store) -> None:
    """spec 13 section 12: never fails on missing."""
    assert not delete_state(store, _REF)
    put_state(store, _REF, "1", "h", 1)
    assert delete_state(store, _REF, expected=1)
    assert get_state(store, _REF) is None
    assert put_state(store, _REF, "1", "h", 1).version == 1


def test_listing(store: Store) -> None:
    """spec 13 section 12: sorted by key, a limit, one namespace only."""
    for key in ("k/b", "k/a", "j", "k%"):
        put_state(store, StateRef("dag", "n", key), "1", "h", 1)
    put_state(store, StateRef("global", "n", "k/z"), "1", "h", 1)
    put_state(store, StateRef("dag", "m", "k/y"), "1", "h", 1)
    where = StateRef("dag", "n")
    assert [entry.key for entry in list_states(store, where, "")] == ["j", "k%", "k/a", "k/b"]
    assert [entry.key for entry in list_states(store, where, "k/")] == ["k/a", "k/b"]
    assert [entry.key for entry in list_states(store, where, "k", 1)] == ["k%"]
