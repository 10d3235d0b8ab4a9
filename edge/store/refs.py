"""From the name of a run to its rows."""

from __future__ import annotations

import sqlite3

from edge.core.ids import RunRef

__all__ = ["attempt_row", "child_row", "find_root"]


def attempt_row(conn: sqlite3.Connection, ref: RunRef, attempt_id: str | None) -> int | None:
    """Return the row of an attempt (None: the latest); a root run goes before a child."""
    row = conn.execute(
        "SELECT a.id, a.attempt_id, a.prev FROM runs r JOIN attempts a ON a.id = r.latest"
        " WHERE r.run_id = ? AND r.dag = (SELECT id FROM dags WHERE name = ?)"
        " ORDER BY ifnull(r.root, 0) LIMIT 1",
        (ref.run_id, ref.name),
    ).fetchone()
    while row is not None and attempt_id is not None and row[1] != attempt_id:
        row = conn.execute(
            "SELECT id, attempt_id, prev FROM attempts WHERE id = ?", (row[2],)
        ).fetchone()
    return None if row is None else int(row[0])


def child_row(conn: sqlite3.Connection, root: RunRef, run_id: str) -> tuple[str, int] | None:
    """Return name and latest attempt of a run below a root run; None when there is none."""
    number = find_root(conn, None, root)
    if number is None:
        return None
    found = conn.execute(
        "SELECT d.name, r.latest FROM runs r JOIN dags d ON d.id = r.dag"
        " WHERE r.run_id = ? AND r.root = ?",
        (run_id, number),
    ).fetchone()
    return None if found is None else (str(found[0]), int(found[1]))


def find_root(conn: sqlite3.Connection, ref: RunRef | None, root: RunRef | None) -> int | None:
    """Return the number of the root run that `ref` lies below.

    None for a root run, and where the root's record is elsewhere (a child that a worker reports).
    """
    if root is None or root == ref:
        return None
    found = conn.execute(
        "SELECT r.id FROM runs r JOIN dags d ON d.id = r.dag"
        " WHERE r.run_id = ? AND d.name = ? AND r.root IS NULL",
        (root.run_id, root.name),
    ).fetchone()
    return None if found is None else int(found[0])
