-- The daily history of the timescaledb engine; both engines define the same names. It consists of the continuous
-- aggregate, and of late reports in location_history_daily_late.
--
-- Locks: uncount_days() locks the rows of the days.

-- Prevents a plan with parallel workers: they return no rows of a hypertable whose chunks are filtered by a parameter,
-- such as the cut (TimescaleDB 2.28.3, https://github.com/timescale/timescaledb/issues/10503). Costs nothing: after the
-- check for parallel safety the planner replaces the call with a constant.
CREATE OR REPLACE FUNCTION without_parallel_workers() RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL UNSAFE RETURN true;

-- The whole daily history: the continuous aggregate of raw reports, merged with late reports. `rank` orders the rows
-- like outranks(); rows of 0.1.0 have no located_at.
CREATE OR REPLACE VIEW location_history_days AS
SELECT hashed_adv_key, bucket,
  last(location, rank) AS location,
  max(last_report_at) AS last_report_at,
  last(confidence, rank) AS confidence,
  last(horizontal_accuracy, rank) AS horizontal_accuracy,
  last(status, rank) AS status,
  last(source, rank) AS source,
  CASE WHEN bool_and(imprecise) THEN last(nearest_city, nearest_city_at) FILTER (WHERE nearest_city_at IS NOT NULL)
    ELSE last(nearest_city, nearest_city_at) FILTER (WHERE nearest_city_at IS NOT NULL AND NOT imprecise) END AS nearest_city,
  CASE WHEN bool_and(imprecise) THEN max(nearest_city_at)
    ELSE max(nearest_city_at) FILTER (WHERE NOT imprecise) END AS nearest_city_at,
  sum(report_count)::bigint AS report_count,
  max(max_confidence) AS max_confidence,
  min(first_report_at) AS first_report_at,
  last(altitude, rank) AS altitude,
  last(speed, rank) AS speed,
  last(course, rank) AS course,
  last(battery, rank) AS battery,
  last(motion, rank) AS motion,
  bool_and(imprecise) AS imprecise,
  last(located_at, rank) AS located_at
FROM (
  SELECT p.*, p.located_at - CASE WHEN p.imprecise THEN timestamptz '4000-01-01 00:00+00'
    ELSE timestamptz '2000-01-01 00:00+00' END AS rank
  FROM (
    SELECT hashed_adv_key, bucket, location, last_report_at, confidence, horizontal_accuracy, status, source,
      nearest_city, nearest_city_at, report_count, max_confidence, first_report_at, altitude, speed, course, battery, motion,
      imprecise, coalesce(located_at, last_report_at) AS located_at FROM location_history_daily
    UNION ALL
    SELECT hashed_adv_key, bucket, location, last_report_at, confidence, horizontal_accuracy, status, source,
      nearest_city, nearest_city_at, report_count, max_confidence, first_report_at, altitude, speed, course, battery, motion,
      imprecise, coalesce(located_at, last_report_at) AS located_at FROM location_history_daily_late
  ) AS p
) AS layers
WHERE without_parallel_workers()
GROUP BY hashed_adv_key, bucket;

-- The newest day of a tracker before a time, by index look-ups; the view would merge all days first.
CREATE OR REPLACE FUNCTION newest_day(key text, before timestamptz) RETURNS timestamptz LANGUAGE sql STABLE AS $$
  SELECT greatest(
    (SELECT max(bucket) FROM location_history_daily WHERE hashed_adv_key = key AND bucket < before),
    (SELECT max(bucket) FROM location_history_daily_late WHERE hashed_adv_key = key AND bucket < before))
$$;

-- Number of reports of each day of a tracker below the horizon; one row for each relation that contains some.
CREATE OR REPLACE FUNCTION closed_day_counts() RETURNS TABLE (hashed_adv_key text, bucket timestamptz, reports bigint)
LANGUAGE sql STABLE AS $$
  SELECT d.hashed_adv_key, d.bucket, d.report_count FROM location_history_daily AS d WHERE d.bucket < history_horizon()
  UNION ALL
  SELECT l.hashed_adv_key, l.bucket, l.report_count FROM location_history_daily_late AS l WHERE l.bucket < history_horizon()
$$;

-- Returns which of these days of trackers have no history.
CREATE OR REPLACE FUNCTION days_without_history(keys text[], days timestamptz[])
RETURNS TABLE (hashed_adv_key text, day timestamptz) LANGUAGE sql STABLE AS $$
  SELECT u.key, u.day FROM unnest(keys, days) AS u (key, day)
  WHERE NOT EXISTS (
    SELECT FROM location_history_daily AS d WHERE d.hashed_adv_key = u.key AND d.bucket = u.day) AND NOT EXISTS (
    SELECT FROM location_history_daily_late AS d WHERE d.hashed_adv_key = u.key AND d.bucket = u.day)
$$;

-- Sets the report count of days below the horizon to 0, without other changes. Rows of the continuous aggregate cannot
-- be changed, so they move to location_history_daily_late.
CREATE OR REPLACE FUNCTION uncount_days(keys text[], days timestamptz[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO location_history_daily_late AS kept (hashed_adv_key, bucket, location, last_report_at, confidence,
    horizontal_accuracy, status, source, nearest_city, nearest_city_at, report_count, max_confidence, first_report_at,
    altitude, speed, course, battery, motion, imprecise, located_at)
  SELECT v.hashed_adv_key, v.bucket, v.location, v.last_report_at, v.confidence, v.horizontal_accuracy, v.status, v.source,
    v.nearest_city, v.nearest_city_at, 0, v.max_confidence, v.first_report_at, v.altitude, v.speed, v.course, v.battery,
    v.motion, v.imprecise, v.located_at
  FROM location_history_days AS v WHERE (v.hashed_adv_key, v.bucket) IN (SELECT * FROM unnest(keys, days))
  ORDER BY v.hashed_adv_key, v.bucket
  ON CONFLICT (hashed_adv_key, bucket) DO UPDATE SET location = excluded.location, last_report_at = excluded.last_report_at,
    confidence = excluded.confidence, horizontal_accuracy = excluded.horizontal_accuracy, status = excluded.status,
    source = excluded.source, nearest_city = excluded.nearest_city, nearest_city_at = excluded.nearest_city_at,
    report_count = 0, max_confidence = excluded.max_confidence, first_report_at = excluded.first_report_at,
    altitude = excluded.altitude, speed = excluded.speed, course = excluded.course, battery = excluded.battery,
    motion = excluded.motion, imprecise = excluded.imprecise, located_at = excluded.located_at;
  PERFORM set_config('tracker.removes_days', 'on', true);
  DELETE FROM location_history_daily AS d USING unnest(keys, days) AS u (key, day)
    WHERE d.hashed_adv_key = u.key AND d.bucket = u.day;
  PERFORM set_config('tracker.removes_days', '', true);
END $$;
