"""What a coordinator must not lose: pending tasks and claims, here; leases (spec 20 section 4).

Facts only; who may take what and when a lease is dead is decided by the pure parts of the
coordinator. Call these inside `StoreWriter.commit`: each is one transaction, or a part of the
caller's. Times come in as arguments.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from edge.core.ids import RunRef
from edge.store import rows
from edge.store.database import Database
from edge.store.leases import (
    LeaseRow,
    WorkerRow,
    delete_lease,
    delete_workers_silent_since,
    find_lease,
    lease_of,
    list_leases,
    list_workers,
    put_lease,
    put_worker,
    set_lease_contact,
)

__all__ = [
    "AckOutcome",
    "ClaimRow",
    "LeaseRow",
    "TaskRow",
    "WorkerRow",
    "acknowledge",
    "delete_lease",
    "delete_task",
    "delete_workers_silent_since",
    "expire_pending",
    "find_claim",
    "find_lease",
    "list_leases",
    "list_pending",
    "list_workers",
    "put_lease",
    "put_task",
    "put_worker",
    "return_expired_claims",
    "set_lease_contact",
    "take_task",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRow:
    """A pending task; `id` 0 = not stored yet."""

    id: int = 0
    run: RunRef
    root: RunRef
    attempt_id: str
    attempt_key: str
    queue: str = ""
    target_worker_id: str = ""
    selector: Mapping[str, str] = field(default_factory=dict)
    enqueued_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRow:
    """A task that a poller has been given and has not acknowledged."""

    task: TaskRow
    token: str
    claimed_ms: int
    worker_id: str
    poller_id: str
    #: the message of the wire
    body: bytes


@dataclass(frozen=True, slots=True)
class AckOutcome:
    """What `acknowledge` found; the caller chooses the answer from it.

    `lease` is the stored one: the new one when `granted`, else the one in the way, or None.
    """

    granted: bool
    claim: ClaimRow | None = None
    lease: LeaseRow | None = None


# -- tasks and claims

_TASK = (
    "id, enqueued_ms, name, run_id, root_name, root_run_id, attempt_id, attempt_key, queue,"
    " target_worker, selector"
)
_CLAIM = f"{_TASK}, token, claimed_ms, worker, poller, task"


def put_task(store: Database, task: TaskRow, body: bytes, now_ms: int) -> int:
    """Add a pending task, durably; return its id. Tasks are handed out in the order of this."""
    with store.transaction(durable=True):
        cursor = store.connection().execute(
            "INSERT INTO tasks (enqueued_ms, name, run_id, root_name, root_run_id, attempt_id,"
            " attempt_key, queue, target_worker, selector, task)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                now_ms,
                task.run.name,
                task.run.run_id,
                task.root.name,
                task.root.run_id,
                task.attempt_id,
                task.attempt_key,
                task.queue,
                task.target_worker_id,
                rows.dumps(dict(task.selector)),
                body,
            ),
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid


def list_pending(store: Database) -> list[TaskRow]:
    """Return the pending tasks, the oldest first."""
    return store.read(_pending)


def take_task(
    store: Database,
    choose: Callable[[Sequence[TaskRow]], TaskRow | None],
    *,
    token: str,
    worker_id: str,
    poller_id: str,
    now_ms: int,
) -> ClaimRow | None:
    """Move the pending task that `choose` picks to the claims, durably; None when it picks none.

    One poller wins a task, also between processes. Nothing is written when nothing is taken.
    """
    if choose(list_pending(store)) is None:
        return None
    with store.transaction(durable=True):
        conn = store.connection()
        chosen = choose(_pending(conn))
        if chosen is None:
            return None
        conn.execute(
            "UPDATE tasks SET token = ?, claimed_ms = ?, worker = ?, poller = ?"
            " WHERE id = ? AND token IS NULL",
            (token, now_ms, worker_id, poller_id, chosen.id),
        )
        return _claim(conn, token)


def find_claim(store: Database, token: str) -> ClaimRow | None:
    """Return the claim of a token."""
    return store.read(lambda conn: _claim(conn, token))


def return_expired_claims(store: Database, before_ms: int, now_ms: int) -> int:
    """Make claims taken before `before_ms` pending again, as if new; return how many."""
    found = store.read(
        lambda conn: conn.execute(
            "SELECT 1 FROM tasks WHERE token IS NOT NULL AND claimed_ms < ? LIMIT 1", (before_ms,)
        ).fetchone()
    )
    if found is None:
        return 0
    with store.transaction():
        return (
            store.connection()
            .execute(
                "UPDATE tasks SET enqueued_ms = ?, token = NULL, claimed_ms = NULL, worker = NULL,"
                " poller = NULL WHERE token IS NOT NULL AND claimed_ms < ?",
                (now_ms, before_ms),
            )
            .rowcount
        )


def expire_pending(store: Database, before_ms: int) -> list[TaskRow]:
    """Delete pending tasks enqueued before `before_ms`; return them."""

    where = "token IS NULL AND enqueued_ms < ?"
    found = store.read(
        lambda conn: conn.execute(
            f"SELECT 1 FROM tasks WHERE {where} LIMIT 1", (before_ms,)
        ).fetchone()
    )
    if found is None:
        return []
    with store.transaction():
        conn = store.connection()
        expired = [task for task in _pending(conn) if task.enqueued_ms < before_ms]
        conn.execute(f"DELETE FROM tasks WHERE {where}", (before_ms,))
        return expired


def delete_task(store: Database, task_id: int) -> bool:
    """Delete a task that is pending still; False when it is gone or claimed."""
    with store.transaction():
        cursor = store.connection().execute(
            "DELETE FROM tasks WHERE id = ? AND token IS NULL", (task_id,)
        )
        return cursor.rowcount > 0


def _pending(conn: sqlite3.Connection) -> list[TaskRow]:
    sql = f"SELECT {_TASK} FROM tasks WHERE token IS NULL ORDER BY enqueued_ms, id"
    found = []
    for row in conn.execute(sql):
        # A selector that cannot be read must not turn into one that any worker matches.
        with suppress(ValueError):
            found.append(_task(row))
    return found


def _claim(conn: sqlite3.Connection, token: str) -> ClaimRow | None:
    row = conn.execute(f"SELECT {_CLAIM} FROM tasks WHERE token = ?", (token,)).fetchone()
    if row is None:
        return None
    return ClaimRow(
        task=_task(row[:11]),
        token=row[11],
        claimed_ms=row[12],
        worker_id=row[13],
        poller_id=row[14],
        body=bytes(row[15]),
    )


def _task(row: Sequence[Any]) -> TaskRow:
    return TaskRow(
        id=row[0],
        enqueued_ms=row[1],
        run=RunRef(row[2], row[3]),
        root=RunRef(row[4], row[5]),
        attempt_id=row[6],
        attempt_key=row[7],
        queue=row[8],
        target_worker_id=row[9],
        selector=_selector(row[10]),
    )


def _selector(text: str) -> dict[str, str]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError("selector: expected an object")
    return {key: str(item) for key, item in value.items()}


def acknowledge(store: Database, token: str, lease: LeaseRow) -> AckOutcome:
    """Turn a claim into a lease in one durable transaction (spec 20 section 4.4).

    Nothing changes when the claim is gone or another grant holds the attempt key. Check worker
    and attempt key against `find_claim` in the same transaction, before.
    """
    with store.transaction(durable=True):
        conn = store.connection()
        claim, held = _claim(conn, token), lease_of(conn, lease.attempt_key)
        if claim is None or (held is not None and not held.is_same(lease)):
            return AckOutcome(False, claim, held)
        granted = put_lease(store, lease)
        conn.execute("DELETE FROM tasks WHERE token = ?", (token,))
        return AckOutcome(True, claim, granted)
