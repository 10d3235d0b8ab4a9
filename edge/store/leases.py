"""Leases and workers of a coordinator (spec 20 sections 4.4 to 4.9). Facts only.

Heartbeats stay in the coordinator's memory: a row is written when it changes a decision.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from edge.core.ids import RunRef
from edge.core.jsontypes import JsonObject
from edge.store import rows
from edge.store.database import Database

__all__ = [
    "LeaseRow",
    "WorkerRow",
    "delete_lease",
    "delete_workers_silent_since",
    "find_lease",
    "lease_of",
    "list_leases",
    "list_workers",
    "put_lease",
    "put_worker",
    "set_lease_contact",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseRow:
    """The right of a worker to run an attempt."""

    attempt_key: str
    run: RunRef
    root: RunRef
    attempt_id: str
    worker_id: str
    claim_token: str
    claimed_ms: int
    #: last sign of life that was stored; the newer ones are the coordinator's, in memory
    last_ms: int
    queue: str = ""
    is_edge: bool = False

    def is_same(self, other: LeaseRow) -> bool:
        """Tell whether both name the same grant; a lease's identity never changes."""
        return (self.run, self.root, self.attempt_id, self.worker_id, self.claim_token) == (
            other.run,
            other.root,
            other.attempt_id,
            other.worker_id,
            other.claim_token,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRow:
    """A worker that has been seen."""

    id: str
    labels: Mapping[str, str] = field(default_factory=dict)
    stats: JsonObject = field(default_factory=dict)
    last_seen_ms: int = 0
    is_edge: bool = False


_LEASE = (
    "attempt_key, name, run_id, root_name, root_run_id, attempt_id, worker, token, claimed_ms,"
    " last_ms, queue, is_edge"
)


def put_lease(store: Database, lease: LeaseRow) -> LeaseRow:
    """Add or renew a lease, durably; return what is stored.

    A grant of another identity stays as it is: compare with `is_same`. The last sign of life
    never moves backwards.
    """
    with store.transaction(durable=True):
        conn = store.connection()
        held = lease_of(conn, lease.attempt_key)
        if held is not None and not held.is_same(lease):
            return held
        conn.execute(
            f"INSERT INTO leases ({_LEASE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (attempt_key) DO UPDATE SET last_ms = max(last_ms, excluded.last_ms),"
            " is_edge = excluded.is_edge",
            (
                lease.attempt_key,
                lease.run.name,
                lease.run.run_id,
                lease.root.name,
                lease.root.run_id,
                lease.attempt_id,
                lease.worker_id,
                lease.claim_token,
                lease.claimed_ms,
                lease.last_ms,
                lease.queue,
                int(lease.is_edge),
            ),
        )
        stored = lease_of(conn, lease.attempt_key)
        assert stored is not None
        return stored


def find_lease(store: Database, attempt_key: str) -> LeaseRow | None:
    """Return the lease of an attempt key, also a stale one."""
    return store.read(lambda conn: lease_of(conn, attempt_key))


def list_leases(store: Database) -> list[LeaseRow]:
    """Return all leases."""
    return store.read(
        lambda conn: [_lease(row) for row in conn.execute(f"SELECT {_LEASE} FROM leases")]
    )


def set_lease_contact(store: Database, attempt_key: str, last_ms: int) -> None:
    """Store the last sign of life, for a change that decides something; never backwards."""
    with store.transaction():
        store.connection().execute(
            "UPDATE leases SET last_ms = ? WHERE attempt_key = ? AND last_ms < ?",
            (last_ms, attempt_key, last_ms),
        )


def delete_lease(store: Database, attempt_key: str) -> bool:
    """Delete a lease; False when there is none."""
    with store.transaction():
        cursor = store.connection().execute(
            "DELETE FROM leases WHERE attempt_key = ?", (attempt_key,)
        )
        return cursor.rowcount > 0


def lease_of(conn: sqlite3.Connection, attempt_key: str) -> LeaseRow | None:
    """Return a lease through a given connection, for use inside a transaction."""
    row = conn.execute(
        f"SELECT {_LEASE} FROM leases WHERE attempt_key = ?", (attempt_key,)
    ).fetchone()
    return None if row is None else _lease(row)


def _lease(row: Sequence[Any]) -> LeaseRow:
    return LeaseRow(
        attempt_key=row[0],
        run=RunRef(row[1], row[2]),
        root=RunRef(row[3], row[4]),
        attempt_id=row[5],
        worker_id=row[6],
        claim_token=row[7],
        claimed_ms=row[8],
        last_ms=row[9],
        queue=row[10],
        is_edge=bool(row[11]),
    )


# -- workers


def put_worker(store: Database, worker: WorkerRow) -> None:
    """Remember a worker; call it when labels change, not for every heartbeat."""
    with store.transaction():
        store.connection().execute(
            "INSERT OR REPLACE INTO workers (id, labels, stats, is_edge, last_seen_ms)"
            " VALUES (?, ?, ?, ?, ?)",
            (
                worker.id,
                rows.dumps(dict(worker.labels)),
                rows.dumps(worker.stats),
                int(worker.is_edge),
                worker.last_seen_ms,
            ),
        )


def list_workers(store: Database) -> list[WorkerRow]:
    """Return the workers that have been seen, by id."""
    sql = "SELECT id, labels, stats, is_edge, last_seen_ms FROM workers ORDER BY id"
    return store.read(
        lambda conn: [
            WorkerRow(
                id=row[0],
                labels=_labels(row[1]),
                stats=_object(row[2]),
                is_edge=bool(row[3]),
                last_seen_ms=row[4],
            )
            for row in conn.execute(sql)
        ]
    )


def delete_workers_silent_since(store: Database, before_ms: int) -> int:
    """Forget workers last seen before `before_ms`; return how many."""
    with store.transaction():
        return (
            store.connection()
            .execute("DELETE FROM workers WHERE last_seen_ms < ?", (before_ms,))
            .rowcount
        )


def _labels(text: str) -> dict[str, str]:
    return {key: str(value) for key, value in _object(text).items()}


def _object(text: str) -> JsonObject:
    """Read an object; an unreadable one is empty, and never fatal to the rest."""
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
