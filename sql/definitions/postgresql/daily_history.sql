-- The daily history of the postgresql engine; both engines define the same names.
--
-- Locks: uncount_days() locks the rows of the days.

-- The whole daily history. On this engine the daily rows include late reports; on timescaledb the view merges them.
CREATE OR REPLACE VIEW location_history_days AS
SELECT hashed_adv_key, bucket, location, last_report_at, confidence, horizontal_accuracy, status, source,
  nearest_city, nearest_city_at, report_count, max_confidence, first_report_at, altitude, speed, course, battery, motion,
  imprecise, coalesce(located_at, last_report_at) AS located_at
FROM location_history_daily;

-- The newest day of a tracker before a time, by an index look-up.
CREATE OR REPLACE FUNCTION newest_day(key text, before timestamptz) RETURNS timestamptz LANGUAGE sql STABLE AS $$
  SELECT max(bucket) FROM location_history_daily WHERE hashed_adv_key = key AND bucket < before
$$;

-- Number of reports of each day of a tracker below the horizon.
CREATE OR REPLACE FUNCTION closed_day_counts() RETURNS TABLE (hashed_adv_key text, bucket timestamptz, reports bigint)
LANGUAGE sql STABLE AS $$
  SELECT d.hashed_adv_key, d.bucket, d.report_count FROM location_history_daily AS d WHERE d.bucket < history_horizon()
$$;

-- Returns which of these days of trackers have no history.
CREATE OR REPLACE FUNCTION days_without_history(keys text[], days timestamptz[])
RETURNS TABLE (hashed_adv_key text, day timestamptz) LANGUAGE sql STABLE AS $$
  SELECT u.key, u.day FROM unnest(keys, days) AS u (key, day)
  WHERE NOT EXISTS (
    SELECT FROM location_history_daily AS d WHERE d.hashed_adv_key = u.key AND d.bucket = u.day)
$$;

-- Sets the report count of days below the horizon to 0, without other changes.
CREATE OR REPLACE FUNCTION uncount_days(keys text[], days timestamptz[]) RETURNS void LANGUAGE sql AS $$
  UPDATE location_history_daily AS d SET report_count = 0
  FROM unnest(keys, days) AS u (key, day) WHERE d.hashed_adv_key = u.key AND d.bucket = u.day
$$;
