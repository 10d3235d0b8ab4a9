"""Served and missed slots, and watermarks of the schedule (spec 30 section 3.6)."""

from __future__ import annotations

import sqlite3

from edge.store.attempts import AttemptWriter
from edge.store.types import MissedSlot, SlotClaim

__all__ = ["SlotBook"]

_MISSED_PER_DAG = 100


class SlotBook(AttemptWriter):
    """The schedule's part of the store."""

    def claim_slot(self, dag: str, entry: str, slot_ms: int, run_id: str, kind: str) -> bool:
        """Take the right to serve a slot, durably; False when it is served already."""
        with self.transaction(durable=True):
            cursor = self.connection().execute(
                "INSERT OR IGNORE INTO slots (slot_ms, dag, entry, kind, run_id)"
                " VALUES (?, ?, ?, ?, ?)",
                (slot_ms, self._dag(dag), entry, kind, run_id),
            )
            return cursor.rowcount > 0

    def served_slots(self, dag: str, since_ms: int = 0) -> list[SlotClaim]:
        """Return a DAG's served slots from a time on, the oldest first."""
        sql = (
            "SELECT entry, slot_ms, run_id, kind FROM slots"
            " WHERE slot_ms >= ? AND dag = (SELECT id FROM dags WHERE name = ?)"
        )
        return self.read(
            lambda conn: [
                SlotClaim(dag=dag, entry=row[0], slot_ms=row[1], run_id=row[2], kind=row[3])
                for row in conn.execute(sql, (since_ms, dag))
            ]
        )

    def prune_slots(self, before_ms: int) -> int:
        """Forget served slots that can never fire again; return how many."""
        with self.transaction():
            return (
                self.connection()
                .execute("DELETE FROM slots WHERE slot_ms < ?", (before_ms,))
                .rowcount
            )

    def last_tick_ms(self) -> int | None:
        """Return when the scheduler last looked; None before its first look."""
        return self.read(lambda conn: _meta(conn, "last_tick_ms"))

    def set_last_tick(self, tick_ms: int) -> None:
        """Record when the scheduler looked."""
        with self.transaction():
            self.connection().execute(
                "INSERT OR REPLACE INTO meta (key, value) VALUES ('last_tick_ms', ?)", (tick_ms,)
            )

    def watermark_ms(self, dag: str) -> int | None:
        """Return up to when a DAG's slots are dealt with; None when nothing is known."""

        def work(conn: sqlite3.Connection) -> int | None:
            row = conn.execute("SELECT watermark_ms FROM dags WHERE name = ?", (dag,)).fetchone()
            return None if row is None else row[0]

        return self.read(work)

    def set_watermark(self, dag: str, watermark_ms: int | None) -> None:
        """Record up to when a DAG's slots are dealt with; None forgets it."""
        with self.transaction():
            self.connection().execute(
                "UPDATE dags SET watermark_ms = ? WHERE id = ?", (watermark_ms, self._dag(dag))
            )

    def missed_slot(self, dag: str, entry: str, slot_ms: int, reason: str) -> None:
        """Record a slot that was not run; the last 100 of each DAG are kept."""
        with self.transaction():
            conn, number = self.connection(), self._dag(dag)
            conn.execute(
                "INSERT OR REPLACE INTO missed_slots (dag, slot_ms, entry, reason)"
                " VALUES (?, ?, ?, ?)",
                (number, slot_ms, entry, reason),
            )
            conn.execute(
                "DELETE FROM missed_slots WHERE dag = ?1 AND (slot_ms, entry) IN"
                " (SELECT slot_ms, entry FROM missed_slots WHERE dag = ?1"
                "  ORDER BY slot_ms DESC, entry DESC LIMIT -1 OFFSET ?2)",
                (number, _MISSED_PER_DAG),
            )

    def missed_slots(self, dag: str, limit: int = _MISSED_PER_DAG) -> list[MissedSlot]:
        """Return a DAG's missed slots, the newest first."""
        sql = (
            "SELECT entry, slot_ms, reason FROM missed_slots"
            " WHERE dag = (SELECT id FROM dags WHERE name = ?)"
            " ORDER BY slot_ms DESC, entry DESC LIMIT ?"
        )
        return self.read(
            lambda conn: [
                MissedSlot(dag=dag, entry=row[0], slot_ms=row[1], reason=row[2])
                for row in conn.execute(sql, (dag, limit))
            ]
        )


def _meta(conn: sqlite3.Connection, key: str) -> int | None:
    row = conn.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return None if row is None else int(row[0])
