"""Who learns of a run's progress: the store here, a coordinator on a worker."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from edge.core.record import RunRecord
from edge.store import NodeRow, Store, pack_nodes

if TYPE_CHECKING:
    from edge.store.writer import StoreWriter

__all__ = ["Reporter", "StoreReporter"]


class Reporter(Protocol):
    """Receives the record of one attempt. Node keys are positions or handler names."""

    async def opened(self, record: RunRecord) -> None:
        """Publish that the attempt runs; nothing has started yet."""
        ...

    def changed(self, record: RunRecord, keys: Sequence[str]) -> None:
        """Take note that nodes have changed. Must not block."""
        ...

    def log_grew(self, key: str, stream: str, path: Path, size: int) -> None:
        """Take note that a log has `size` bytes now. Must not block.

        `key` is a node key or `scheduler`; `stream` is stdout, stderr or scheduler.
        """
        ...

    async def log_closed(self, key: str, stream: str, path: Path, size: int) -> None:
        """Take note that nothing more will be written to a log that has grown."""
        ...

    async def finished(self, record: RunRecord) -> bool:
        """Publish the final record; False when the attempt has lost its run."""
        ...


class StoreReporter:
    """Writes to the store: progress within the commit window, the end durably.

    Rows are copied when they change, because the writer runs in a thread of its own; of several
    changes of a node in one window only the last is written.
    """

    def __init__(self, writer: StoreWriter, attempt: int, *, is_open: bool = False) -> None:
        """`is_open`: the attempt was begun with a record that is running and complete already."""
        self._writer = writer
        self._attempt = attempt
        self._is_open = is_open
        self._lock = threading.Lock()
        self._rows: dict[object, NodeRow] = {}

    async def opened(self, record: RunRecord) -> None:
        if not self._is_open:
            await self._writer.commit(lambda store: store.write_run(self._attempt, record))

    def changed(self, record: RunRecord, keys: Sequence[str]) -> None:
        packed = pack_nodes(record, keys)
        with self._lock:
            is_waiting = bool(self._rows)
            self._rows.update((row[0], row) for row in packed)
        if packed and not is_waiting:
            self._writer.submit(self._write)

    def _write(self, store: Store) -> None:
        with self._lock:
            rows, self._rows = list(self._rows.values()), {}
        store.write_packed(self._attempt, rows)

    def log_grew(self, key: str, stream: str, path: Path, size: int) -> None:
        """Nothing: readers of this host look at the file itself."""

    async def log_closed(self, key: str, stream: str, path: Path, size: int) -> None:
        """Nothing, as above."""

    async def finished(self, record: RunRecord) -> bool:
        return await self._writer.commit(lambda store: store.finish(self._attempt, record))
