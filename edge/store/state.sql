-- State between runs (spec 13 section 12): one row a value.
CREATE TABLE state (
  scope TEXT NOT NULL,
  namespace TEXT NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,            -- normal JSON
  hash TEXT NOT NULL,
  version INTEGER NOT NULL,
  created_ns INTEGER NOT NULL,
  updated_ns INTEGER NOT NULL,
  UNIQUE (scope, namespace, key)
);
