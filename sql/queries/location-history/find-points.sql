-- History rows of one tracker that overlap [$2, $3), oldest first, reduced to at most $5, and the gaps between all rows
-- of the range.
--
-- Splits the rows into $5 groups of equal size, and returns the newest row of each group, not an average. A gap lasts
-- from gap_start to the timestamp of its row; a row with is_point = false only reports a gap. Always returns at least
-- one row; its id is NULL if the range has no rows.
--
-- Variant RAW: {{history}} is history_in_reports
-- Variant HOURLY: {{history}} is history_in_hours
-- Variant DAILY: {{history}} is history_in_days
--
-- $1 bigint       tracker id
-- $2 timestamptz  start
-- $3 timestamptz  end
-- $4 text         time zone of the days; NULL: UTC
-- $5 integer      number of rows at most, and of gaps (the longest ones) at most
-- $6 integer      number of seconds without a raw report that make a gap
--
-- Result: the columns of latest_locations, and is_exact, ends_at, is_point, row_count_in_range, gap_start, kept_from,
-- asked_at.
-- Raises: invalid_parameter_value if the server does not know the time zone.
-- Locks: none.
WITH rows_in_range AS (
  SELECT history_row_id($1::bigint, v.bucket_size, v.timestamp) AS id, $1::bigint AS tracker_id, v.timestamp, v.bucket_size,
    v.location, v.nearest_city, v.last_report_at, v.first_report_at, v.report_count, v.confidence, v.max_confidence,
    v.horizontal_accuracy, v.status, v.source, v.altitude, v.speed, v.course, v.battery, v.motion, v.imprecise,
    v.located_at, true AS is_exact, v.timestamp + bucket_width(v.bucket_size) AS ends_at
  FROM {{history}} AS v
  WHERE $4::text IS NULL
    AND v.hashed_adv_key = (SELECT hashed_adv_key FROM trackers WHERE id = $1)
    AND v.timestamp > $2::timestamptz - interval '24 hours' AND v.timestamp < $3::timestamptz
    AND v.timestamp + bucket_width(v.bucket_size) > $2
  UNION ALL
  SELECT history_row_id($1, '1 day', d.starts_at) || ':' || $4, $1, d.starts_at, '1 day',
    d.location, d.nearest_city, d.last_report_at, d.first_report_at, d.report_count, d.confidence, d.max_confidence,
    d.horizontal_accuracy, d.status, d.source, d.altitude, d.speed, d.course, d.battery, d.motion, d.imprecise,
    d.located_at, d.is_exact, d.ends_at
  FROM history_in_zone_days((SELECT hashed_adv_key FROM trackers WHERE id = $1), $2, $3, $4) AS d
  WHERE $4 IS NOT NULL
), numbered AS (
  SELECT g.*, row_number() OVER by_time AS number, count(*) OVER () AS row_count_in_range,
    coalesce(lag(g.ends_at) OVER by_time, greatest($2, history_floor())) AS previous_end
  FROM rows_in_range AS g WINDOW by_time AS (ORDER BY g.timestamp)
), marked AS (
  SELECT n.*,
    n.number * $5::bigint / n.row_count_in_range > (n.number - 1) * $5 / n.row_count_in_range OR n.row_count_in_range <= $5 AS is_point,
    CASE WHEN n.timestamp - n.previous_end
      > CASE n.bucket_size WHEN 'raw' THEN make_interval(secs => $6::integer) ELSE interval '0' END
      THEN n.previous_end END AS gap_start
  FROM numbered AS n
), ranked AS (
  SELECT m.*, row_number() OVER (ORDER BY m.gap_start - m.timestamp) AS gap_rank FROM marked AS m
)
SELECT r.id, r.tracker_id, r.timestamp, r.bucket_size, r.location, r.nearest_city, r.last_report_at, r.first_report_at,
  r.report_count, r.confidence, r.max_confidence, r.horizontal_accuracy, r.status, r.source, r.altitude, r.speed, r.course,
  r.battery, r.motion, r.imprecise, r.located_at, r.is_exact,
  r.ends_at, r.is_point, r.row_count_in_range, CASE WHEN r.gap_rank <= $5 THEN r.gap_start END AS gap_start,
  history_floor() AS kept_from, now() AS asked_at
FROM (VALUES (1)) AS always LEFT JOIN ranked AS r ON r.is_point OR r.gap_start IS NOT NULL AND r.gap_rank <= $5
ORDER BY r.timestamp
