"""The lease table: spec 20 sections 4.4, 4.6, 4.9, 18a."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.cluster.leases import (
    LEASE_STALE_MS,
    Expire,
    Forget,
    LeaseAction,
    LeaseRecord,
    LeaseTable,
    MarkReachable,
    MarkUnreachable,
    Revive,
)
from edge.core.ids import RunRef

RUN = RunRef("hello", "r1")
LEASE = LeaseRecord(
    attempt_key="k:1", run=RUN, root=RUN, attempt_id="1", worker_id="w", claim_token="t"
)


def _other(**changes: object) -> LeaseRecord:
    values = {
        name: getattr(LEASE, name)
        for name in ("attempt_key", "run", "root", "attempt_id", "worker_id", "claim_token")
    }
    return LeaseRecord(**{**values, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"worker_id": "x"},
        {"claim_token": "x"},
        {"attempt_id": "2"},
        {"run": RunRef("a", "b")},
        {"root": RunRef("a", "b")},
    ],
)
def test_the_identity_of_a_lease_never_changes(changes: dict[str, object]) -> None:
    table = LeaseTable()
    assert table.grant(LEASE, 0, is_edge=True)
    assert table.grant(LEASE, 5, is_edge=True)
    assert not table.grant(_other(**changes), 5, is_edge=True)
    assert table.get("k:1") == LEASE


def test_time_never_goes_backwards() -> None:
    table = LeaseTable()
    table.grant(LEASE, 100, is_edge=True)
    table.refresh("k:1", 50)
    assert table.contact_ms("k:1") == 100
    table.refresh("k:1", 150)
    assert table.contact_ms("k:1") == 150


def test_only_the_holder_owns_it() -> None:
    table = LeaseTable()
    table.grant(LEASE, 0, is_edge=True)
    assert table.owns("k:1", "w", RUN, RUN)
    assert not table.owns("k:1", "x", RUN, RUN)
    assert not table.owns("k:1", "w", RunRef("hello", "r2"), RUN)
    assert not table.owns("k:1", "w", RUN, RunRef("hello", "r2"))
    assert not table.owns("k:2", "w", RUN, RUN)


def test_toward_dagu_silence_fails_and_a_late_heartbeat_revives() -> None:
    table = LeaseTable()
    table.grant(LEASE, 0, is_edge=False)
    assert table.sweep(LEASE_STALE_MS - 1) == []
    assert table.sweep(LEASE_STALE_MS) == [Expire(LEASE, 0)]
    assert table.sweep(LEASE_STALE_MS + 1) == []
    assert not table.is_fresh("k:1", LEASE_STALE_MS)
    assert table.refresh("k:1", LEASE_STALE_MS + 2) == Revive(LEASE)
    assert table.is_fresh("k:1", LEASE_STALE_MS + 3)
    assert table.sweep(2 * LEASE_STALE_MS + 2) == [Expire(LEASE, LEASE_STALE_MS + 2)]
    assert table.sweep(2 * LEASE_STALE_MS + 45_002) == [Forget(LEASE)]
    assert len(table) == 0


def test_a_worker_that_still_lists_the_attempt_is_left_alone() -> None:
    table = LeaseTable()
    table.grant(LEASE, 0, is_edge=False)
    assert table.sweep(99_000, listed={"k:1"}) == []
    assert table.sweep(99_000, silent={"w"}) == []
    assert table.sweep(99_000) == [Expire(LEASE, 0)]


def test_toward_edge_silence_is_unreachable() -> None:
    table = LeaseTable(unreachable_limit_ms=100_000)
    table.grant(LEASE, 7, is_edge=True)
    assert table.sweep(40_000) == [MarkUnreachable(LEASE, 7)]
    assert table.sweep(50_000) == []
    assert table.refresh("k:1", 60_000) == MarkReachable(LEASE)
    assert table.refresh("k:1", 61_000) is None
    assert table.sweep(95_000) == [MarkUnreachable(LEASE, 61_000)]
    assert table.sweep(161_000) == [Expire(LEASE, 61_000)]
    assert table.refresh("k:1", 162_000) == Revive(LEASE)


def test_patience_without_limit() -> None:
    table = LeaseTable(unreachable_limit_ms=0)
    table.grant(LEASE, 0, is_edge=True)
    table.sweep(40_000)
    assert table.sweep(10**12) == []


def test_a_mark_from_before_a_restart_is_taken_away_once() -> None:
    table = LeaseTable()
    table.grant(LEASE, 0, is_edge=True)
    table.set_unreachable("k:1")
    assert table.refresh("k:1", 1) == MarkReachable(LEASE)
    assert table.refresh("k:1", 2) is None


@given(
    st.lists(st.tuples(st.sampled_from(["beat", "sweep"]), st.integers(0, 50_000)), max_size=30),
    st.booleans(),
)
def test_marks_alternate(steps: list[tuple[str, int]], is_edge: bool) -> None:
    """Whatever happens: each bad news is followed by good news before the next bad one."""
    table = LeaseTable(unreachable_limit_ms=200_000)
    table.grant(LEASE, 0, is_edge=is_edge)
    now_ms = 0
    news: list[LeaseAction] = []
    for step, wait_ms in steps:
        now_ms += wait_ms
        if step == "beat":
            change = table.refresh("k:1", now_ms)
            news += [] if change is None else [change]
        else:
            news += table.sweep(now_ms)
    state = "good"
    for item in news:
        match item:
            case MarkUnreachable():
                assert (state, is_edge) == ("good", True)
                state = "unreachable"
            case Expire():
                assert state in (("good", "unreachable") if is_edge else ("good",))
                state = "expired"
            case MarkReachable():
                assert state == "unreachable"
                state = "good"
            case Revive():
                assert state == "expired"
                state = "good"
            case Forget():
                assert state == "expired"
                state = "gone"
