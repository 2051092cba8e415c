-- Adds one new report for each of these trackers, a few hundred metres from its newest one.
--
-- $1 text[]  hashed advertisement keys
--
-- Result: none. A tracker without history gets no report.
-- Locks: the inserted rows.
INSERT INTO location_reports (hashed_adv_key, timestamp, location, confidence, horizontal_accuracy, nearest_city, source,
  speed, battery, motion)
SELECT h.hashed_adv_key, now(),
  make_geo_point(ST_X(h.location) + 0.004 * (random() - 0.4), ST_Y(h.location) + 0.003 * (random() - 0.4)),
  3, 10, h.nearest_city, 'mock', 1 + random(), coalesce(h.battery, 80), 'walking'
FROM unnest($1::text[]) AS moving (hashed_adv_key)
CROSS JOIN LATERAL (
  SELECT hour.* FROM location_history_hourly AS hour
  WHERE hour.hashed_adv_key = moving.hashed_adv_key ORDER BY hour.bucket DESC LIMIT 1
) AS h
ON CONFLICT DO NOTHING
