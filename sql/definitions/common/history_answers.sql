-- The views that the API reads: the history of a tracker in three resolutions, with the same columns (history_in_hours
-- is in location_history.sql). Each covers the whole history: it contains days where its own resolution is no longer
-- kept.
--
-- Query one key at a time (hashed_adv_key = …, or LATERAL with LIMIT for several): without a key, the timescaledb
-- engine merges the days of all trackers from two relations.
--
-- Locks: none.

-- Duration of a row. A row overlaps a range that ends after the row starts and starts before the row ends.
CREATE OR REPLACE FUNCTION bucket_width(bucket_size text) RETURNS interval LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE bucket_size WHEN '1 hour' THEN interval '1 hour' WHEN '1 day' THEN interval '24 hours'
  ELSE interval '1 millisecond' END;

-- Days only: stored days before the cut, days aggregated from hours from the cut on.
CREATE OR REPLACE VIEW history_in_days AS
SELECT d.hashed_adv_key, d.bucket AS timestamp, '1 day' AS bucket_size, d.location,
  shown_city(d.nearest_city, d.nearest_city_at, d.located_at, c.provider, c.nearest_city) AS nearest_city,
  d.last_report_at, d.first_report_at, d.report_count, d.confidence, d.max_confidence, d.horizontal_accuracy, d.status,
  d.source, d.altitude, d.speed, d.course, d.battery, d.motion, d.imprecise, d.located_at
FROM (
  SELECT f.hashed_adv_key, f.bucket, (f.shown).location, f.last_report_at, (f.shown).confidence,
    (f.shown).horizontal_accuracy, (f.shown).status, (f.shown).source,
    -- The city of an imprecise hour is not used if the day has a precise hour.
    CASE WHEN (f.with_city).imprecise = (f.shown).imprecise THEN (f.with_city).nearest_city END AS nearest_city,
    CASE WHEN (f.with_city).imprecise = (f.shown).imprecise THEN (f.with_city).nearest_city_at END AS nearest_city_at,
    f.report_count, f.max_confidence, f.first_report_at, (f.shown).altitude, (f.shown).speed, (f.shown).course,
    (f.shown).battery, (f.shown).motion, (f.shown).imprecise,
    coalesce((f.shown).located_at, (f.shown).last_report_at) AS located_at
  FROM (
    SELECT h.hashed_adv_key, date_trunc('day', h.bucket, 'UTC') AS bucket,
      max(h.last_report_at)::timestamptz(3) AS last_report_at,
      (array_agg(h ORDER BY h.imprecise, h.bucket DESC))[1] AS shown,
      (array_agg(h ORDER BY h.imprecise, h.bucket DESC) FILTER (WHERE h.nearest_city IS NOT NULL))[1] AS with_city,
      sum(h.report_count)::bigint AS report_count, max(h.max_confidence) AS max_confidence,
      min(h.first_report_at) AS first_report_at
    FROM location_history_hourly AS h WHERE h.bucket >= (SELECT cut FROM history_state)
    GROUP BY 1, 2
  ) AS f
  UNION ALL
  SELECT hashed_adv_key, bucket, location, last_report_at, confidence, horizontal_accuracy, status, source,
    nearest_city, nearest_city_at, report_count, max_confidence, first_report_at, altitude, speed, course, battery, motion,
    imprecise, located_at
  FROM location_history_days WHERE bucket < (SELECT cut FROM history_state)
) AS d
LEFT JOIN geocoding_cells AS c
  ON c.latitude_e2 = cell_of(ST_Y(d.location)) AND c.longitude_e2 = cell_of(ST_X(d.location));

-- Every raw report as a history row; there are none below the horizon. A separate view, because the planner can read it
-- in index order and stop early, but not a UNION.
CREATE OR REPLACE VIEW raw_history AS
SELECT r.hashed_adv_key, r.timestamp, 'raw' AS bucket_size, r.location,
  shown_city(r.nearest_city, CASE WHEN r.nearest_city IS NOT NULL THEN r.timestamp END, r.timestamp,
    c.provider, c.nearest_city) AS nearest_city,
  r.timestamp AS last_report_at, r.timestamp AS first_report_at, 1::bigint AS report_count, r.confidence,
  r.confidence AS max_confidence, r.horizontal_accuracy, r.status, r.source, r.altitude, r.speed, r.course, r.battery,
  r.motion, r.imprecise, r.timestamp AS located_at
FROM location_reports AS r
LEFT JOIN geocoding_cells AS c
  ON c.latitude_e2 = cell_of(ST_Y(r.location)) AND c.longitude_e2 = cell_of(ST_X(r.location));

-- Raw reports from the horizon on, days before it.
CREATE OR REPLACE VIEW history_in_reports AS
SELECT r.* FROM raw_history AS r
UNION ALL
SELECT d.* FROM history_in_days AS d WHERE d.timestamp < (SELECT closed_before FROM history_state);

-- The newest row of each tracker that has history, by index look-ups: its newest hour, or its newest day if it has no
-- hour.
CREATE OR REPLACE VIEW latest_locations AS
SELECT history_row_id(t.id, h.bucket_size, h.bucket) AS id, t.id AS tracker_id, h.bucket AS timestamp, h.bucket_size,
  h.location, shown_city(h.nearest_city, h.nearest_city_at, h.located_at, c.provider, c.nearest_city) AS nearest_city,
  h.last_report_at, h.first_report_at, h.report_count, h.confidence, h.max_confidence, h.horizontal_accuracy, h.status,
  h.source, h.altitude, h.speed, h.course, h.battery, h.motion, h.imprecise, h.located_at
FROM trackers AS t
LEFT JOIN LATERAL (
  SELECT max(hour.bucket) AS bucket FROM location_history_hourly AS hour
  WHERE hour.hashed_adv_key = t.hashed_adv_key AND hour.bucket >= (SELECT cut FROM history_state)
) AS newest_hour ON true
CROSS JOIN LATERAL (
  SELECT '1 hour' AS bucket_size, hour.bucket, hour.location, hour.nearest_city, hour.nearest_city_at,
    hour.last_report_at, hour.first_report_at, hour.report_count, hour.confidence, hour.max_confidence,
    hour.horizontal_accuracy, hour.status, hour.source, hour.altitude, hour.speed, hour.course, hour.battery,
    hour.motion, hour.imprecise, coalesce(hour.located_at, hour.last_report_at) AS located_at
  FROM location_history_hourly AS hour
  WHERE hour.hashed_adv_key = t.hashed_adv_key AND hour.bucket = newest_hour.bucket
  UNION ALL
  SELECT '1 day', day.bucket, day.location, day.nearest_city, day.nearest_city_at,
    day.last_report_at, day.first_report_at, day.report_count, day.confidence, day.max_confidence,
    day.horizontal_accuracy, day.status, day.source, day.altitude, day.speed, day.course, day.battery,
    day.motion, day.imprecise, day.located_at
  FROM location_history_days AS day
  WHERE newest_hour.bucket IS NULL AND day.hashed_adv_key = t.hashed_adv_key
    AND day.bucket = newest_day(t.hashed_adv_key, (SELECT cut FROM history_state))
) AS h
LEFT JOIN geocoding_cells AS c
  ON c.latitude_e2 = cell_of(ST_Y(h.location)) AND c.longitude_e2 = cell_of(ST_X(h.location));

-- The hours of one day of a tracker, computed from its raw reports: the rows that history_in_hours contained before the
-- cut moved past that day.
CREATE OR REPLACE FUNCTION hours_from_reports(key text, day timestamptz) RETURNS SETOF history_in_hours
LANGUAGE sql STABLE AS $$
  SELECT s.hashed_adv_key, s.bucket, '1 hour', s.location,
    shown_city(s.nearest_city, s.nearest_city_at, s.located_at, c.provider, c.nearest_city),
    s.last_report_at, s.first_report_at, s.report_count, s.confidence, s.max_confidence, s.horizontal_accuracy, s.status,
    s.source, s.altitude, s.speed, s.course, s.battery, s.motion, s.imprecise, s.located_at
  FROM summarize_reports((
    SELECT array_agg(r) FROM location_reports AS r
    WHERE r.hashed_adv_key = key AND r.timestamp >= day AND r.timestamp < day + interval '24 hours'), '1 hour') AS s
  LEFT JOIN geocoding_cells AS c
    ON c.latitude_e2 = cell_of(ST_Y(s.location)) AND c.longitude_e2 = cell_of(ST_X(s.location))
$$;

-- Lets a client that reads history page by page finish a day in hours if it began that day in hours, even if the cut
-- has moved past the day since. The parameters describe the last row of the client. Returns the day whose hours must be
-- computed from raw reports, or NULL if the stored rows suffice. Raises 72000 if the raw reports of that day are gone.
CREATE OR REPLACE FUNCTION day_to_end_in_hours(at timestamptz, bucket_size text, newest_first boolean) RETURNS timestamptz
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
DECLARE
  day timestamptz := date_trunc('day', at, 'UTC');
BEGIN
  IF bucket_size = '1 day' OR bucket_size = '1 hour' AND
     (at >= history_cut() OR at = CASE WHEN newest_first THEN day ELSE day + interval '23 hours' END) THEN
    RETURN NULL;
  END IF;
  IF day < history_horizon() THEN
    -- 72000 is "snapshot too old"; PostgreSQL 17 no longer has a name for it.
    RAISE EXCEPTION 'the hours of % are no longer available: its raw reports were removed', day USING ERRCODE = '72000';
  END IF;
  RETURN CASE bucket_size WHEN '1 hour' THEN day END;
END $$;
