-- Schema version 1 of the store. Bytes written count (DESIGN section 7): one row for one change,
-- few indexes, and every index grows at its right end, so that a run touches few pages.

CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;

-- A DAG is numbered once; its name is not repeated in every row and index.
CREATE TABLE dags (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  watermark_ms INTEGER
);

CREATE TABLE boots (id INTEGER PRIMARY KEY, boot_id TEXT NOT NULL UNIQUE);

-- Compressed texts shared between attempts: DAG snapshots and lists of step objects.
CREATE TABLE blobs (
  id INTEGER PRIMARY KEY,
  digest BLOB NOT NULL UNIQUE,
  data BLOB NOT NULL
);

-- id: creation time in ms, or one more than the greatest id where that is taken or the clock went
-- back. So the newest run is the last row, and `created_ms >= x` implies `id >= x`.
CREATE TABLE runs (
  id INTEGER PRIMARY KEY,
  dag INTEGER NOT NULL,
  run_id TEXT NOT NULL,
  created_ms INTEGER,             -- NULL: equals id
  latest INTEGER NOT NULL         -- attempts.id
);
-- run_id first: generated ids sort by time, so all DAGs share the last page of this index.
CREATE UNIQUE INDEX runs_by_ref ON runs (run_id, dag);
CREATE INDEX runs_by_dag ON runs (dag);

CREATE TABLE attempts (
  id INTEGER PRIMARY KEY,
  run INTEGER NOT NULL,           -- runs.id
  prev INTEGER,                   -- the attempt before this one, attempts.id
  attempt_id TEXT NOT NULL,
  status INTEGER NOT NULL,
  trigger INTEGER NOT NULL,
  abort INTEGER,                  -- 1: a stop was requested
  created_ms INTEGER,
  queued_ms INTEGER,
  started_ms INTEGER,
  finished_ms INTEGER,
  contact_ms INTEGER,             -- last contact with the worker, when that decides something
  boot INTEGER,                   -- boots.id; with pid and pid_started (ms since boot) the process
  pid INTEGER,
  pid_started INTEGER,
  snapshot INTEGER,               -- blobs.id
  steps INTEGER,                  -- blobs.id
  worker TEXT,                    -- NULL: local
  log TEXT,
  log_dir TEXT,                   -- directory of the step logs, relative to that of `log`
  work_dir TEXT,
  params TEXT,
  labels TEXT,                    -- JSON list
  error TEXT,
  schedule_time TEXT,
  doc TEXT                        -- JSON: the other members, where they are not what is usual
);
CREATE INDEX attempts_active ON attempts (status) WHERE status IN (0, 1, 5, 7);

-- A node without a row is not started and its step is the one of the attempt's list.
CREATE TABLE nodes (
  attempt INTEGER NOT NULL,
  key NOT NULL,                   -- position (integer) or handler name
  status INTEGER NOT NULL,
  started_ms INTEGER,
  finished_ms INTEGER,
  retried_ms INTEGER,
  retries INTEGER,
  dones INTEGER,
  pgid INTEGER,
  pg_started INTEGER,             -- ms since boot
  stdout TEXT,                    -- relative to the attempt's log directory unless it begins with /
  stderr TEXT,                    -- NULL: follows from stdout
  dir TEXT,                       -- '=': the attempt's work_dir
  error TEXT,
  vars TEXT,
  step TEXT,                      -- JSON, where it differs from the attempt's list
  extra TEXT,
  PRIMARY KEY (attempt, key)
) WITHOUT ROWID;

CREATE TABLE slots (
  slot_ms INTEGER NOT NULL,
  dag INTEGER NOT NULL,
  entry TEXT NOT NULL,
  kind TEXT NOT NULL,
  run_id TEXT NOT NULL,
  PRIMARY KEY (slot_ms, dag, entry, kind)
) WITHOUT ROWID;

CREATE TABLE missed_slots (
  dag INTEGER NOT NULL,
  slot_ms INTEGER NOT NULL,
  entry TEXT NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (dag, slot_ms, entry)
) WITHOUT ROWID;

-- Coordinator (spec 20 section 4). token NULL: pending; else claimed and not yet acknowledged.
CREATE TABLE tasks (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  enqueued_ms INTEGER NOT NULL,
  name TEXT NOT NULL,
  run_id TEXT NOT NULL,
  root_name TEXT NOT NULL,
  root_run_id TEXT NOT NULL,
  attempt_id TEXT NOT NULL,
  attempt_key TEXT NOT NULL,
  queue TEXT NOT NULL,
  target_worker TEXT NOT NULL,
  selector TEXT NOT NULL,
  token TEXT UNIQUE,
  claimed_ms INTEGER,
  worker TEXT,
  poller TEXT,
  task BLOB NOT NULL
);

CREATE TABLE leases (
  attempt_key TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  run_id TEXT NOT NULL,
  root_name TEXT NOT NULL,
  root_run_id TEXT NOT NULL,
  attempt_id TEXT NOT NULL,
  queue TEXT NOT NULL,
  worker TEXT NOT NULL,
  token TEXT NOT NULL,
  claimed_ms INTEGER NOT NULL,
  last_ms INTEGER NOT NULL,
  is_edge INTEGER NOT NULL        -- 1: the worker announced `edge-protocol`
) WITHOUT ROWID;

CREATE TABLE workers (
  id TEXT PRIMARY KEY,
  labels TEXT NOT NULL,
  stats TEXT NOT NULL,            -- JSON
  is_edge INTEGER NOT NULL,
  last_seen_ms INTEGER NOT NULL
) WITHOUT ROWID;
