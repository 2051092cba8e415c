-- History for SQL and BI users; GraphQL reads the aggregates, which are fresher. REFRESH CONCURRENTLY requires that it is
-- populated and has a unique index. Created once: refreshes bring it up to date with location_history_view, and when the
-- columns of that view change, a new one replaces it (src/migration/materialized-view.ts).
--
-- Locks: location_history in SHARE mode while the definitions are applied, for CREATE INDEX.
CREATE MATERIALIZED VIEW IF NOT EXISTS location_history AS SELECT * FROM location_history_view;
CREATE UNIQUE INDEX IF NOT EXISTS location_history_id ON location_history (id);
CREATE INDEX IF NOT EXISTS location_history_tracker ON location_history (tracker_id, timestamp DESC);
CREATE INDEX IF NOT EXISTS location_history_timestamp ON location_history (timestamp DESC);
