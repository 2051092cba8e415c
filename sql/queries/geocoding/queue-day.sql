-- Queues the history rows of a day that lack the city of the report they show, except in a cell that is known to have
-- no city. Records that the day was searched.
--
-- $1 timestamptz  midnight UTC
-- $2 text         provider and data set in use
--
-- Result: queued (integer), the number of trackers queued.
-- Locks: the inserted rows, and the row of geocoding_state.
WITH missing AS (
  SELECT hashed_adv_key, location, first_report_at, last_report_at, nearest_city_at, report_count,
    coalesce(located_at, last_report_at) AS located_at
  FROM location_history_hourly
  WHERE bucket >= $1::timestamptz AND bucket < $1::timestamptz + interval '24 hours' AND $1::timestamptz >= history_cut()
  UNION ALL
  SELECT hashed_adv_key, location, first_report_at, last_report_at, nearest_city_at, report_count, located_at
  FROM location_history_days WHERE bucket = $1::timestamptz AND $1::timestamptz < history_cut()
), queued AS (
  INSERT INTO geocoding_queue (hashed_adv_key, from_time, to_time, reports)
  SELECT m.hashed_adv_key, min(m.first_report_at), max(m.last_report_at), sum(m.report_count)
  FROM missing AS m
  LEFT JOIN geocoding_cells AS c
    ON c.latitude_e2 = cell_of(ST_Y(m.location)) AND c.longitude_e2 = cell_of(ST_X(m.location))
  WHERE m.nearest_city_at IS DISTINCT FROM m.located_at
    AND NOT coalesce(c.nearest_city IS NULL AND c.asked_of = $2 AND c.expires_at > now(), false)
  GROUP BY m.hashed_adv_key
  RETURNING id
), searched AS (
  UPDATE geocoding_state SET searched_from = $1
)
SELECT count(*)::integer AS queued FROM queued
