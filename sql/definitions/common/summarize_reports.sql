-- One row a tracker and bucket of the given reports: what an aggregate says of them. `bucket_size` is '1 hour' or
-- '1 day'. The position is always that of a real report, the newest; a mean would put a tracker where it never was.
-- No two of the reports are of one tracker at one time.
--
-- The newest ones are looked up by their time: that takes half as long as sorting whole reports. Without nested loops,
-- because the planner takes an array for ten rows, and 20,000 times 20,000 is too much.
CREATE OR REPLACE FUNCTION summarize_reports(reports location_reports[], bucket_size text)
RETURNS TABLE (
  hashed_adv_key text, bucket timestamptz, location geo_point, last_report_at timestamptz, confidence smallint,
  horizontal_accuracy float8, status smallint, source text, nearest_city text, nearest_city_at timestamptz,
  report_count bigint, max_confidence smallint, first_report_at timestamptz
)
LANGUAGE sql STABLE SET enable_nestloop = off AS $$
  WITH given AS MATERIALIZED (SELECT * FROM unnest(reports))
  SELECT g.hashed_adv_key, g.bucket, newest.location, newest.timestamp, newest.confidence,
    newest.horizontal_accuracy, newest.status, newest.source, with_city.nearest_city, with_city.timestamp,
    g.report_count, g.max_confidence, g.first_report_at
  FROM (
    SELECT r.hashed_adv_key,
      date_trunc(CASE bucket_size WHEN '1 hour' THEN 'hour' ELSE 'day' END, r.timestamp, 'UTC') AS bucket,
      max(r.timestamp) AS last_report_at,
      max(r.timestamp) FILTER (WHERE r.nearest_city IS NOT NULL) AS last_city_at,
      count(*) AS report_count, max(r.confidence) AS max_confidence, min(r.timestamp) AS first_report_at
    FROM given AS r
    GROUP BY 1, 2
  ) AS g
  JOIN given AS newest
    ON newest.hashed_adv_key = g.hashed_adv_key AND newest.timestamp = g.last_report_at
  LEFT JOIN given AS with_city
    ON with_city.nearest_city IS NOT NULL AND with_city.hashed_adv_key = g.hashed_adv_key AND with_city.timestamp = g.last_city_at
$$;
