-- The whole daily history under one name on both engines. Here the daily roll-ups have it all; on timescaledb late
-- reports are merged in.
CREATE OR REPLACE VIEW location_history_days AS
SELECT hashed_adv_key, bucket, location, last_report_at, confidence, horizontal_accuracy, status, source,
  nearest_city, nearest_city_at, report_count, max_confidence, first_report_at, altitude, speed, course, battery, motion,
  imprecise, coalesce(located_at, last_report_at) AS located_at
FROM location_history_daily;

-- The newest day of a tracker before a moment, by an index look-up.
CREATE OR REPLACE FUNCTION newest_day(key text, before timestamptz) RETURNS timestamptz LANGUAGE sql STABLE AS $$
  SELECT max(bucket) FROM location_history_daily WHERE hashed_adv_key = key AND bucket < before
$$;
