from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.store import MissedSlot, SlotClaim, Store
from tests.store.support import T0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path / "edge.db")
    yield store
    store.close()


def test_a_slot_is_served_once(store: Store) -> None:
    assert store.claim_slot("pump", "* * * * *", T0, "r1", "start")
    assert not store.claim_slot("pump", "* * * * *", T0, "r2", "start")
    assert store.claim_slot("pump", "* * * * *", T0, "r2", "stop")
    assert store.claim_slot("pump", "0 * * * *", T0, "r3", "start")
    assert store.claim_slot("pump", "* * * * *", T0 + 60_000, "r4", "start")
    assert store.claim_slot("valve", "* * * * *", T0, "r5", "start")
    assert store.served_slots("pump", T0 + 1) == [
        SlotClaim(dag="pump", entry="* * * * *", slot_ms=T0 + 60_000, run_id="r4", kind="start")
    ]
    assert store.prune_slots(T0 + 1) == 4
    assert len(store.served_slots("pump")) == 1


def test_ticks_and_watermarks(store: Store) -> None:
    assert store.last_tick_ms() is None
    store.set_last_tick(T0)
    store.set_last_tick(T0 + 1)
    assert store.last_tick_ms() == T0 + 1
    assert store.watermark_ms("pump") is None
    store.set_watermark("pump", T0)
    assert store.watermark_ms("pump") == T0
    store.set_watermark("pump", None)
    assert store.watermark_ms("pump") is None


def test_the_last_hundred_missed_slots_are_kept(store: Store) -> None:
    store.missed_slot("valve", "e", T0, "busy")
    for number in range(120):
        store.missed_slot("pump", "e", T0 + number, "downtime")
    missed = store.missed_slots("pump")
    assert [slot.slot_ms - T0 for slot in missed] == list(range(119, 19, -1))
    assert store.missed_slots("pump", 1) == missed[:1]
    assert store.missed_slots("valve") == [
        MissedSlot(dag="valve", entry="e", slot_ms=T0, reason="busy")
    ]
    store.missed_slot("valve", "e", T0, "suspended")
    assert [slot.reason for slot in store.missed_slots("valve")] == ["suspended"]
