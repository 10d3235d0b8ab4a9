"""Reading runs. A read writes nothing; an unreadable row is set aside and reported."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterator
from typing import Any

from edge.core.ids import RunRef
from edge.core.jsontypes import JsonObject
from edge.core.record import NodeRecord
from edge.core.status import RunStatus, TriggerType
from edge.store import rows
from edge.store.database import Database
from edge.store.refs import attempt_row, child_row
from edge.store.types import (
    ActiveRun,
    HostIdentity,
    ProcessGroup,
    RunFilter,
    RunSummary,
    Snapshot,
    StoredRecord,
)

__all__ = ["RunReader"]

#: what a damaged row can raise while it is read
_UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, zlib.error)

_ACTIVE = {RunStatus.NOT_STARTED, RunStatus.RUNNING, RunStatus.QUEUED, RunStatus.WAITING}
_SUMMARY_SQL = """
SELECT d.name, r.run_id, a.attempt_id, a.status, a.created_ms, a.queued_ms, a.started_ms,
  a.finished_ms, a.worker, a.trigger, a.params, a.labels, a.error, a.schedule_time,
  a.pid, a.pid_started, b.boot_id, a.contact_ms
FROM runs r CROSS JOIN attempts a ON a.id = r.latest CROSS JOIN dags d ON d.id = r.dag
  LEFT JOIN boots b ON b.id = a.boot
"""
_RECORD_SQL = """
SELECT a.id, a.attempt_id, a.status, a.trigger, a.created_ms, a.queued_ms, a.started_ms,
  a.finished_ms, a.worker, a.log, a.log_dir, a.work_dir, a.params, a.labels, a.error,
  a.schedule_time, a.doc, a.pid, a.pid_started, b.boot_id, s.data
FROM attempts a LEFT JOIN boots b ON b.id = a.boot LEFT JOIN blobs s ON s.id = a.steps
WHERE a.id = ?
"""
# The list of statuses is that of the partial index.
_ACTIVE_SQL = """
SELECT d.name, r.run_id, a.attempt_id, a.id, a.status, a.pid, a.pid_started, b.boot_id,
  a.started_ms, a.doc
FROM attempts a CROSS JOIN runs r ON r.id = a.run CROSS JOIN dags d ON d.id = r.dag
  JOIN boots b ON b.id = a.boot
WHERE a.status IN (0, 1, 5, 7) AND r.latest = a.id AND (a.worker IS NULL OR a.worker = '')
"""


class RunReader(Database):
    """The reading half of the store's run records."""

    def attempt_row(self, ref: RunRef, attempt_id: str | None = None) -> int | None:
        """Return the row id of an attempt (None: the latest); None when there is none."""
        return self.read(lambda conn: attempt_row(conn, ref, attempt_id))

    def load_record(self, ref: RunRef, attempt_id: str | None = None) -> StoredRecord | None:
        """Return the record of an attempt (None: the latest); None when there is none."""

        def work(conn: sqlite3.Connection) -> StoredRecord | None:
            row = attempt_row(conn, ref, attempt_id)
            return None if row is None else self._record(conn, ref, row)

        return self.read(work)

    def load_attempt(self, ref: RunRef, attempt_row: int) -> StoredRecord | None:
        """Return the record of an attempt by its row."""
        return self.read(lambda conn: self._record(conn, ref, attempt_row))

    def load_child(self, root: RunRef, run_id: str) -> StoredRecord | None:
        """Return the latest record of a run below a root run, at any depth."""

        def work(conn: sqlite3.Connection) -> StoredRecord | None:
            found = child_row(conn, root, run_id)
            return None if found is None else self._record(conn, RunRef(found[0], run_id), found[1])

        return self.read(work)

    def latest_record(self, name: str) -> StoredRecord | None:
        """Return the record of a DAG's newest run."""

        def work(conn: sqlite3.Connection) -> StoredRecord | None:
            row = conn.execute(
                "SELECT run_id, latest FROM runs"
                " WHERE dag = (SELECT id FROM dags WHERE name = ?) AND root IS NULL"
                " ORDER BY id DESC LIMIT 1",
                (name,),
            ).fetchone()
            return None if row is None else self._record(conn, RunRef(name, row[0]), row[1])

        return self.read(work)

    def find_runs(self, query: RunFilter) -> list[RunSummary]:
        """Return summaries, the newest run first."""

        def work(conn: sqlite3.Connection) -> list[RunSummary]:
            plan = _plan_query(conn, query)
            if plan is None:
                return []
            found = []
            for summary in self._summaries(conn.execute(*plan)):
                if all(label in summary.labels for label in query.labels):
                    found.append(summary)
                    if len(found) == query.limit:
                        break
            return found

        return self.read(work)

    def latest_by_dag(self) -> dict[str, RunSummary]:
        """Return the newest run of every DAG that has one."""
        sql = _SUMMARY_SQL + (
            "WHERE r.id IN (SELECT"
            " (SELECT max(id) FROM runs WHERE dag = dags.id AND root IS NULL) FROM dags)"
        )
        return self.read(
            lambda conn: {summary.name: summary for summary in self._summaries(conn.execute(sql))}
        )

    def summary_of(self, ref: RunRef) -> RunSummary | None:
        """Return the summary of a run's latest attempt."""
        sql = _SUMMARY_SQL + (
            "WHERE r.run_id = ? AND r.dag = (SELECT id FROM dags WHERE name = ?)"
            " ORDER BY ifnull(r.root, 0) LIMIT 1"
        )
        return self.read(
            lambda conn: next(self._summaries(conn.execute(sql, (ref.run_id, ref.name))), None)
        )

    def snapshot_of(self, ref: RunRef, attempt_id: str | None = None) -> Snapshot | None:
        """Return the DAG as it was when the attempt (None: the latest) began."""

        def work(conn: sqlite3.Connection) -> Snapshot | None:
            row = conn.execute(
                "SELECT b.data FROM attempts a JOIN blobs b ON b.id = a.snapshot WHERE a.id = ?",
                (attempt_row(conn, ref, attempt_id),),
            ).fetchone()
            if row is None:
                return None
            try:
                yaml, base, source = json.loads(rows.decompress(row[0]))
            except _UNREADABLE as exc:
                self._report(f"the DAG snapshot of {ref} is unreadable: {exc}")
                return None
            return Snapshot(yaml, base, source)

        return self.read(work)

    def active_local_runs(self, name: str | None = None) -> list[ActiveRun]:
        """Return the attempts that are not final and were begun by a process of this host."""

        def work(conn: sqlite3.Connection) -> list[ActiveRun]:
            # who asks by name means runs, not what some of them have called
            sql = _ACTIVE_SQL + ("" if name is None else " AND d.name = ? AND r.root IS NULL")
            found = []
            for row in conn.execute(sql, () if name is None else (name,)):
                try:
                    doc = json.loads(row[9]) if row[9] else {}
                except ValueError:
                    doc = {}
                found.append(
                    ActiveRun(
                        ref=RunRef(row[0], row[1]),
                        attempt_id=row[2],
                        attempt_row=row[3],
                        status=RunStatus(row[4]),
                        pid=row[5],
                        pid_started_ms=row[6],
                        boot_id=row[7],
                        started_ms=row[8],
                        group=str(doc.get("procGroup", row[0])),
                    )
                )
            return found

        return self.read(work)

    def groups_of(self, run: ActiveRun) -> list[ProcessGroup]:
        """Return the process groups recorded for the running nodes of an attempt."""
        sql = "SELECT key, pgid, pg_started FROM nodes WHERE attempt = ? AND pgid IS NOT NULL"
        return self.read(
            lambda conn: [
                ProcessGroup(
                    ref=run.ref, key=str(key), pgid=pgid, started_ms=start, boot_id=run.boot_id
                )
                for key, pgid, start in conn.execute(sql, (run.attempt_row,))
            ]
        )

    # -- rows to objects

    def _summaries(self, cursor: sqlite3.Cursor) -> Iterator[RunSummary]:
        for row in cursor:
            try:
                yield _summary(row)
            except _UNREADABLE as exc:
                self._report(f"the row of run {row[0]}:{row[1]} is unreadable: {exc}")

    def _record(self, conn: sqlite3.Connection, ref: RunRef, attempt: int) -> StoredRecord | None:
        """Build a record; parts that cannot be read are left out and reported."""
        row = conn.execute(_RECORD_SQL, (attempt,)).fetchone()
        if row is None:
            self._report(f"the latest attempt of {ref} is missing")
            return None
        (number, attempt_id, status, trigger, created, queued, started, finished, worker, log,
         log_dir, work_dir, params, labels, error, schedule, doc, pid, pid_started, boot,
         steps) = row  # fmt: skip
        try:
            record = StoredRecord(
                name=ref.name,
                run_id=ref.run_id,
                attempt_id=attempt_id,
                status=RunStatus(status),
                trigger_type=TriggerType(trigger),
                worker_id="local" if worker is None else worker,
                created_ms=created or 0,
                queued_ms=queued,
                started_ms=started,
                finished_ms=finished,
                log=log or "",
                working_dir=work_dir or "",
                params=params or "",
                error=error or "",
                schedule_time=schedule or "",
                attempt_row=number,
            )
        except _UNREADABLE as exc:
            self._report(f"the record of {ref} attempt {attempt_id} is unreadable: {exc}")
            return None
        try:
            record.labels = _labels(labels)
            rows.expand_doc(record, doc, pid or 0)
        except _UNREADABLE as exc:
            self._report(f"members of {ref} attempt {attempt_id} are unreadable: {exc}")
        if boot is not None:
            record.host = HostIdentity(boot, pid or 0, record.pid_started_ms, pid_started or 0)
        self._fill_nodes(conn, record, steps, rows.join_log_dir(record.log, log_dir))
        return record

    def _fill_nodes(
        self, conn: sqlite3.Connection, record: StoredRecord, steps: bytes | None, log_dir: str
    ) -> None:
        base: list[JsonObject] = []
        handlers: dict[str, JsonObject] = {}
        where = f"{record.ref} attempt {record.attempt_id}"
        if steps is not None:
            try:
                data = json.loads(rows.decompress(steps))
                base, handlers = list(data["nodes"]), dict(data["handlers"])
            except _UNREADABLE as exc:
                self._report(f"the steps of {where} are unreadable: {exc}")
        record.nodes = [NodeRecord(step=step) for step in base]
        record.handlers = {key: NodeRecord(step=step) for key, step in handlers.items()}
        sql = f"SELECT {rows.NODE_COLUMNS} FROM nodes WHERE attempt = ? ORDER BY key"
        for row in conn.execute(sql, (record.attempt_row,)):
            key = row[0]
            known = base[key] if isinstance(key, int) and key < len(base) else handlers.get(key)
            try:
                node = rows.node_of(row, known, log_dir, record.working_dir)
            except _UNREADABLE as exc:
                self._report(f"node {key} of {where} is unreadable: {exc}")
                continue
            if isinstance(key, str):
                record.handlers[key] = node
                continue
            while len(record.nodes) <= key:
                record.nodes.append(NodeRecord(step={"name": str(len(record.nodes))}))
            record.nodes[key] = node


def _plan_query(
    conn: sqlite3.Connection, query: RunFilter
) -> tuple[str, tuple[object, ...]] | None:
    """Return the statement and its values; None when no DAG has that name."""
    # Ids are creation times (schema.sql): the lower bound ends the walk through history early.
    where, values = ["r.id >= ?", "r.root IS NULL"], [query.since_ms or 0]
    params: list[object] = list(values)
    if query.since_ms is not None:
        where.append("coalesce(r.created_ms, r.id) >= ?")
        params.append(query.since_ms)
    if query.until_ms is not None:
        where.append("coalesce(r.created_ms, r.id) <= ?")
        params.append(query.until_ms)
    # Few runs are active, and a small index knows them; ended ones are found on the way back.
    active = bool(query.statuses) and set(query.statuses) <= _ACTIVE
    if active:
        where[0] = "r.id IN (SELECT run FROM attempts WHERE status IN (0, 1, 5, 7)) AND +r.id >= ?"
    if query.name:
        row = conn.execute("SELECT id FROM dags WHERE name = ?", (query.name,)).fetchone()
        if row is None:
            return None
        where.append("+r.dag = ?" if active else "r.dag = ?")
        params.append(row[0])
    if query.name_contains:
        needle = query.name_contains.lower()
        dags = [
            number for number, name in conn.execute("SELECT id, name FROM dags")
            if needle in name.lower()
        ]  # fmt: skip
        if not dags:
            return None
        # `+`: with the index on dag every match would have to be sorted.
        where.append(f"+r.dag IN ({', '.join(map(str, dags))})")
    if query.run_id_contains:
        where.append("instr(r.run_id, ?)")
        params.append(query.run_id_contains)
    if query.statuses:
        where.append(f"+a.status IN ({', '.join(str(int(item)) for item in query.statuses)})")
    sql = f"{_SUMMARY_SQL} WHERE {' AND '.join(where)} ORDER BY r.id DESC"
    if query.limit and not query.labels:
        # A few more, in case that one of them is unreadable.
        sql += f" LIMIT {query.limit + 20}"
    return sql, tuple(params)


def _summary(row: tuple[Any, ...]) -> RunSummary:
    return RunSummary(
        name=row[0],
        run_id=row[1],
        attempt_id=row[2],
        status=RunStatus(row[3]),
        created_ms=row[4] or 0,
        queued_ms=row[5],
        started_ms=row[6],
        finished_ms=row[7],
        worker_id="local" if row[8] is None else row[8],
        trigger_type=TriggerType(row[9]),
        params=row[10] or "",
        labels=tuple(_labels(row[11])),
        error=row[12] or "",
        schedule_time=row[13] or "",
        pid=row[14] or 0,
        pid_started_ms=row[15] or 0,
        boot_id=row[16] or "",
        last_contact_ms=row[17],
    )


def _labels(text: str | None) -> list[str]:
    value = json.loads(text) if text else []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError("labels: expected a list of texts")
    return value
