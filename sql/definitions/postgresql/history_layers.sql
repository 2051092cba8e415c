-- The engine-specific parts of history_layers (common/history_layers.sql): none on the postgresql engine.
--
-- Locks: none.

-- Hours and days have no watermark: they are up to date at every commit.
CREATE OR REPLACE FUNCTION aggregate_refreshes() RETURNS TABLE (relation name, watermark timestamptz, last_refresh timestamptz)
LANGUAGE sql IMMUTABLE AS $$
  SELECT NULL::name, NULL::timestamptz, NULL::timestamptz WHERE false
$$;

-- The layer of late reports: none, because the daily rows include them.
CREATE OR REPLACE VIEW late_day_layer AS
SELECT NULL::text AS relation, NULL::timestamptz AS oldest, NULL::timestamptz AS newest, NULL::bigint AS row_count,
  NULL::timestamptz AS removes_before, NULL::bigint AS rows_to_remove
WHERE false;

-- Failing policies of TimescaleDB: none on this engine.
CREATE OR REPLACE FUNCTION failing_policies()
RETURNS TABLE (policy text, failures bigint, last_success timestamptz, error text) LANGUAGE sql IMMUTABLE AS $$
  SELECT NULL::text, NULL::bigint, NULL::timestamptz, NULL::text WHERE false
$$;
