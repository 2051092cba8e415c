-- The whole daily history under one name on both engines: what the continuous aggregate computed from raw, merged with
-- what came later than that.
CREATE OR REPLACE VIEW location_history_days AS
SELECT hashed_adv_key, bucket,
  last(location, last_report_at) AS location,
  max(last_report_at) AS last_report_at,
  last(confidence, last_report_at) AS confidence,
  last(horizontal_accuracy, last_report_at) AS horizontal_accuracy,
  last(status, last_report_at) AS status,
  last(source, last_report_at) AS source,
  last(nearest_city, nearest_city_at) FILTER (WHERE nearest_city_at IS NOT NULL) AS nearest_city,
  max(nearest_city_at) AS nearest_city_at,
  sum(report_count)::bigint AS report_count,
  max(max_confidence) AS max_confidence,
  min(first_report_at) AS first_report_at
FROM (
  SELECT hashed_adv_key, bucket, location, last_report_at, confidence, horizontal_accuracy, status, source,
    nearest_city, nearest_city_at, report_count, max_confidence, first_report_at FROM location_history_daily
  UNION ALL
  SELECT hashed_adv_key, bucket, location, last_report_at, confidence, horizontal_accuracy, status, source,
    nearest_city, nearest_city_at, report_count, max_confidence, first_report_at FROM location_history_daily_late
) AS layers
GROUP BY hashed_adv_key, bucket;

-- The newest day of a tracker before a moment, by index look-ups; the view would merge all days first.
CREATE OR REPLACE FUNCTION newest_day(key text, before timestamptz) RETURNS timestamptz LANGUAGE sql STABLE AS $$
  SELECT greatest(
    (SELECT max(bucket) FROM location_history_daily WHERE hashed_adv_key = key AND bucket < before),
    (SELECT max(bucket) FROM location_history_daily_late WHERE hashed_adv_key = key AND bucket < before))
$$;
