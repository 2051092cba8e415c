-- Replacements of the TimescaleDB functions in documented statements, for a server without TimescaleDB. In the schema
-- tracker_compat, because a time_bucket in public would make a later CREATE EXTENSION timescaledb fail.
--
-- Locks: refresh_continuous_aggregate locks location_reports in ACCESS SHARE mode, which prevents the close of a day,
-- and the rows that it recomputes.

CREATE OR REPLACE FUNCTION tracker_compat.time_bucket(bucket_width interval, ts timestamptz) RETURNS timestamptz
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN date_bin(bucket_width, ts, '2000-01-03 00:00:00+00'::timestamptz);

-- The time before which changes are logged: infinity, because on this engine reports and aggregates commit together.
CREATE OR REPLACE FUNCTION changes_logged_before() RETURNS timestamptz LANGUAGE sql STABLE AS $$ SELECT timestamptz 'infinity' $$;

-- Compares hours or days that overlap [window_start, window_end) with raw reports, back to the horizon, and recomputes
-- the days of trackers that differ. Does not write correct rows again.
CREATE OR REPLACE PROCEDURE tracker_compat.refresh_continuous_aggregate(
  continuous_aggregate regclass, window_start timestamptz, window_end timestamptz)
LANGUAGE plpgsql SET search_path FROM CURRENT SET timezone = 'UTC' SET jit = off AS $$
DECLARE
  size text := CASE continuous_aggregate::text
    WHEN 'location_history_hourly' THEN '1 hour' WHEN 'location_history_daily' THEN '1 day' END;
  day timestamptz;
BEGIN
  IF size IS NULL THEN
    RAISE EXCEPTION 'relation "%" is not a continuous aggregate', continuous_aggregate
      USING ERRCODE = 'wrong_object_type', HINT = 'Use location_history_hourly or location_history_daily.';
  END IF;
  IF window_start >= window_end THEN
    RAISE EXCEPTION 'the window must start before it ends (% to %)', window_start, window_end
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  -- Prevents the close of a day: without its raw reports its history would look wrong. A later statement reads the
  -- horizon, so it is current.
  LOCK TABLE location_reports IN ACCESS SHARE MODE;
  FOR day IN
    SELECT generate_series(
      greatest(date_trunc('day', coalesce(window_start, '-infinity')), history_horizon()),
      least(coalesce(window_end, 'infinity'), now() + interval '1 day') - interval '1 microsecond', '1 day')
  LOOP
    PERFORM recompute_differing_days(day, size);
  END LOOP;
END $$;

-- Recomputes the rows of one day that differ, in batches of trackers with about 20,000 reports. One statement compares
-- a
-- batch: reports and aggregates commit together, so its snapshot contains both or neither.
CREATE OR REPLACE FUNCTION recompute_differing_days(day timestamptz, size text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  next_day timestamptz := day + interval '24 hours';
  batch_keys text[];
BEGIN
  FOR batch_keys IN
    SELECT array_agg(hashed_adv_key) FROM (
      SELECT hashed_adv_key, (sum(n) OVER (ORDER BY hashed_adv_key) - n)::bigint / 20000 AS chunk FROM (
        SELECT hashed_adv_key, sum(n) AS n FROM (
          SELECT hashed_adv_key, count(*) AS n FROM location_reports
            WHERE timestamp >= day AND timestamp < next_day GROUP BY 1
          UNION ALL
          SELECT hashed_adv_key, 0 FROM location_history_rollups
            WHERE bucket_size = size AND bucket >= day AND bucket < next_day GROUP BY 1
        ) AS present GROUP BY 1
      ) AS counted
    ) AS numbered GROUP BY chunk
  LOOP
    PERFORM recompute_tracker_days(array_agg(differing.hashed_adv_key), array_agg(day)) FROM (
      SELECT DISTINCT coalesce(raw.hashed_adv_key, kept.hashed_adv_key) AS hashed_adv_key
      FROM (
        SELECT s.* FROM summarize_reports(
          (SELECT array_agg(r) FROM location_reports AS r
            WHERE r.hashed_adv_key = ANY (batch_keys) AND r.timestamp >= day AND r.timestamp < next_day), size) AS s
        WHERE size = '1 day' OR s.bucket >= history_cut()
      ) AS raw
      FULL JOIN (
        SELECT r.* FROM location_history_rollups AS r
        WHERE r.bucket_size = size AND r.hashed_adv_key = ANY (batch_keys) AND r.bucket >= day AND r.bucket < next_day
          AND (size = '1 day' OR r.bucket >= history_cut())
      ) AS kept USING (hashed_adv_key, bucket)
      WHERE (ST_X(raw.location), ST_Y(raw.location), raw.last_report_at, raw.confidence, raw.horizontal_accuracy,
          raw.status, raw.source, raw.nearest_city, raw.nearest_city_at, raw.report_count, raw.max_confidence,
          raw.first_report_at, raw.altitude, raw.speed, raw.course, raw.battery, raw.motion, raw.imprecise,
          raw.located_at)
        IS DISTINCT FROM (ST_X(kept.location), ST_Y(kept.location), kept.last_report_at, kept.confidence,
          kept.horizontal_accuracy, kept.status, kept.source, kept.nearest_city, kept.nearest_city_at,
          kept.report_count, kept.max_confidence, kept.first_report_at, kept.altitude, kept.speed, kept.course,
          kept.battery, kept.motion, kept.imprecise, coalesce(kept.located_at, kept.last_report_at))
    ) AS differing HAVING count(*) > 0;
    IF FOUND THEN
      PERFORM mark_history_changed(day, day);
    END IF;
  END LOOP;
END $$;
