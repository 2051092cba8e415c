-- History rows of one tracker that overlap [$2, $3), oldest first.
--
-- Variant RAW: {{history}} is history_in_reports
-- Variant HOURLY: {{history}} is history_in_hours
-- Variant DAILY: {{history}} is history_in_days
--
-- $1 bigint       tracker id
-- $2 timestamptz  start
-- $3 timestamptz  end
-- $4 text         time zone of the days; NULL: UTC
-- $5 text         only rows of this bucket size; NULL: all
-- $6 integer      number of rows at most
--
-- Result: the columns of latest_locations, and is_exact.
-- Raises: invalid_parameter_value if the server does not know the time zone.
-- Locks: none.
SELECT history_row_id($1::bigint, v.bucket_size, v.timestamp) AS id, $1::bigint AS tracker_id, v.timestamp, v.bucket_size,
  v.location, v.nearest_city, v.last_report_at, v.first_report_at, v.report_count, v.confidence, v.max_confidence,
  v.horizontal_accuracy, v.status, v.source, v.altitude, v.speed, v.course, v.battery, v.motion, v.imprecise,
  v.located_at, true AS is_exact
FROM {{history}} AS v
WHERE $4::text IS NULL
  AND v.hashed_adv_key = (SELECT hashed_adv_key FROM trackers WHERE id = $1)
  AND v.timestamp > $2::timestamptz - interval '24 hours' AND v.timestamp < $3::timestamptz
  AND v.timestamp + bucket_width(v.bucket_size) > $2
  AND ($5::text IS NULL OR v.bucket_size = $5)
UNION ALL
SELECT history_row_id($1, '1 day', d.starts_at) || ':' || $4, $1, d.starts_at, '1 day',
  d.location, d.nearest_city, d.last_report_at, d.first_report_at, d.report_count, d.confidence, d.max_confidence,
  d.horizontal_accuracy, d.status, d.source, d.altitude, d.speed, d.course, d.battery, d.motion, d.imprecise,
  d.located_at, d.is_exact
FROM history_in_zone_days((SELECT hashed_adv_key FROM trackers WHERE id = $1), $2, $3, $4) AS d
WHERE $4 IS NOT NULL
ORDER BY timestamp LIMIT $6::integer
