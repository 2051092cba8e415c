-- The history of one tracker in days of a time zone.
--
-- Locks: none.

-- The first moment of a day in a time zone. If clocks are set back across midnight, midnight occurs twice: the first
-- one is used, so that each moment belongs to the date that clocks show.
CREATE OR REPLACE FUNCTION zone_day_start(day date, zone text) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN ((day::timestamp AT TIME ZONE zone - interval '1 hour') AT TIME ZONE zone)::date = day
  THEN day::timestamp AT TIME ZONE zone - interval '1 hour' ELSE day::timestamp AT TIME ZONE zone END;

-- Days of one tracker in a time zone that overlap [range_start, range_end); rows as in history_in_days.
--
-- From the horizon on, days are aggregated from raw reports, and exact. Before it only UTC days exist: each is used for
-- the day of the same date. Every report is counted once; the day that contains the horizon may combine both. Raises
-- invalid_parameter_value if the server does not know the time zone.
CREATE OR REPLACE FUNCTION history_in_zone_days(key text, range_start timestamptz, range_end timestamptz, zone text)
RETURNS TABLE (
  starts_at timestamptz, ends_at timestamptz, is_exact boolean, location geo_point, nearest_city text,
  last_report_at timestamptz, first_report_at timestamptz, report_count bigint, confidence smallint,
  max_confidence smallint, horizontal_accuracy float8, status smallint, source text, altitude float8, speed float8,
  course float8, battery smallint, motion text, imprecise boolean, located_at timestamptz
)
LANGUAGE sql STABLE AS $$
  WITH parts AS MATERIALIZED (
    SELECT (d.bucket AT TIME ZONE 'UTC')::date AS day, d.location, d.last_report_at, d.first_report_at, d.report_count,
      d.confidence, d.max_confidence, d.horizontal_accuracy, d.status, d.source, d.nearest_city, d.nearest_city_at,
      true AS is_utc_day, d.altitude, d.speed, d.course, d.battery, d.motion, d.imprecise, d.located_at
    FROM location_history_days AS d
    WHERE d.hashed_adv_key = key AND d.bucket < (SELECT closed_before FROM history_state)
      AND d.bucket > range_start - interval '48 hours' AND d.bucket < range_end + interval '24 hours'
    UNION ALL
    SELECT (r.timestamp AT TIME ZONE zone)::date, r.location, r.timestamp, r.timestamp, 1, r.confidence, r.confidence,
      r.horizontal_accuracy, r.status, r.source, r.nearest_city,
      CASE WHEN r.nearest_city IS NOT NULL THEN r.timestamp END, false, r.altitude, r.speed, r.course, r.battery,
      r.motion, r.imprecise, r.timestamp
    FROM location_reports AS r
    WHERE r.hashed_adv_key = key AND r.timestamp >= (SELECT closed_before FROM history_state)
      AND r.timestamp > range_start - interval '48 hours' AND r.timestamp < range_end + interval '48 hours'
  ), days AS (
    SELECT p.day, zone_day_start(p.day, zone) AS starts_at, zone_day_start(p.day + 1, zone) AS ends_at,
      sum(p.report_count)::bigint AS report_count, max(p.max_confidence) AS max_confidence,
      min(p.first_report_at) AS first_report_at, max(p.last_report_at) AS last_report_at,
      bool_or(p.is_utc_day) AS has_utc_day
    FROM parts AS p GROUP BY p.day
  )
  SELECT d.starts_at, d.ends_at,
    -- Exact: the day equals a UTC day, or all its raw reports are kept.
    d.starts_at = d.day::timestamp AT TIME ZONE 'UTC' AND d.ends_at = (d.day + 1)::timestamp AT TIME ZONE 'UTC'
      OR NOT d.has_utc_day AND d.starts_at >= (SELECT closed_before FROM history_state),
    shown.location,
    shown_city(city.nearest_city, city.nearest_city_at, shown.located_at, c.provider, c.nearest_city),
    d.last_report_at, d.first_report_at, d.report_count, shown.confidence, d.max_confidence,
    shown.horizontal_accuracy, shown.status, shown.source, shown.altitude, shown.speed, shown.course, shown.battery,
    shown.motion, shown.imprecise, shown.located_at
  FROM days AS d
  JOIN (
    SELECT DISTINCT ON (p.day) p.* FROM parts AS p ORDER BY p.day, p.imprecise, p.located_at DESC
  ) AS shown USING (day)
  LEFT JOIN (
    SELECT DISTINCT ON (p.day, p.imprecise) p.day, p.imprecise, p.nearest_city, p.nearest_city_at FROM parts AS p
    WHERE p.nearest_city_at IS NOT NULL ORDER BY p.day, p.imprecise, p.nearest_city_at DESC
  ) AS city ON city.day = d.day AND city.imprecise = shown.imprecise
  LEFT JOIN geocoding_cells AS c
    ON c.latitude_e2 = cell_of(ST_Y(shown.location)) AND c.longitude_e2 = cell_of(ST_X(shown.location))
  WHERE d.ends_at > range_start AND d.starts_at < range_end
$$;
