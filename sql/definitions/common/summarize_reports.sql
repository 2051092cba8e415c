-- Aggregates reports into rows of hours and days, and merges such rows.
--
-- Locks: none.

-- Whether a row shows report a rather than report b: the precise one, or the newer one if both are precise or
-- imprecise. A report without a time is older than all others. Rows can be merged in any order, with the same result.
CREATE OR REPLACE FUNCTION outranks(a_imprecise boolean, a_time timestamptz, b_imprecise boolean, b_time timestamptz)
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN a_imprecise <> b_imprecise THEN b_imprecise ELSE coalesce(a_time > b_time, a_time IS NOT NULL) END;

-- Merges two rows of an hour or day, for ON CONFLICT DO UPDATE: the stored row `kept`, and `added` with further
-- reports. Both are rows of the same table. The merged row shows the report of the row that outranks the other.
--
-- Polymorphic, so that it works for every table with such rows. A plain query, so that it is inlined. OFFSET 0 prevents
-- the planner from repeating the two comparisons for every column.
CREATE OR REPLACE FUNCTION merge_history_rows(kept anyelement, added anyelement)
RETURNS TABLE (
  location geo_point, last_report_at timestamptz, confidence smallint, horizontal_accuracy float8, status smallint,
  source text, nearest_city text, nearest_city_at timestamptz, report_count bigint, max_confidence smallint,
  first_report_at timestamptz, altitude float8, speed float8, course float8, battery smallint, motion text,
  imprecise boolean, located_at timestamptz
)
LANGUAGE sql IMMUTABLE AS $$
  SELECT
    CASE WHEN rank.report_wins THEN added.location ELSE kept.location END,
    greatest(kept.last_report_at, added.last_report_at),
    CASE WHEN rank.report_wins THEN added.confidence ELSE kept.confidence END,
    CASE WHEN rank.report_wins THEN added.horizontal_accuracy ELSE kept.horizontal_accuracy END,
    CASE WHEN rank.report_wins THEN added.status ELSE kept.status END,
    CASE WHEN rank.report_wins THEN added.source ELSE kept.source END,
    CASE WHEN rank.city_wins THEN added.nearest_city ELSE kept.nearest_city END,
    CASE WHEN rank.city_wins THEN added.nearest_city_at ELSE kept.nearest_city_at END,
    kept.report_count + added.report_count,
    greatest(kept.max_confidence, added.max_confidence),
    least(kept.first_report_at, added.first_report_at),
    CASE WHEN rank.report_wins THEN added.altitude ELSE kept.altitude END,
    CASE WHEN rank.report_wins THEN added.speed ELSE kept.speed END,
    CASE WHEN rank.report_wins THEN added.course ELSE kept.course END,
    CASE WHEN rank.report_wins THEN added.battery ELSE kept.battery END,
    CASE WHEN rank.report_wins THEN added.motion ELSE kept.motion END,
    kept.imprecise AND added.imprecise,
    CASE WHEN rank.report_wins THEN added.located_at ELSE rank.kept_located_at END
  FROM (
    SELECT kept_located_at,
      outranks(added.imprecise, added.located_at, kept.imprecise, kept_located_at) AS report_wins,
      outranks(added.imprecise, added.nearest_city_at, kept.imprecise, kept.nearest_city_at) AS city_wins
    -- Rows of 0.1.0 have no located_at.
    FROM (SELECT coalesce(kept.located_at, kept.last_report_at) AS kept_located_at) AS shown OFFSET 0
  ) AS rank
$$;

-- Aggregates reports into one row for each tracker and bucket. `bucket_size` is '1 hour' or '1 day'. A row shows a
-- single report, the newest precise one, or the newest if none is precise: its position, its telemetry, and its time as
-- located_at. An average would be a position where the tracker never was. The city is the newest one of the reports
-- that are as precise as the shown one. Two reports of a tracker must not have the same time.
--
-- The shown report is joined by its time, which takes half as long as sorting whole reports. Without nested loops,
-- because the planner expects ten rows of an array, and 20,000 times 20,000 is too much.
CREATE OR REPLACE FUNCTION summarize_reports(reports location_reports[], bucket_size text)
RETURNS TABLE (
  hashed_adv_key text, bucket timestamptz, location geo_point, last_report_at timestamptz, confidence smallint,
  horizontal_accuracy float8, status smallint, source text, nearest_city text, nearest_city_at timestamptz,
  report_count bigint, max_confidence smallint, first_report_at timestamptz, altitude float8, speed float8,
  course float8, battery smallint, motion text, imprecise boolean, located_at timestamptz
)
LANGUAGE sql STABLE SET enable_nestloop = off AS $$
  WITH unnested AS MATERIALIZED (SELECT * FROM unnest(reports))
  SELECT g.hashed_adv_key, g.bucket, shown.location, g.last_report_at, shown.confidence,
    shown.horizontal_accuracy, shown.status, shown.source, with_city.nearest_city, with_city.timestamp,
    g.report_count, g.max_confidence, g.first_report_at, shown.altitude, shown.speed, shown.course, shown.battery,
    shown.motion, shown.imprecise, shown.timestamp
  FROM (
    SELECT r.hashed_adv_key,
      date_trunc(CASE bucket_size WHEN '1 hour' THEN 'hour' ELSE 'day' END, r.timestamp, 'UTC') AS bucket,
      max(r.timestamp) AS last_report_at,
      coalesce(max(r.timestamp) FILTER (WHERE NOT r.imprecise), max(r.timestamp)) AS located_at,
      CASE WHEN bool_and(r.imprecise) THEN max(r.timestamp) FILTER (WHERE r.nearest_city IS NOT NULL)
        ELSE max(r.timestamp) FILTER (WHERE r.nearest_city IS NOT NULL AND NOT r.imprecise) END AS last_city_at,
      count(*) AS report_count, max(r.confidence) AS max_confidence, min(r.timestamp) AS first_report_at
    FROM unnested AS r
    GROUP BY 1, 2
  ) AS g
  JOIN unnested AS shown
    ON shown.hashed_adv_key = g.hashed_adv_key AND shown.timestamp = g.located_at
  LEFT JOIN unnested AS with_city
    ON with_city.nearest_city IS NOT NULL AND with_city.hashed_adv_key = g.hashed_adv_key AND with_city.timestamp = g.last_city_at
$$;
