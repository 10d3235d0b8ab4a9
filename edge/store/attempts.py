"""Writing runs, attempts and nodes: one small row for one change (spec 12 sections 3, 17, 22)."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, field

from edge.core.errors import DuplicateRunError, NotFoundError, StaleAttemptError
from edge.core.ids import RunRef
from edge.core.record import RunRecord
from edge.core.status import RunStatus
from edge.store import host as this_machine
from edge.store import rows
from edge.store.database import Database
from edge.store.refs import attempt_row, find_root
from edge.store.rows import NodeRow
from edge.store.types import HostIdentity, Snapshot

__all__ = ["AttemptWriter"]

_MAX_CONTEXTS = 1024
_FINAL = tuple(int(status) for status in RunStatus if status.is_final)
_FINAL_SQL = ", ".join(map(str, _FINAL))
_LATEST_SQL = "(SELECT latest FROM runs WHERE runs.id = attempts.run)"
_NODE_SQL = (
    f"INSERT OR REPLACE INTO nodes (attempt, {rows.NODE_COLUMNS}, pg_started)"
    f" VALUES ({', '.join('?' * (len(rows.NODE_COLUMNS.split(',')) + 2))})"
)


@dataclass(slots=True)
class _Context:
    """What the rows of an attempt leave out; a cache, read again when it is not there."""

    log: str
    log_dir: str
    work_dir: str
    steps: int | None
    #: hash of the text of each step in the list
    base: dict[int | str, int] = field(default_factory=dict)
    #: hash of each node as last written
    written: dict[int | str, int] = field(default_factory=dict)
    #: start of each process group whose leader was looked up
    groups: dict[int, int | None] = field(default_factory=dict)


class AttemptWriter(Database):
    """The writing half of the store's run records."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self._contexts: OrderedDict[int, _Context] = OrderedDict()

    def _forget(self) -> None:
        self._contexts.clear()

    # -- a new attempt

    def begin_attempt(
        self,
        record: RunRecord,
        snapshot: Snapshot,
        host: HostIdentity | None,
        *,
        new_run: bool,
        after: int | None = None,
    ) -> int:
        """Record a new attempt, durably, and make it the latest of its run; return its row id.

        `host` is the process that runs it, None for a queued or a remote run. `after` is the row of
        the attempt that it follows, which must be the latest and must not run.

        Raises: DuplicateRunError when `new_run` and the run exists, StaleAttemptError when somebody
        was faster.
        """
        with self.transaction(durable=True):
            conn = self.connection()
            dag = self._dag(record.name)
            root = find_root(conn, record.ref, record.root)
            found = conn.execute(
                "SELECT id, latest FROM runs WHERE run_id = ? AND dag = ? AND root IS ?",
                (record.run_id, dag, root),
            ).fetchone()
            if found and new_run:
                raise DuplicateRunError(
                    f"dag-run ID {record.run_id} already exists for DAG {record.name}"
                )
            if after is not None and not (found and self._may_follow(found[1], after)):
                raise StaleAttemptError(
                    f"dag-run {record.ref} has gone on in the meantime; look at it again"
                )
            run, prev = found or (self._run_number(record.created_ms), None)
            texts = rows.step_texts(record)
            source = rows.dumps([snapshot.yaml, snapshot.base_yaml, snapshot.source_file])
            packed = rows.pack_nodes(record)
            attempt = self._insert(
                "attempts",
                {
                    "run": run,
                    "prev": prev,
                    "attempt_id": record.attempt_id,
                    "snapshot": self._blob(source),
                    "steps": self._blob(texts) if texts else None,
                    "boot": self._boot(host.boot_id) if host else None,
                    "pid": host.pid if host else None,
                    "pid_started": host.proof_ms if host else None,
                    "log_dir": rows.find_log_dir(packed, record.log),
                    **_columns(record, host.pid if host else 0),
                },
            )
            if prev is None:
                created = None if record.created_ms == run else record.created_ms
                conn.execute(
                    "INSERT INTO runs (id, dag, run_id, created_ms, latest, root)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    (run, dag, record.run_id, created, attempt, root),
                )
            else:
                conn.execute("UPDATE runs SET latest = ? WHERE id = ?", (attempt, run))
            self._write_rows(attempt, packed)
            return attempt

    def _may_follow(self, latest: int, after: int) -> bool:
        status = self._status(latest)
        parked = (RunStatus.QUEUED, RunStatus.WAITING)
        return latest == after and (status.is_final or status in parked)

    def _insert(self, table: str, values: dict[str, object]) -> int:
        marks = ", ".join("?" * len(values))
        cursor = self.connection().execute(
            f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", tuple(values.values())
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def _run_number(self, created_ms: int) -> int:
        last = self.connection().execute("SELECT max(id) FROM runs").fetchone()[0] or 0
        return max(created_ms, int(last) + 1)

    def _dag(self, name: str) -> int:
        return self._number("dags", "name", name)

    def _boot(self, boot_id: str) -> int:
        return self._number("boots", "boot_id", boot_id)

    def _number(self, table: str, column: str, value: str | bytes) -> int:
        conn = self.connection()
        row = conn.execute(f"SELECT id FROM {table} WHERE {column} = ?", (value,)).fetchone()
        if row is None:
            sql = f"INSERT INTO {table} ({column}) VALUES (?) RETURNING id"
            row = conn.execute(sql, (value,)).fetchone()
        return int(row[0])

    def _blob(self, text: str) -> int:
        conn = self.connection()
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16]
        row = conn.execute("SELECT id FROM blobs WHERE digest = ?", (digest,)).fetchone()
        if row is None:
            row = conn.execute(
                "INSERT INTO blobs (digest, data) VALUES (?, ?) RETURNING id",
                (digest, rows.compress(text)),
            ).fetchone()
        return int(row[0])

    # -- progress

    def write_nodes(self, attempt: int, record: RunRecord, keys: Collection[str]) -> bool:
        """Write the state of some nodes; False when the attempt is final already."""
        return self.write_packed(attempt, rows.pack_nodes(record, keys))

    def write_packed(self, attempt: int, packed: list[NodeRow]) -> bool:
        """Write nodes that `rows.pack_nodes` copied earlier; False when the attempt is final.

        Pack in the task that changes the record and write later, elsewhere.
        """
        with self.transaction():
            if self._status(attempt).is_final:
                return False
            self._write_rows(attempt, packed)
            return True

    def _write_rows(self, attempt: int, packed: list[NodeRow]) -> None:
        context = self._context(attempt)
        conn = self.connection()
        if not context.log_dir:
            found = rows.find_log_dir(packed, context.log)
            if found:
                context.log_dir = rows.join_log_dir(context.log, found)
                conn.execute("UPDATE attempts SET log_dir = ? WHERE id = ?", (found, attempt))
        for node in packed:
            key, digest = node[0], hash(node)
            if context.written.get(key) == digest:
                continue
            base = context.base.get(key)
            row = rows.node_row(
                node, log_dir=context.log_dir, work_dir=context.work_dir, base_step=base
            )
            known = key in context.written
            context.written[key] = digest
            # The absence of a row says that the node is not started and its step unchanged.
            if (
                base is not None
                and not known
                and rows.is_default(row)
                and not conn.execute(
                    "SELECT 1 FROM nodes WHERE attempt = ? AND key = ?", (attempt, key)
                ).fetchone()
            ):
                continue
            conn.execute(_NODE_SQL, (attempt, *row, self._group_start(context, node[7])))

    def _group_start(self, context: _Context, pgid: int | None) -> int | None:
        """Look up the start of a group's leader once: it proves later whose group it was."""
        if pgid is None:
            return None
        if pgid not in context.groups:
            context.groups[pgid] = this_machine.process_started_ms(pgid)
        return context.groups[pgid]

    def write_run(self, attempt: int, record: RunRecord) -> bool:
        """Write the run-level members; False when the stored status is final already.

        The first record with nodes of an attempt that began without any brings the list of steps.
        """
        with self.transaction():
            if self._status(attempt).is_final:
                return False
            self._update(attempt, record)
            return True

    def finish(self, attempt: int, record: RunRecord) -> bool:
        """Write a final record with all its nodes, unless the attempt lost the run.

        False when the stored status is final already or another attempt is the latest. The caller
        wraps it in a durable transaction.
        """
        with self.transaction():
            if self._status(attempt).is_final or not self._is_latest(attempt):
                return False
            self._write_all(attempt, record)
            return True

    def replace(self, attempt: int, record: RunRecord, *, expected: Collection[RunStatus]) -> bool:
        """Write a whole record if the stored status is one of `expected` and no attempt is newer.

        The one way to correct a final status, for the late report of the same attempt (spec 20
        sections 4.6, 4.8, 18a). Durable.
        """
        with self.transaction(durable=True):
            if self._status(attempt) not in expected or not self._is_latest(attempt):
                return False
            self._write_all(attempt, record, checked=True)
            return True

    def _write_all(self, attempt: int, record: RunRecord, *, checked: bool = False) -> None:
        self._update(attempt, record, checked=checked)
        self._write_rows(attempt, rows.pack_nodes(record))
        if record.status.is_final:
            self._contexts.pop(attempt, None)

    def _update(self, attempt: int, record: RunRecord, *, checked: bool = False) -> None:
        conn, context = self.connection(), self._context(attempt)
        if record.working_dir != context.work_dir:
            # Rows that say "as the attempt" keep their meaning.
            conn.execute(
                "UPDATE nodes SET dir = ? WHERE attempt = ? AND dir = '='",
                (context.work_dir, attempt),
            )
        if record.log != context.log:
            conn.execute(
                "UPDATE attempts SET log_dir = ? WHERE id = ?", (context.log_dir or None, attempt)
            )
        pid = conn.execute("SELECT pid FROM attempts WHERE id = ?", (attempt,)).fetchone()[0]
        values = _columns(record, pid or 0)
        if context.steps is None and (texts := rows.step_texts(record)):
            values["steps"] = context.steps = self._blob(texts)
            _fill_base(context, texts)
        sets = ", ".join(f"{column} = ?" for column in values)
        # The guard stands in the statement, too: a final status is never overwritten.
        guard = "" if checked else f" AND status NOT IN ({_FINAL_SQL})"
        conn.execute(f"UPDATE attempts SET {sets} WHERE id = ?{guard}", (*values.values(), attempt))
        context.log, context.work_dir = record.log, record.working_dir

    def _status(self, attempt: int) -> RunStatus:
        row = (
            self.connection()
            .execute("SELECT status FROM attempts WHERE id = ?", (attempt,))
            .fetchone()
        )
        if row is None:
            raise StaleAttemptError(f"{self.path}: the record of attempt {attempt} was removed")
        return RunStatus(row[0])

    def _is_latest(self, attempt: int) -> bool:
        row = (
            self.connection()
            .execute(f"SELECT {_LATEST_SQL} = id FROM attempts WHERE id = ?", (attempt,))
            .fetchone()
        )
        return row is not None and bool(row[0])

    def _context(self, attempt: int) -> _Context:
        context = self._contexts.get(attempt)
        if context is not None:
            self._contexts.move_to_end(attempt)
            return context
        conn = self.connection()
        row = conn.execute(
            "SELECT a.log, a.log_dir, a.work_dir, a.steps, b.data FROM attempts a"
            " LEFT JOIN blobs b ON b.id = a.steps WHERE a.id = ?",
            (attempt,),
        ).fetchone()
        if row is None:
            raise StaleAttemptError(f"{self.path}: the record of attempt {attempt} was removed")
        log, log_dir, work_dir, steps, data = row
        context = _Context(log or "", rows.join_log_dir(log or "", log_dir), work_dir or "", steps)
        if data is not None:
            try:
                _fill_base(context, rows.decompress(data))
            except (ValueError, KeyError, TypeError, AttributeError, zlib.error) as exc:
                self._report(f"steps of attempt {attempt} are unreadable: {exc}")
        self._contexts[attempt] = context
        while len(self._contexts) > _MAX_CONTEXTS:
            self._contexts.popitem(last=False)
        return context

    # -- stop requests

    def request_abort(self, ref: RunRef) -> bool:
        """Record a stop request, durably; False when the run has ended already.

        Raises: NotFoundError when there is no such run.
        """
        with self.transaction(durable=True):
            conn = self.connection()
            row = attempt_row(conn, ref, None)
            if row is None:
                raise NotFoundError(f"dag-run ID not found: {ref.run_id}")
            cursor = conn.execute(
                f"UPDATE attempts SET abort = 1 WHERE id = ? AND status NOT IN ({_FINAL_SQL})",
                (row,),
            )
            return cursor.rowcount > 0

    def abort_requested(self, attempt: int) -> bool:
        """Tell whether a stop of this attempt was requested."""
        row = self.read(
            lambda conn: conn.execute(
                "SELECT abort FROM attempts WHERE id = ?", (attempt,)
            ).fetchone()
        )
        return row is not None and bool(row[0])

    def set_contact(self, attempt: int, contact_ms: int | None) -> None:
        """Record the last contact with a run's worker, when it has become unreachable."""
        with self.transaction():
            self.connection().execute(
                "UPDATE attempts SET contact_ms = ? WHERE id = ?", (contact_ms, attempt)
            )


def _columns(record: RunRecord, pid: int) -> dict[str, object]:
    """Return the columns that change with the record."""
    return {
        "status": int(record.status),
        "trigger": int(record.trigger_type),
        "created_ms": record.created_ms,
        "queued_ms": record.queued_ms,
        "started_ms": record.started_ms,
        "finished_ms": record.finished_ms,
        "worker": None if record.worker_id == "local" else record.worker_id,
        "log": rows.clean(record.log) or None,
        "work_dir": rows.clean(record.working_dir) or None,
        "params": rows.clean(record.params) or None,
        "labels": rows.dumps(record.labels) if record.labels else None,
        "error": rows.clean(record.error) or None,
        "schedule_time": record.schedule_time or None,
        "doc": rows.attempt_doc(record, pid),
    }


def _fill_base(context: _Context, texts: str) -> None:
    data = json.loads(texts)
    context.base = {index: hash(rows.dumps(step)) for index, step in enumerate(data["nodes"])}
    context.base.update({key: hash(rows.dumps(step)) for key, step in data["handlers"].items()})
