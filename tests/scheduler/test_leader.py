"""One leader per data directory; a waiter takes over when the lock is freed."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
import trio.testing

from edge.core.errors import StoreError
from edge.scheduler.leader import LOCK_NAME, leadership


async def test_second_waits_and_takes_over(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    told: list[str] = []
    leads = trio.Event()

    async def second() -> None:
        async with leadership(tmp_path, "second", told.append):
            leads.set()

    async with trio.open_nursery() as nursery:
        async with leadership(tmp_path, "first"):
            assert (tmp_path / LOCK_NAME).read_text() == "first\n"
            nursery.start_soon(second)
            await trio.sleep(30)
            assert not leads.is_set()
            assert told == ["first"]
        with trio.fail_after(2):
            await leads.wait()
    assert (tmp_path / LOCK_NAME).read_text() == "second\n"


async def test_waiting_can_be_cancelled(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with leadership(tmp_path, "first"):
        with trio.move_on_after(10) as scope:
            async with leadership(tmp_path, "second"):
                pytest.fail("two leaders")
        assert scope.cancelled_caught


async def test_a_file_in_the_way_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "scheduler").write_text("")
    with pytest.raises(StoreError, match="scheduler"):
        async with leadership(tmp_path, "x"):
            pass
