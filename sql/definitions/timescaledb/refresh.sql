-- Reads the change log: changes that the continuous aggregates do not contain yet.
--
-- Locks: none.

-- The time before which changes of reports are logged, so that every later refresh finds them: TimescaleDB's
-- "invalidation threshold", the latest time that any refresh has reached. A transaction that commits while a refresh
-- moves the threshold may have read the old one, and the refresh does not see the commit: a report above the old
-- threshold would never be aggregated. (2.28.3: the lock in continuous_aggs/insert.c that should prevent this conflicts
-- with no lock in invalidation_threshold.c; a COMMIT that also notifies waits for others in between.) So the threshold
-- is kept weeks ahead, later than any report can be.
CREATE OR REPLACE FUNCTION changes_logged_before() RETURNS timestamptz LANGUAGE sql STABLE AS $$
  SELECT coalesce(max(CASE WHEN t.watermark > 0 THEN _timescaledb_functions.to_timestamp(t.watermark) END), '-infinity')
  FROM _timescaledb_catalog.continuous_agg AS a
  JOIN _timescaledb_catalog.continuous_aggs_invalidation_threshold AS t ON t.hypertable_id = a.raw_hypertable_id
  WHERE a.user_view_name = 'location_history_hourly'
    AND format('%I.%I', a.user_view_schema, a.user_view_name)::regclass = 'location_history_hourly'::regclass
$$;

-- Whether the daily aggregate contains all raw reports of the days in [from_day, to_day): no change is pending in the
-- log of changes, in the aggregate's own log or in its materialization ranges, and the invalidation threshold is later
-- (changes above it are not logged).
--
-- Reliable only while writers of location_reports are blocked: a transaction logs its changes when it commits.
CREATE OR REPLACE FUNCTION days_are_complete(from_day timestamptz, to_day timestamptz) RETURNS boolean LANGUAGE sql STABLE AS $$
  WITH span AS (
    SELECT _timescaledb_functions.time_to_internal(from_day) AS first_moment,
      _timescaledb_functions.time_to_internal(to_day) - 1 AS last_moment
  ), daily AS (
    SELECT mat_hypertable_id, raw_hypertable_id FROM _timescaledb_catalog.continuous_agg
    WHERE user_view_name = 'location_history_daily'
      AND format('%I.%I', user_view_schema, user_view_name)::regclass = 'location_history_daily'::regclass
  ), pending AS (
    SELECT l.lowest_modified_value, l.greatest_modified_value
    FROM daily JOIN _timescaledb_catalog.continuous_aggs_hypertable_invalidation_log AS l
      ON l.hypertable_id = daily.raw_hypertable_id
    UNION ALL
    SELECT l.lowest_modified_value, l.greatest_modified_value
    FROM daily JOIN _timescaledb_catalog.continuous_aggs_materialization_invalidation_log AS l
      ON l.materialization_id = daily.mat_hypertable_id
    UNION ALL
    SELECT r.lowest_modified_value, r.greatest_modified_value
    FROM daily JOIN _timescaledb_catalog.continuous_aggs_materialization_ranges AS r
      ON r.materialization_id = daily.mat_hypertable_id
  )
  SELECT NOT EXISTS (
      SELECT FROM pending, span
      WHERE pending.lowest_modified_value <= span.last_moment AND pending.greatest_modified_value >= span.first_moment)
    AND EXISTS (
      SELECT FROM span, daily JOIN _timescaledb_catalog.continuous_aggs_invalidation_threshold AS t
        ON t.hypertable_id = daily.raw_hypertable_id
      WHERE t.watermark > span.last_moment)
$$;
