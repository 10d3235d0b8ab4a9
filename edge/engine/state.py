"""State between runs for the steps of this process: the store's table (spec 13 section 12)."""

from __future__ import annotations

import time

from edge.core.state import StateEntry, StateRef
from edge.store.state import delete_state, get_state, list_states, put_state
from edge.store.writer import StoreWriter

__all__ = ["StoreState"]


class StoreState:
    """Reads and writes by the one writer, so that a step sees what the one before it wrote."""

    def __init__(self, writer: StoreWriter) -> None:
        self._writer = writer

    async def get(self, ref: StateRef) -> StateEntry | None:
        """Return a value; None when there is none."""
        return await self._writer.commit(lambda store: get_state(store, ref))

    async def put(
        self,
        ref: StateRef,
        value: str,
        digest: str,
        *,
        expected: int | None = None,
        create_only: bool = False,
    ) -> StateEntry:
        """Write a value. Raises: StateError on a conflict."""
        now_ns = time.time_ns()
        return await self._writer.commit(
            lambda store: put_state(
                store, ref, value, digest, now_ns, expected=expected, create_only=create_only
            )
        )

    async def delete(self, ref: StateRef, *, expected: int | None = None) -> bool:
        """Remove a value; False when there was none. Raises: StateError on a conflict."""
        return await self._writer.commit(lambda store: delete_state(store, ref, expected=expected))

    async def list(self, ref: StateRef, prefix: str, limit: int) -> list[StateEntry]:
        """Return the values of a namespace, sorted by key."""
        return await self._writer.commit(lambda store: list_states(store, ref, prefix, limit))
