"""The table of state between runs (spec 13 section 12). Times come in, in nanoseconds."""

from __future__ import annotations

import sqlite3

from edge.core.state import StateEntry, StateRef, check_version
from edge.store.store import Store

__all__ = ["delete_state", "get_state", "list_states", "put_state"]

_COLUMNS = "key, value, hash, version, created_ns, updated_ns"
_WHERE = " WHERE scope = ? AND namespace = ? AND key = ?"


def get_state(store: Store, ref: StateRef) -> StateEntry | None:
    """Return a value; None when there is none."""

    def work(conn: sqlite3.Connection) -> StateEntry | None:
        row = conn.execute(f"SELECT {_COLUMNS} FROM state{_WHERE}", _place(ref)).fetchone()
        return None if row is None else StateEntry(*row)

    return store.read(work)


def _place(ref: StateRef) -> tuple[str, str, str]:
    return ref.scope, ref.namespace, ref.key


def put_state(
    store: Store,
    ref: StateRef,
    value: str,
    digest: str,
    now_ns: int,
    *,
    expected: int | None = None,
    create_only: bool = False,
) -> StateEntry:
    """Write a value and return it with its new version. Raises: StateError on a conflict."""
    with store.transaction(durable=True):
        current = get_state(store, ref)
        check_version(current, expected, create_only=create_only)
        version = 1 if current is None else current.version + 1
        created_ns = now_ns if current is None else current.created_ns
        entry = StateEntry(ref.key, value, digest, version, created_ns, now_ns)
        store.connection().execute(
            "INSERT INTO state (scope, namespace, key, value, hash, version, created_ns,"
            " updated_ns) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (scope, namespace, key)"
            " DO UPDATE SET value = excluded.value, hash = excluded.hash,"
            " version = excluded.version, updated_ns = excluded.updated_ns",
            (*_place(ref), value, digest, version, created_ns, now_ns),
        )
    return entry


def delete_state(store: Store, ref: StateRef, *, expected: int | None = None) -> bool:
    """Remove a value; False when there was none. Raises: StateError on a conflict."""
    with store.transaction(durable=True):
        current = get_state(store, ref)
        if current is None:
            return False
        check_version(current, expected, create_only=False)
        store.connection().execute(f"DELETE FROM state{_WHERE}", _place(ref))
    return True


def list_states(store: Store, ref: StateRef, prefix: str, limit: int = 0) -> list[StateEntry]:
    """Return the values of a namespace whose keys begin with `prefix`, sorted by key."""
    sql = (
        f"SELECT {_COLUMNS} FROM state WHERE scope = ? AND namespace = ?"
        " AND substr(key, 1, ?) = ? ORDER BY key LIMIT ?"
    )
    values = (ref.scope, ref.namespace, len(prefix), prefix, limit if limit > 0 else -1)
    return store.read(lambda conn: [StateEntry(*row) for row in conn.execute(sql, values)])
