-- History for SQL and BI users; GraphQL reads the aggregates, which are more current. REFRESH CONCURRENTLY requires a
-- populated view with a unique index. Created once; refreshes copy location_history_view, and when the columns of that
-- view change, src/migration/materialized-view.ts replaces this one.
--
-- Locks: location_history in SHARE mode while the definitions are applied, for CREATE INDEX.
CREATE MATERIALIZED VIEW IF NOT EXISTS location_history AS SELECT * FROM location_history_view;
CREATE UNIQUE INDEX IF NOT EXISTS location_history_id ON location_history (id);
CREATE INDEX IF NOT EXISTS location_history_tracker ON location_history (tracker_id, timestamp DESC);
CREATE INDEX IF NOT EXISTS location_history_timestamp ON location_history (timestamp DESC);
