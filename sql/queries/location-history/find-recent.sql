-- The newest history rows of all trackers, by newest report: hours, and days only if there are too few hours. Not a
-- view over both, because PostgreSQL would read all of it.
--
-- $1 tracker_status[]  only trackers that have one of these statuses now; NULL: all
-- $2 integer           number of rows at most
--
-- Result: the columns of latest_locations.
-- Locks: none.
WITH hours AS MATERIALIZED (
  SELECT t.id AS tracker_id, h.bucket AS timestamp, '1 hour' AS bucket_size, h.location, h.nearest_city, h.nearest_city_at,
    h.last_report_at, h.first_report_at, h.report_count, h.confidence, h.max_confidence, h.horizontal_accuracy, h.status,
    h.source, h.altitude, h.speed, h.course, h.battery, h.motion, h.imprecise,
    coalesce(h.located_at, h.last_report_at) AS located_at
  FROM location_history_hourly AS h JOIN trackers AS t USING (hashed_adv_key)
  WHERE h.bucket >= (SELECT cut FROM history_state) AND ($1::tracker_status[] IS NULL OR t.current_status = ANY ($1))
  ORDER BY h.bucket DESC, h.last_report_at DESC, t.id LIMIT $2::integer
), days AS (
  SELECT t.id, d.bucket, '1 day', d.location, d.nearest_city, d.nearest_city_at, d.last_report_at, d.first_report_at,
    d.report_count, d.confidence, d.max_confidence, d.horizontal_accuracy, d.status, d.source, d.altitude, d.speed,
    d.course, d.battery, d.motion, d.imprecise, d.located_at
  FROM location_history_days AS d JOIN trackers AS t USING (hashed_adv_key)
  WHERE d.bucket < (SELECT cut FROM history_state)
    AND d.bucket >= (SELECT day_of_newest_rows($1, $2 - (SELECT count(*) FROM hours)::integer))
    AND ($1 IS NULL OR t.current_status = ANY ($1))
  ORDER BY d.bucket DESC, d.last_report_at DESC, t.id LIMIT $2
)
SELECT history_row_id(r.tracker_id, r.bucket_size, r.timestamp) AS id, r.tracker_id, r.timestamp, r.bucket_size, r.location,
  shown_city(r.nearest_city, r.nearest_city_at, r.located_at, c.provider, c.nearest_city) AS nearest_city,
  r.last_report_at, r.first_report_at, r.report_count, r.confidence, r.max_confidence, r.horizontal_accuracy, r.status,
  r.source, r.altitude, r.speed, r.course, r.battery, r.motion, r.imprecise, r.located_at
FROM (TABLE hours UNION ALL TABLE days) AS r
LEFT JOIN geocoding_cells AS c
  ON c.latitude_e2 = cell_of(ST_Y(r.location)) AND c.longitude_e2 = cell_of(ST_X(r.location))
ORDER BY r.last_report_at DESC, r.tracker_id LIMIT $2
