-- History rows by their ids: raw reports, hours, and days. Days from the cut on are aggregated from hours.
--
-- $1 bigint[]       tracker ids
-- $2 text[]         bucket sizes, or 'raw'
-- $3 timestamptz[]  starts of the buckets
--
-- Result: the columns of latest_locations, unordered; no row for an id that does not exist.
-- Locks: none.
WITH requested AS (
  SELECT DISTINCT t.id AS tracker_id, t.hashed_adv_key, a.bucket_size, a.bucket
  FROM unnest($1::bigint[], $2::text[], $3::timestamptz[]) AS a (tracker_id, bucket_size, bucket)
  JOIN trackers AS t ON t.id = a.tracker_id
), folded AS (
  SELECT a.tracker_id, a.bucket_size, a.bucket,
    (array_agg(h ORDER BY h.imprecise, h.bucket DESC))[1] AS shown,
    (array_agg(h ORDER BY h.imprecise, h.bucket DESC) FILTER (WHERE h.nearest_city IS NOT NULL))[1] AS with_city,
    max(h.last_report_at) AS last_report_at, min(h.first_report_at) AS first_report_at,
    sum(h.report_count) AS report_count, max(h.max_confidence) AS max_confidence
  FROM requested AS a JOIN location_history_hourly AS h ON h.hashed_adv_key = a.hashed_adv_key AND h.bucket >= a.bucket
    AND h.bucket < a.bucket + CASE a.bucket_size WHEN '1 hour' THEN interval '1 hour' ELSE interval '24 hours' END
  WHERE a.bucket_size <> 'raw' AND a.bucket >= (SELECT cut FROM history_state)
  GROUP BY 1, 2, 3
), found AS (
  SELECT f.tracker_id, f.bucket_size, f.bucket, (f.shown).location, f.last_report_at, f.first_report_at,
    f.report_count, (f.shown).confidence, f.max_confidence, (f.shown).horizontal_accuracy, (f.shown).status,
    (f.shown).source,
    -- The city of an imprecise hour is not used if the day has a precise hour.
    CASE WHEN (f.with_city).imprecise = (f.shown).imprecise THEN (f.with_city).nearest_city END AS nearest_city,
    CASE WHEN (f.with_city).imprecise = (f.shown).imprecise THEN (f.with_city).nearest_city_at END AS nearest_city_at,
    (f.shown).altitude, (f.shown).speed, (f.shown).course, (f.shown).battery, (f.shown).motion, (f.shown).imprecise,
    coalesce((f.shown).located_at, (f.shown).last_report_at) AS located_at
  FROM folded AS f
  UNION ALL
  SELECT a.tracker_id, a.bucket_size, a.bucket, d.location, d.last_report_at, d.first_report_at,
    d.report_count, d.confidence, d.max_confidence, d.horizontal_accuracy, d.status,
    d.source, d.nearest_city, d.nearest_city_at, d.altitude, d.speed, d.course, d.battery, d.motion, d.imprecise,
    d.located_at
  FROM requested AS a CROSS JOIN LATERAL (
    SELECT day.* FROM location_history_days AS day WHERE day.hashed_adv_key = a.hashed_adv_key AND day.bucket = a.bucket
  ) AS d
  WHERE a.bucket_size = '1 day' AND a.bucket < (SELECT cut FROM history_state)
)
SELECT history_row_id(f.tracker_id, f.bucket_size, f.bucket) AS id, f.tracker_id, f.bucket AS timestamp, f.bucket_size,
  f.location, shown_city(f.nearest_city, f.nearest_city_at, f.located_at, c.provider, c.nearest_city) AS nearest_city,
  f.last_report_at, f.first_report_at, f.report_count, f.confidence, f.max_confidence, f.horizontal_accuracy, f.status,
  f.source, f.altitude, f.speed, f.course, f.battery, f.motion, f.imprecise, f.located_at
FROM found AS f
LEFT JOIN geocoding_cells AS c
  ON c.latitude_e2 = cell_of(ST_Y(f.location)) AND c.longitude_e2 = cell_of(ST_X(f.location))
UNION ALL
SELECT history_row_id(a.tracker_id, r.bucket_size, r.timestamp), a.tracker_id, r.timestamp, r.bucket_size,
  r.location, r.nearest_city, r.last_report_at, r.first_report_at, r.report_count, r.confidence, r.max_confidence,
  r.horizontal_accuracy, r.status, r.source, r.altitude, r.speed, r.course, r.battery, r.motion, r.imprecise, r.located_at
FROM requested AS a JOIN raw_history AS r ON r.hashed_adv_key = a.hashed_adv_key AND r.timestamp = a.bucket
WHERE a.bucket_size = r.bucket_size
