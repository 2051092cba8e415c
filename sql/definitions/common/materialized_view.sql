-- History for SQL and BI users; GraphQL reads the aggregates, which are fresher. Populated, because REFRESH CONCURRENTLY
-- demands it, as it does the unique index. Made once: it follows location_history_view by its refreshes, and is made anew
-- beside the old one where that view has other columns (src/migration/materialized-view.ts).
CREATE MATERIALIZED VIEW IF NOT EXISTS location_history AS SELECT * FROM location_history_view;
CREATE UNIQUE INDEX IF NOT EXISTS location_history_id ON location_history (id);
CREATE INDEX IF NOT EXISTS location_history_tracker ON location_history (tracker_id, timestamp DESC);
CREATE INDEX IF NOT EXISTS location_history_timestamp ON location_history (timestamp DESC);
