-- Moves up to 20,000 rows of a day below the horizon from the continuous aggregate to location_history_daily_late, and
-- merges them with what is there; location_history_days shows the same before and after. Nothing could compute such a day
-- again. By the rules of 0.1.0, whose functions still write here: located_at stays NULL.
-- $1 timestamptz day
-- Columns: moved bigint
WITH batch AS MATERIALIZED (
  SELECT hashed_adv_key FROM location_history_daily WHERE bucket = $1::timestamptz ORDER BY hashed_adv_key LIMIT 20000
), moved AS (
  DELETE FROM location_history_daily AS d USING batch AS b
  WHERE d.bucket = $1 AND d.hashed_adv_key = b.hashed_adv_key
  RETURNING d.hashed_adv_key, d.bucket, d.location, d.last_report_at, d.confidence, d.horizontal_accuracy, d.status,
    d.source, d.nearest_city, d.nearest_city_at, d.report_count, d.max_confidence, d.first_report_at
), merged AS (
  INSERT INTO location_history_daily_late AS kept (hashed_adv_key, bucket, location, last_report_at, confidence,
    horizontal_accuracy, status, source, nearest_city, nearest_city_at, report_count, max_confidence, first_report_at)
  SELECT m.hashed_adv_key, m.bucket, m.location, m.last_report_at, m.confidence, m.horizontal_accuracy, m.status, m.source,
    m.nearest_city, m.nearest_city_at, m.report_count, m.max_confidence, m.first_report_at
  FROM moved AS m ORDER BY m.hashed_adv_key
  ON CONFLICT (hashed_adv_key, bucket) DO UPDATE SET
    location = CASE WHEN excluded.last_report_at > kept.last_report_at THEN excluded.location ELSE kept.location END,
    confidence = CASE WHEN excluded.last_report_at > kept.last_report_at THEN excluded.confidence ELSE kept.confidence END,
    horizontal_accuracy = CASE WHEN excluded.last_report_at > kept.last_report_at
      THEN excluded.horizontal_accuracy ELSE kept.horizontal_accuracy END,
    status = CASE WHEN excluded.last_report_at > kept.last_report_at THEN excluded.status ELSE kept.status END,
    source = CASE WHEN excluded.last_report_at > kept.last_report_at THEN excluded.source ELSE kept.source END,
    last_report_at = greatest(kept.last_report_at, excluded.last_report_at),
    nearest_city = CASE WHEN kept.nearest_city_at IS NULL OR excluded.nearest_city_at > kept.nearest_city_at
      THEN excluded.nearest_city ELSE kept.nearest_city END,
    nearest_city_at = greatest(kept.nearest_city_at, excluded.nearest_city_at),
    report_count = kept.report_count + excluded.report_count,
    max_confidence = greatest(kept.max_confidence, excluded.max_confidence),
    first_report_at = least(kept.first_report_at, excluded.first_report_at)
)
SELECT count(*) AS moved FROM moved
