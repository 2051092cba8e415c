-- How reports make up the row of an hour or day, and how such rows are merged.
--
-- Locks: none.

-- Whether a row shows report a rather than report b: a precise one rather than an imprecise one, else the newer one. A
-- report without a time is older than all others. Rows can be merged in any order: whether reports are aggregated at
-- once, in parts or late, the row is the same.
CREATE OR REPLACE FUNCTION outranks(a_imprecise boolean, a_time timestamptz, b_imprecise boolean, b_time timestamptz)
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN a_imprecise <> b_imprecise THEN b_imprecise ELSE coalesce(a_time > b_time, a_time IS NOT NULL) END;

-- A row of an hour or day after further reports were added to it: what ON CONFLICT DO UPDATE stores where the row exists.
-- `kept` and `added` are rows of the same table; the shown report and its fields are those of the higher-ranking one.
--
-- Polymorphic, so that it serves each table that keeps such rows. A plain query, so that it is inlined. OFFSET 0 keeps the
-- planner from evaluating the two comparisons again for every column.
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

-- One row for each tracker and bucket of these reports, as an aggregate has it. `bucket_size` is '1 hour' or '1 day'. The
-- position is that of a real report, the newest precise one, or the newest if none is precise; an average would put a
-- tracker where it never was. The other fields of a report are those of the same one, and located_at is its time. A city
-- counts only if it is from a report as precise as that one. No two of the reports may be of one tracker at one time.
--
-- The shown reports are looked up by their time, which takes half as long as sorting whole reports. Without nested loops:
-- the planner expects ten rows of an array, and 20,000 times 20,000 is too much.
CREATE OR REPLACE FUNCTION summarize_reports(reports location_reports[], bucket_size text)
RETURNS TABLE (
  hashed_adv_key text, bucket timestamptz, location geo_point, last_report_at timestamptz, confidence smallint,
  horizontal_accuracy float8, status smallint, source text, nearest_city text, nearest_city_at timestamptz,
  report_count bigint, max_confidence smallint, first_report_at timestamptz, altitude float8, speed float8,
  course float8, battery smallint, motion text, imprecise boolean, located_at timestamptz
)
LANGUAGE sql STABLE SET enable_nestloop = off AS $$
  WITH given AS MATERIALIZED (SELECT * FROM unnest(reports))
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
    FROM given AS r
    GROUP BY 1, 2
  ) AS g
  JOIN given AS shown
    ON shown.hashed_adv_key = g.hashed_adv_key AND shown.timestamp = g.located_at
  LEFT JOIN given AS with_city
    ON with_city.nearest_city IS NOT NULL AND with_city.hashed_adv_key = g.hashed_adv_key AND with_city.timestamp = g.last_city_at
$$;
