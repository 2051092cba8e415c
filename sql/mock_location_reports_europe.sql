-- Mock reports for trying the product: gives every tracker without history a random European city and a walk around it
-- over the last two days, one report every 20 minutes, and lets the aggregates and triggers do the rest.
--
--   psql "$DATABASE_URL" -f sql/mock_location_reports_europe.sql      (or \i from psql)
--
-- Safe to run again: trackers that have history are left alone.
INSERT INTO location_reports
  (hashed_adv_key, timestamp, location, confidence, horizontal_accuracy, nearest_city, source)
WITH cities (city, latitude, longitude) AS (VALUES
  ('London', 51.5074, -0.1278), ('Paris', 48.8566, 2.3522), ('Berlin', 52.5200, 13.4050), ('Madrid', 40.4168, -3.7038),
  ('Rome', 41.9028, 12.4964), ('Vienna', 48.2082, 16.3738), ('Amsterdam', 52.3676, 4.9041), ('Brussels', 50.8503, 4.3517),
  ('Copenhagen', 55.6761, 12.5683), ('Stockholm', 59.3293, 18.0686), ('Oslo', 59.9139, 10.7522), ('Helsinki', 60.1699, 24.9384),
  ('Warsaw', 52.2297, 21.0122), ('Prague', 50.0755, 14.4378), ('Budapest', 47.4979, 19.0402), ('Lisbon', 38.7223, -9.1393),
  ('Dublin', 53.3498, -6.2603), ('Athens', 37.9838, 23.7275), ('Zürich', 47.3769, 8.5417), ('Milan', 45.4642, 9.1900),
  ('Barcelona', 41.3874, 2.1686), ('Munich', 48.1351, 11.5820), ('Hamburg', 53.5511, 9.9937), ('Kraków', 50.0647, 19.9450)
),
-- MATERIALIZED: the city is drawn once a tracker, and not once a report.
chosen AS MATERIALIZED (
  SELECT t.hashed_adv_key, c.*
  FROM trackers AS t
  CROSS JOIN LATERAL (SELECT * FROM cities WHERE t.id IS NOT NULL ORDER BY random() LIMIT 1) AS c
  WHERE NOT EXISTS (SELECT FROM location_history AS lh WHERE lh.tracker_id = t.id)
    AND NOT EXISTS (SELECT FROM location_reports AS r WHERE r.hashed_adv_key = t.hashed_adv_key)
)
SELECT chosen.hashed_adv_key, moment,
  ST_SetSRID(ST_MakePoint(
    chosen.longitude + 0.02 * sin(step / 9.0) + 0.004 * (random() - 0.5),
    chosen.latitude + 0.015 * cos(step / 7.0) + 0.003 * (random() - 0.5)), 4326),
  1 + floor(random() * 3)::int, 5 + floor(random() * 60), chosen.city, 'mock'
FROM chosen
CROSS JOIN generate_series(0, 2 * 24 * 3 - 1) AS step
CROSS JOIN LATERAL (SELECT now() - step * interval '20 minutes' - random() * interval '60 seconds') AS t (moment)
ON CONFLICT DO NOTHING;
