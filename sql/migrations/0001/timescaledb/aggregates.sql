-- The aggregates of the timescaledb engine: continuous aggregates straight from raw, keyed by hashed_adv_key. Not
-- joined to trackers: a continuous aggregate does not notice changes of a joined table. Not the daily one from the
-- hourly one: the days would go with the hours.
--
-- Chunks of one and seven days, so that retention can drop them soon after they end.
CREATE MATERIALIZED VIEW location_history_hourly
WITH (timescaledb.continuous, timescaledb.materialized_only = true, timescaledb.chunk_interval = '1 day') AS
SELECT hashed_adv_key,
  time_bucket(interval '1 hour', timestamp) AS bucket,
  last(location, timestamp) AS location,
  max(timestamp) AS last_report_at,
  last(confidence, timestamp) AS confidence,
  last(horizontal_accuracy, timestamp) AS horizontal_accuracy,
  last(status, timestamp) AS status,
  last(source, timestamp) AS source,
  last(nearest_city, timestamp) FILTER (WHERE nearest_city IS NOT NULL) AS nearest_city,
  max(timestamp) FILTER (WHERE nearest_city IS NOT NULL) AS nearest_city_at,
  count(*) AS report_count,
  max(confidence) AS max_confidence,
  min(timestamp) AS first_report_at
FROM location_reports
GROUP BY 1, 2
WITH NO DATA;

CREATE MATERIALIZED VIEW location_history_daily
WITH (timescaledb.continuous, timescaledb.materialized_only = true, timescaledb.chunk_interval = '7 days') AS
SELECT hashed_adv_key,
  time_bucket(interval '1 day', timestamp) AS bucket,
  last(location, timestamp) AS location,
  max(timestamp) AS last_report_at,
  last(confidence, timestamp) AS confidence,
  last(horizontal_accuracy, timestamp) AS horizontal_accuracy,
  last(status, timestamp) AS status,
  last(source, timestamp) AS source,
  last(nearest_city, timestamp) FILTER (WHERE nearest_city IS NOT NULL) AS nearest_city,
  max(timestamp) FILTER (WHERE nearest_city IS NOT NULL) AS nearest_city_at,
  count(*) AS report_count,
  max(confidence) AS max_confidence,
  min(timestamp) AS first_report_at
FROM location_reports
GROUP BY 1, 2
WITH NO DATA;

-- What is not computed from raw: reports that came below the horizon, rows carried over from elsewhere. A table of
-- their own, because a refresh that covers rows put into the continuous aggregate itself deletes them.
CREATE TABLE location_history_daily_late (
  hashed_adv_key text COLLATE "C" NOT NULL,
  bucket timestamptz NOT NULL,
  location geo_point NOT NULL,
  last_report_at timestamptz(3) NOT NULL,
  confidence smallint,
  horizontal_accuracy float8,
  status smallint,
  source text NOT NULL,
  nearest_city text,
  nearest_city_at timestamptz(3), -- time of the report that brought nearest_city
  report_count bigint NOT NULL,
  max_confidence smallint,
  first_report_at timestamptz(3) NOT NULL,
  PRIMARY KEY (hashed_adv_key, bucket)
);
CREATE INDEX location_history_daily_late_bucket ON location_history_daily_late (bucket DESC);

-- The documented policies: hours every hour with a lag of one hour, days every day with a lag of one day. The product
-- refreshes what changed at once; these run also where nothing of ours does. Given are the hours that they reach back;
-- a policy that is there with that window is left alone. The row of history_state keeps two that start at once apart.
-- Called first when all changes are logged: see changes_logged_before().
CREATE FUNCTION set_refresh_windows(hourly_window integer, daily_window integer) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  wanted record;
BEGIN
  PERFORM FROM history_state FOR UPDATE;
  FOR wanted IN
    SELECT * FROM (VALUES
      ('location_history_hourly', make_interval(hours => hourly_window), interval '1 hour'),
      ('location_history_daily', make_interval(hours => daily_window), interval '24 hours')
    ) AS w (relation, reach, lag)
  LOOP
    CONTINUE WHEN EXISTS (
      SELECT FROM timescaledb_information.jobs AS j
      JOIN _timescaledb_catalog.continuous_agg AS a ON a.mat_hypertable_id = (j.config ->> 'mat_hypertable_id')::integer
      WHERE j.proc_name = 'policy_refresh_continuous_aggregate' AND a.user_view_name = wanted.relation
        AND (j.config ->> 'start_offset')::interval = wanted.reach);
    PERFORM remove_continuous_aggregate_policy(wanted.relation::regclass, if_exists => true);
    PERFORM add_continuous_aggregate_policy(wanted.relation::regclass,
      start_offset => wanted.reach, end_offset => wanted.lag, schedule_interval => wanted.lag);
  END LOOP;
END $$;
