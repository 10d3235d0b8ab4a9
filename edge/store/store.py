"""The store: one SQLite file that any number of edge processes of a host open."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from edge.core.errors import NotFoundError, StaleAttemptError, StoreError
from edge.core.ids import RunRef
from edge.core.status import RunStatus
from edge.store import dialect, migrations, recovery
from edge.store.host import is_alive
from edge.store.reads import RunReader
from edge.store.schedule import SlotBook
from edge.store.types import ActiveRun, HostIdentity, LiveCheck, ProcessGroup, StoredRecord

__all__ = ["Store"]


class Store(SlotBook, RunReader):
    """All functions of the store. Synchronous and thread-safe; `close` when done."""

    @classmethod
    def open(cls, path: Path, *, page_size: int = 1024) -> Store:
        """Open the store for reading and writing; create or migrate it first where needed.

        `page_size` counts for a new file only. Raises: StoreError, one line with the path, when the
        file cannot be used; nothing half-made stays behind.
        """
        path = Path(path)
        return cls(path, cls._open_writer(path, page_size))

    @classmethod
    def open_reader(cls, path: Path) -> Store | None:
        """Open the store for reading; None when there is no file. Never writes.

        Raises: StoreError.
        """
        path = Path(path)
        try:
            if path.stat().st_size == 0:
                return None
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise dialect.map_os_error(exc, path) from exc
        store = cls(path, None)
        try:
            version = store.read(lambda conn: migrations.check_version(conn, path))
            if version == 0:
                return None
            if version < migrations.SCHEMA_VERSION:
                raise StoreError(
                    f"{path}: the database is of the older schema version {version}",
                    hint="start a server or a run once, which brings it up to date",
                )
        except BaseException:
            store.close()
            raise
        return store

    def discard_copies(self) -> None:
        """Remove the copies that migrations kept; call it when a start has turned out well."""
        for copy in migrations.copies(self.path):
            copy.unlink(missing_ok=True)

    # -- answers of people

    def answer(self, ref: RunRef, change: Callable[[StoredRecord], tuple[str, bool]]) -> str:
        """Let `change` alter the latest record of a waiting run, durably, in one transaction.

        It returns what to say and whether it changed anything; what it raises changes nothing.
        Raises: NotFoundError, StaleAttemptError when the run has gone on.
        """
        with self.transaction(durable=True):
            record = self.load_record(ref)
            if record is None:
                raise NotFoundError(f"dag-run ID not found: {ref.run_id}")
            said, has_changed = change(record)
            if has_changed and not self.replace(
                record.attempt_row, record, expected=(RunStatus.WAITING,)
            ):
                raise StaleAttemptError(f"DAG-run state changed before {ref} was answered")
            return said

    # -- recovery

    def dead_runs(self, host: HostIdentity, live: LiveCheck = is_alive) -> list[ActiveRun]:
        """Return the local runs whose process is provably gone."""
        active = self.active_local_runs()
        dead = {
            change.attempt_row for change in recovery.plan_recovery(active, host.boot_id, live, 0)
        }
        return [run for run in active if run.attempt_row in dead]

    def process_groups_of_dead_runs(
        self, host: HostIdentity, live: LiveCheck = is_alive
    ) -> list[ProcessGroup]:
        """Return the groups that dead engines of this boot may have left; ask before `recover`.

        A group's number may have been taken by another program since: compare the start time of
        its leader before a signal is sent.
        """
        return [
            group
            for run in self.dead_runs(host, live)
            if run.boot_id == host.boot_id
            for group in self.groups_of(run)
        ]

    def recover(self, host: HostIdentity, now_ms: int, live: LiveCheck = is_alive) -> list[RunRef]:
        """Record dead runs as failed, durably; return them. A final status is never touched."""
        if not self.dead_runs(host, live):
            return []
        done = []
        with self.transaction(durable=True):
            plan = recovery.plan_recovery(self.active_local_runs(), host.boot_id, live, now_ms)
            for change in plan:
                record = self.load_attempt(change.ref, change.attempt_row)
                if record is None:
                    continue
                failed = recovery.fail_record(record, change.error, change.finished_ms)
                if self.finish(change.attempt_row, failed):
                    done.append(change.ref)
        return done
