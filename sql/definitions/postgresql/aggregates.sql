-- Keeps the hours and days of the postgresql engine (location_history_rollups) up to date.
--
-- Locks: rows of location_history_rollups. All writers lock them in the order of trackers, and the days of a tracker
-- before its hours. So there are no deadlocks, and a lock on the row of a day also protects the hours of that day.

-- Adds reports that were never counted before to their days and, from the cut on, to their hours.
--
-- Days are aggregated from hours, which are fewer than reports. Without nested loops, as in summarize_reports().
CREATE OR REPLACE FUNCTION add_to_aggregates(reports location_reports[]) RETURNS void
LANGUAGE sql SET enable_nestloop = off AS $$
  WITH hours AS MATERIALIZED (
    SELECT * FROM summarize_reports(reports, '1 hour')
  ), days AS (
    SELECT g.hashed_adv_key, g.bucket, shown.location, g.last_report_at, shown.confidence,
      shown.horizontal_accuracy, shown.status, shown.source, with_city.nearest_city, with_city.nearest_city_at,
      g.report_count, g.max_confidence, g.first_report_at, shown.altitude, shown.speed, shown.course, shown.battery,
      shown.motion, shown.imprecise, shown.located_at
    FROM (
      SELECT h.hashed_adv_key, date_trunc('day', h.bucket, 'UTC') AS bucket, max(h.last_report_at) AS last_report_at,
        coalesce(max(h.located_at) FILTER (WHERE NOT h.imprecise), max(h.located_at)) AS located_at,
        CASE WHEN bool_and(h.imprecise) THEN max(h.nearest_city_at)
          ELSE max(h.nearest_city_at) FILTER (WHERE NOT h.imprecise) END AS last_city_at,
        sum(h.report_count)::bigint AS report_count, max(h.max_confidence) AS max_confidence,
        min(h.first_report_at) AS first_report_at
      FROM hours AS h GROUP BY 1, 2
    ) AS g
    JOIN hours AS shown ON shown.hashed_adv_key = g.hashed_adv_key AND shown.located_at = g.located_at
    LEFT JOIN hours AS with_city
      ON with_city.hashed_adv_key = g.hashed_adv_key AND with_city.nearest_city_at = g.last_city_at
  )
  INSERT INTO location_history_rollups AS kept (hashed_adv_key, bucket, bucket_size, location, last_report_at, confidence,
    horizontal_accuracy, status, source, nearest_city, nearest_city_at, report_count, max_confidence, first_report_at,
    altitude, speed, course, battery, motion, imprecise, located_at)
  SELECT s.hashed_adv_key, s.bucket, s.bucket_size, s.location, s.last_report_at, s.confidence,
    s.horizontal_accuracy, s.status, s.source, s.nearest_city, s.nearest_city_at, s.report_count, s.max_confidence,
    s.first_report_at, s.altitude, s.speed, s.course, s.battery, s.motion, s.imprecise, s.located_at
  FROM (
    SELECT d.*, '1 day' AS bucket_size FROM days AS d
    UNION ALL
    SELECT h.*, '1 hour' FROM hours AS h WHERE h.bucket >= (SELECT history_cut()) -- subquery: evaluated once
  ) AS s
  ORDER BY s.hashed_adv_key, s.bucket_size, s.bucket
  ON CONFLICT (hashed_adv_key, bucket, bucket_size) DO UPDATE SET
    (location, last_report_at, confidence, horizontal_accuracy, status, source, nearest_city, nearest_city_at, report_count,
      max_confidence, first_report_at, altitude, speed, course, battery, motion, imprecise, located_at)
    = (SELECT m.* FROM merge_history_rows(kept, excluded) AS m)
$$;

-- Recomputes days of trackers, and their hours, from raw reports. `keys` and `days` are distinct pairs; no day is below
-- the horizon.
CREATE OR REPLACE FUNCTION recompute_tracker_days(keys text[], days timestamptz[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  locked_days bigint;
  batch location_reports[];
BEGIN
  -- First lock the row of every day, in the lock order of all writers. Later statements see everything committed until
  -- then. A day without a row gets one to lock: otherwise a transaction could insert that row between two of these
  -- statements, and its report would be counted twice. Rows are updated, not deleted and inserted again: a session that
  -- waits for a deleted row locks nothing. If that happens here, because a day lost its last report, all rows are
  -- locked again.
  LOOP
    INSERT INTO location_history_daily
      (hashed_adv_key, bucket, bucket_size, location, last_report_at, source, report_count, first_report_at, imprecise,
        located_at)
    SELECT u.key, u.day, '1 day', make_geo_point(0, 0), '-infinity', '', 0, 'infinity', true, '-infinity'
    FROM unnest(keys, days) AS u (key, day)
    WHERE NOT EXISTS (SELECT FROM location_history_daily AS d WHERE d.hashed_adv_key = u.key AND d.bucket = u.day)
    ORDER BY u.key, u.day
    ON CONFLICT DO NOTHING;
    SELECT count(*) INTO locked_days FROM (
      SELECT FROM location_history_daily WHERE (hashed_adv_key, bucket) IN (SELECT * FROM unnest(keys, days))
      ORDER BY hashed_adv_key, bucket FOR UPDATE
    ) AS locked;
    EXIT WHEN locked_days = cardinality(keys);
  END LOOP;

  -- Then reset the rows, so that every report outranks them, and add all raw reports.
  UPDATE location_history_daily AS d
    SET last_report_at = '-infinity', nearest_city = NULL, nearest_city_at = NULL, report_count = 0,
      max_confidence = NULL, first_report_at = 'infinity', imprecise = true, located_at = '-infinity'
    FROM unnest(keys, days) AS u (key, day) WHERE d.hashed_adv_key = u.key AND d.bucket = u.day;
  DELETE FROM location_history_hourly AS h USING unnest(keys, days) AS u (key, day)
    WHERE h.hashed_adv_key = u.key AND h.bucket >= u.day AND h.bucket < u.day + interval '24 hours';
  FOR batch IN
    SELECT array_agg(report) FROM (
      SELECT r AS report, (row_number() OVER (ORDER BY r.hashed_adv_key, r.timestamp) - 1) / 20000 AS chunk
      FROM unnest(keys, days) AS u (key, day)
      JOIN location_reports AS r
        ON r.hashed_adv_key = u.key AND r.timestamp >= u.day AND r.timestamp < u.day + interval '24 hours'
    ) AS numbered GROUP BY chunk ORDER BY chunk
  LOOP
    PERFORM add_to_aggregates(batch);
  END LOOP;
  DELETE FROM location_history_daily AS d USING unnest(keys, days) AS u (key, day)
    WHERE d.hashed_adv_key = u.key AND d.bucket = u.day AND d.report_count = 0;
END $$;
