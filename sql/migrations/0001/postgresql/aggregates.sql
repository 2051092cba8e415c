-- The aggregates of the postgresql engine: tables that are kept at commit, one partition a bucket size. All columns
-- merge without the reports behind them, because those are gone after two days.
CREATE TABLE location_history_rollups (
  hashed_adv_key text COLLATE "C" NOT NULL,
  bucket timestamptz NOT NULL,
  location geo_point NOT NULL,
  last_report_at timestamptz(3) NOT NULL,
  confidence smallint,
  horizontal_accuracy float8,
  status smallint,
  source text NOT NULL,
  nearest_city text,
  nearest_city_at timestamptz(3), -- time of the report that brought nearest_city
  report_count bigint NOT NULL,
  max_confidence smallint,
  first_report_at timestamptz(3) NOT NULL,
  bucket_size text NOT NULL,
  PRIMARY KEY (hashed_adv_key, bucket, bucket_size)
) PARTITION BY LIST (bucket_size);

-- Half-filled pages keep almost every update on its page (HOT), also where a burst of old hours comes in.
CREATE TABLE location_history_hourly PARTITION OF location_history_rollups FOR VALUES IN ('1 hour')
  WITH (fillfactor = 50);
CREATE TABLE location_history_daily PARTITION OF location_history_rollups FOR VALUES IN ('1 day')
  WITH (fillfactor = 50);
-- Retention and "the most recent of all" go by time. Never index a column that changes: it would end HOT.
CREATE INDEX location_history_hourly_bucket ON location_history_hourly (bucket DESC);
CREATE INDEX location_history_daily_bucket ON location_history_daily (bucket DESC);

-- Adds reports that were never counted before to the aggregates: to their hours from the cut on, and to their days.
--
-- Lock order, for all who write aggregates: by tracker, a tracker's days before its hours. So nobody deadlocks, and
-- whoever holds the row of a day holds the hours of that day as well.
--
-- Days are folded from their hours, which are fewer than the reports. Without nested loops as in summarize_reports().
CREATE FUNCTION add_to_aggregates(reports location_reports[]) RETURNS void
LANGUAGE sql SET enable_nestloop = off AS $$
  WITH hours AS MATERIALIZED (
    SELECT * FROM summarize_reports(reports, '1 hour')
  ), days AS (
    SELECT g.hashed_adv_key, g.bucket, newest.location, g.last_report_at, newest.confidence,
      newest.horizontal_accuracy, newest.status, newest.source, with_city.nearest_city, with_city.nearest_city_at,
      g.report_count, g.max_confidence, g.first_report_at
    FROM (
      SELECT h.hashed_adv_key, date_trunc('day', h.bucket, 'UTC') AS bucket, max(h.last_report_at) AS last_report_at,
        max(h.nearest_city_at) AS last_city_at, sum(h.report_count)::bigint AS report_count,
        max(h.max_confidence) AS max_confidence, min(h.first_report_at) AS first_report_at
      FROM hours AS h GROUP BY 1, 2
    ) AS g
    JOIN hours AS newest ON newest.hashed_adv_key = g.hashed_adv_key AND newest.last_report_at = g.last_report_at
    LEFT JOIN hours AS with_city
      ON with_city.hashed_adv_key = g.hashed_adv_key AND with_city.nearest_city_at = g.last_city_at
  )
  INSERT INTO location_history_rollups AS kept
  SELECT s.* FROM (
    SELECT d.*, '1 day' AS bucket_size FROM days AS d
    UNION ALL
    SELECT h.*, '1 hour' FROM hours AS h WHERE h.bucket >= (SELECT history_cut()) -- asked once
  ) AS s
  ORDER BY s.hashed_adv_key, s.bucket_size, s.bucket
  ON CONFLICT (hashed_adv_key, bucket, bucket_size) DO UPDATE SET
    location = CASE WHEN excluded.last_report_at > kept.last_report_at THEN excluded.location ELSE kept.location END,
    confidence = CASE WHEN excluded.last_report_at > kept.last_report_at THEN excluded.confidence ELSE kept.confidence END,
    horizontal_accuracy = CASE WHEN excluded.last_report_at > kept.last_report_at
      THEN excluded.horizontal_accuracy ELSE kept.horizontal_accuracy END,
    status = CASE WHEN excluded.last_report_at > kept.last_report_at THEN excluded.status ELSE kept.status END,
    source = CASE WHEN excluded.last_report_at > kept.last_report_at THEN excluded.source ELSE kept.source END,
    last_report_at = greatest(kept.last_report_at, excluded.last_report_at),
    nearest_city = CASE WHEN kept.nearest_city_at IS NULL OR excluded.nearest_city_at > kept.nearest_city_at
      THEN excluded.nearest_city ELSE kept.nearest_city END,
    nearest_city_at = greatest(kept.nearest_city_at, excluded.nearest_city_at),
    report_count = kept.report_count + excluded.report_count,
    max_confidence = greatest(kept.max_confidence, excluded.max_confidence),
    first_report_at = least(kept.first_report_at, excluded.first_report_at)
$$;

-- Computes days of trackers anew from their raw reports; `keys` and `days` are different pairs, days at or above the
-- horizon.
CREATE FUNCTION recompute_tracker_days(keys text[], days timestamptz[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  held bigint;
  batch location_reports[];
BEGIN
  -- First hold the row of every day against all others, in the order they lock in. What follows are later statements,
  -- which see all that was committed while we waited. Three things count here:
  -- a day that has no row gets one to hold, else who makes it between two of our statements is counted by both of us;
  -- the row stays the same row until the end: who waits for one that is deleted and made again holds nothing;
  -- and where that has happened, because a day lost its last report, all are held once more.
  LOOP
    INSERT INTO location_history_daily
      (hashed_adv_key, bucket, bucket_size, location, last_report_at, source, report_count, first_report_at)
    SELECT u.key, u.day, '1 day', make_geo_point(0, 0), '-infinity', '', 0, 'infinity'
    FROM unnest(keys, days) AS u (key, day)
    WHERE NOT EXISTS (SELECT FROM location_history_daily AS d WHERE d.hashed_adv_key = u.key AND d.bucket = u.day)
    ORDER BY u.key, u.day
    ON CONFLICT DO NOTHING;
    SELECT count(*) INTO held FROM (
      SELECT FROM location_history_daily WHERE (hashed_adv_key, bucket) IN (SELECT * FROM unnest(keys, days))
      ORDER BY hashed_adv_key, bucket FOR UPDATE
    ) AS locked;
    EXIT WHEN held = cardinality(keys);
  END LOOP;

  -- Then empty them, and add what there is.
  UPDATE location_history_daily AS d
    SET last_report_at = '-infinity', nearest_city = NULL, nearest_city_at = NULL, report_count = 0,
      max_confidence = NULL, first_report_at = 'infinity'
    FROM unnest(keys, days) AS u (key, day) WHERE d.hashed_adv_key = u.key AND d.bucket = u.day;
  DELETE FROM location_history_hourly AS h USING unnest(keys, days) AS u (key, day)
    WHERE h.hashed_adv_key = u.key AND h.bucket >= u.day AND h.bucket < u.day + interval '24 hours';
  FOR batch IN
    SELECT array_agg(report) FROM (
      SELECT r AS report, (row_number() OVER (ORDER BY r.hashed_adv_key, r.timestamp) - 1) / 20000 AS chunk
      FROM unnest(keys, days) AS u (key, day)
      JOIN location_reports AS r
        ON r.hashed_adv_key = u.key AND r.timestamp >= u.day AND r.timestamp < u.day + interval '24 hours'
    ) AS numbered GROUP BY chunk ORDER BY chunk
  LOOP
    PERFORM add_to_aggregates(batch);
  END LOOP;
  DELETE FROM location_history_daily AS d USING unnest(keys, days) AS u (key, day)
    WHERE d.hashed_adv_key = u.key AND d.bucket = u.day AND d.report_count = 0;
END $$;
