from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from edge.core.errors import StoreError
from edge.store import Store
from edge.store import writer as writer_module
from edge.store.writer import StoreWriter


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path / "edge.db")
    yield store
    store.close()


class Journal:
    """Counts transactions of a store and notes which were durable."""

    def __init__(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        self.durable: list[bool] = []
        real = store.transaction

        def transaction(*, durable: bool = False) -> object:
            if not store._depth:
                self.durable.append(durable)
            return real(durable=durable)

        monkeypatch.setattr(store, "transaction", transaction)


async def test_progress_is_written_once_a_window(
    store: Store, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(store, monkeypatch)
    writer = StoreWriter(store, 0.25, in_thread=False)
    async with trio.open_nursery() as nursery:
        await nursery.start(writer.run)
        for number in range(5):
            writer.submit(lambda s, n=number: s.set_last_tick(n))  # type: ignore[misc]
        await trio.sleep(0.2)
        assert store.last_tick_ms() is None
        await trio.sleep(0.1)
        assert store.last_tick_ms() == 4
        assert journal.durable == [False]
        await trio.sleep(1000)
        assert journal.durable == [False]
        writer.submit(lambda s: s.set_last_tick(9))
        await trio.sleep(0.3)
        assert store.last_tick_ms() == 9
        nursery.cancel_scope.cancel()


async def test_a_commit_is_durable_at_once_with_everything_before_it(
    store: Store, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(store, monkeypatch)
    writer = StoreWriter(store, 3600, in_thread=False)
    order: list[str] = []
    async with trio.open_nursery() as nursery:
        await nursery.start(writer.run)
        writer.submit(lambda _s: order.append("a"))
        writer.submit(lambda _s: order.append("b"))
        began = trio.current_time()
        assert await writer.commit(lambda _s: [*order, "c"]) == ["a", "b", "c"]
        assert trio.current_time() - began < 1
        assert journal.durable == [True]
        nursery.cancel_scope.cancel()


async def test_commits_that_wait_share_a_transaction(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(store, monkeypatch)
    writer = StoreWriter(store, 3600)
    results: dict[int, int] = {}

    async def one(number: int) -> None:
        results[number] = await writer.commit(lambda _s: number * 2)

    async with trio.open_nursery() as nursery:
        for number in range(10):
            nursery.start_soon(one, number)
    assert results == {number: number * 2 for number in range(10)}
    assert len(journal.durable) <= 2


async def test_a_function_that_raises_takes_nothing_with_it(store: Store) -> None:
    errors: list[Exception] = []
    writer = StoreWriter(store, 3600, on_error=errors.append)

    def half(s: Store) -> None:
        s.set_watermark("pump", 1)
        raise ValueError("no")

    def commit_half(s: Store) -> None:
        s.set_watermark("valve", 1)
        raise KeyError("also no")

    writer.submit(lambda s: s.set_last_tick(1))
    writer.submit(half)
    writer.submit(lambda s: s.set_watermark("fan", 3))
    with pytest.raises(KeyError):
        await writer.commit(commit_half)
    assert [str(error) for error in errors] == ["no"]
    assert store.last_tick_ms() == 1
    assert store.watermark_ms("pump") is None
    assert store.watermark_ms("valve") is None
    assert store.watermark_ms("fan") == 3


async def test_shutdown_writes_what_was_submitted(store: Store, autojump_clock: MockClock) -> None:
    writer = StoreWriter(store, 3600, in_thread=False)
    async with trio.open_nursery() as nursery:
        await nursery.start(writer.run)
        writer.submit(lambda s: s.set_last_tick(1))
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert store.last_tick_ms() == 1


async def test_commits_work_after_the_end_of_run(store: Store) -> None:
    writer = StoreWriter(store, 3600)
    async with trio.open_nursery() as nursery:
        await nursery.start(writer.run)
        nursery.cancel_scope.cancel()
    writer.submit(lambda s: s.set_last_tick(1))
    await writer.commit(lambda s: s.set_watermark("pump", 2))
    assert (store.last_tick_ms(), store.watermark_ms("pump")) == (1, 2)
    writer.submit(lambda s: s.set_last_tick(5))
    await writer.flush()
    assert store.last_tick_ms() == 5


async def test_a_commit_cancelled_before_it_began_is_withdrawn(store: Store) -> None:
    writer = StoreWriter(store, 3600)
    with trio.CancelScope() as scope:
        scope.cancel()
        await writer.commit(lambda s: s.set_last_tick(1))
    assert scope.cancelled_caught
    await writer.flush()
    assert store.last_tick_ms() is None


async def test_a_cancelled_commit_takes_no_submitted_change_with_it(store: Store) -> None:
    writer = StoreWriter(store, 3600)
    writer.submit(lambda s: s.set_last_tick(1))
    with trio.CancelScope() as scope:
        scope.cancel()
        await writer.commit(lambda s: s.set_watermark("pump", 1))
    await writer.flush()
    assert store.last_tick_ms() == 1
    assert store.watermark_ms("pump") is None


async def test_a_commit_cancelled_while_it_runs_tells_its_result(store: Store) -> None:
    """Of three commits the first has a transaction of its own, the others share the second."""
    writer = StoreWriter(store, 3600)
    results: list[str] = []
    begun = {"a": trio.Event(), "b": trio.Event()}
    go = {"a": threading.Event(), "b": threading.Event()}
    token = trio.lowlevel.current_trio_token()
    scopes = {name: trio.CancelScope() for name in "abc"}

    def work(name: str) -> str:
        if name in begun:
            trio.from_thread.run_sync(begun[name].set, trio_token=token)
            go[name].wait(10)
        return name

    async def commit(name: str) -> None:
        with scopes[name]:
            results.append(await writer.commit(lambda _s: work(name)))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(commit, "a")
        await begun["a"].wait()
        nursery.start_soon(commit, "b")
        await wait_all_tasks_blocked()
        nursery.start_soon(commit, "c")
        await wait_all_tasks_blocked()
        scopes["a"].cancel()
        go["a"].set()
        await begun["b"].wait()
        scopes["b"].cancel()
        scopes["c"].cancel()
        go["b"].set()
    assert sorted(results) == ["a", "b", "c"]


async def test_a_full_queue_ends_the_window_early(
    store: Store, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "_FLUSH_AT", 10)
    writer = StoreWriter(store, 3600, in_thread=False)
    async with trio.open_nursery() as nursery:
        await nursery.start(writer.run)
        for number in range(10):
            writer.submit(lambda s, n=number: s.set_last_tick(n))  # type: ignore[misc]
        await trio.sleep(1)
        assert store.last_tick_ms() == 9
        nursery.cancel_scope.cancel()


async def test_a_queue_without_end_is_refused(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "_REFUSE_AT", 2)
    writer = StoreWriter(store, 3600)
    writer.submit(lambda s: s.set_last_tick(1))
    writer.submit(lambda s: s.set_last_tick(2))
    with pytest.raises(StoreError, match="cannot keep up"):
        writer.submit(lambda s: s.set_last_tick(3))


async def test_what_was_submitted_outlives_a_full_disk(
    store: Store, autojump_clock: MockClock
) -> None:
    errors: list[Exception] = []
    writer = StoreWriter(store, 0.25, on_error=errors.append, in_thread=False)
    conn = store.connection()
    pages = conn.execute("PRAGMA page_count").fetchone()[0]
    conn.execute(f"PRAGMA max_page_count = {pages}")
    async with trio.open_nursery() as nursery:
        await nursery.start(writer.run)
        for number in range(300):
            writer.submit(lambda s, n=number: s.missed_slot(f"dag{n}", "e", n, "busy"))  # type: ignore[misc]
        with pytest.raises(StoreError, match="the disk is full"):
            await writer.commit(lambda s: s.missed_slot("pump", "e", 1, "x" * 9000))
        await trio.sleep(60)
        assert len(errors) == 1
        assert store.missed_slots("dag0") == []
        conn.execute("PRAGMA max_page_count = 100000")
        await trio.sleep(20)
        assert len(store.missed_slots("dag0")) == 1
        assert len(store.missed_slots("dag299")) == 1
        assert store.missed_slots("pump") == []
        assert await writer.commit(lambda _s: 5) == 5
        nursery.cancel_scope.cancel()
    assert len(errors) == 1
