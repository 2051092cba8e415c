-- History rows: days before the cut, hours from the cut on.
--
-- Locks: none.

-- The city of a history row: the city of the report it shows; else the geocoded city of its cell, even if that is NULL;
-- else the newest city in the bucket. `last_report_at` is the time of the report that the row shows, i.e. located_at
-- (the parameter keeps its name of 0.1.0, because views depend on it).
CREATE OR REPLACE FUNCTION shown_city(
  nearest_city text, nearest_city_at timestamptz, last_report_at timestamptz, cell_provider text, cell_city text)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
  WHEN nearest_city_at = last_report_at THEN nearest_city
  WHEN cell_provider IS NOT NULL THEN cell_city
  ELSE nearest_city
END;

-- The id of a row, which never changes. Buckets start at full seconds; raw reports differ in milliseconds.
CREATE OR REPLACE FUNCTION history_row_id(tracker_id bigint, bucket_size text, bucket timestamptz) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN tracker_id || ':' || bucket_size || ':'
  || CASE bucket_size
    WHEN 'raw' THEN extract(epoch FROM bucket)::numeric(15, 3)::text
    ELSE extract(epoch FROM bucket)::bigint::text
  END;

-- Hours from the cut on, days before it, by the key of a tracker. Each report is in exactly one row.
CREATE OR REPLACE VIEW history_in_hours AS
SELECT h.hashed_adv_key, h.bucket AS timestamp, h.bucket_size, h.location,
  shown_city(h.nearest_city, h.nearest_city_at, h.located_at, c.provider, c.nearest_city) AS nearest_city,
  h.last_report_at, h.first_report_at, h.report_count, h.confidence, h.max_confidence, h.horizontal_accuracy, h.status,
  h.source, h.altitude, h.speed, h.course, h.battery, h.motion, h.imprecise, h.located_at
FROM (
  SELECT '1 hour' AS bucket_size, hashed_adv_key, bucket, location, last_report_at, confidence, horizontal_accuracy,
    status, source, nearest_city, nearest_city_at, report_count, max_confidence, first_report_at, altitude, speed, course,
    battery, motion, imprecise, coalesce(located_at, last_report_at) AS located_at
  FROM location_history_hourly WHERE bucket >= (SELECT cut FROM history_state)
  UNION ALL
  SELECT '1 day', hashed_adv_key, bucket, location, last_report_at, confidence, horizontal_accuracy,
    status, source, nearest_city, nearest_city_at, report_count, max_confidence, first_report_at, altitude, speed, course,
    battery, motion, imprecise, located_at
  FROM location_history_days WHERE bucket < (SELECT cut FROM history_state)
) AS h
LEFT JOIN geocoding_cells AS c
  ON c.latitude_e2 = cell_of(ST_Y(h.location)) AND c.longitude_e2 = cell_of(ST_X(h.location));

-- The same for registered trackers, with row ids.
CREATE OR REPLACE VIEW location_history_view AS
SELECT history_row_id(t.id, h.bucket_size, h.timestamp) AS id, t.id AS tracker_id, h.timestamp, h.bucket_size, h.location,
  h.nearest_city, h.last_report_at, h.first_report_at, h.report_count, h.confidence, h.max_confidence, h.horizontal_accuracy,
  h.status, h.source, h.altitude, h.speed, h.course, h.battery, h.motion, h.imprecise, h.located_at
FROM history_in_hours AS h JOIN trackers AS t USING (hashed_adv_key);

COMMENT ON COLUMN location_history_view.imprecise IS
  'Whether all reports are imprecise: then the row shows the newest of them, else the newest precise one.';
COMMENT ON COLUMN location_history_view.located_at IS
  'Time of the report that the row shows. last_report_at, the time of the newest report, is later if an imprecise one followed.';
