-- Finds the late reports (below the horizon) that were never counted, and records them as counted.
--
-- Locks: the advisory lock claim_late_reports, until the end of the transaction; rows of report_identities and
-- history_days.

-- Builds a row of location_reports by column name. ROW (...)::location_reports would depend on the column order, which
-- differs in a table that an earlier version created. Costs 1 µs more per report.
CREATE OR REPLACE FUNCTION make_report(
  hashed_adv_key text, reported_at timestamptz, location geo_point, confidence integer, horizontal_accuracy float8,
  status integer, nearest_city text, source text, received_at timestamptz, altitude float8, speed float8, course float8,
  battery integer, motion text, imprecise boolean)
RETURNS location_reports LANGUAGE plpgsql STABLE AS $$
DECLARE
  report location_reports;
BEGIN
  report.hashed_adv_key := hashed_adv_key;
  report.timestamp := reported_at;
  report.location := location;
  report.confidence := confidence;
  report.horizontal_accuracy := horizontal_accuracy;
  report.status := status;
  report.nearest_city := nearest_city;
  report.source := source;
  report.received_at := received_at;
  report.altitude := altitude;
  report.speed := speed;
  report.course := course;
  report.battery := battery;
  report.motion := motion;
  report.imprecise := imprecise;
  RETURN report;
END $$;

-- Milliseconds between midnight UTC and this time.
CREATE OR REPLACE FUNCTION milliseconds_of_day(moment timestamptz) RETURNS integer LANGUAGE sql STABLE PARALLEL SAFE
  RETURN (extract(epoch FROM moment - date_trunc('day', moment, 'UTC')) * 1000)::integer;

-- Records the reports that were never counted, and returns them; of several with the same tracker and time, the first.
--
-- Runs in one transaction at a time: two concurrent ones could both find a report new. To prevent deadlocks, callers
-- write everything above the horizon before this call, never after it.
CREATE OR REPLACE FUNCTION claim_late_reports(reports location_reports[]) RETURNS location_reports[] LANGUAGE plpgsql AS $$
DECLARE
  fresh location_reports[];
  recorded_keys text[];
  recorded_days timestamptz[];
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('claim_late_reports', 0));

  -- If the history of a day was deleted by hand, each of its reports may be counted once more.
  SELECT array_agg(i.hashed_adv_key), array_agg(i.day) INTO recorded_keys, recorded_days FROM report_identities AS i
  WHERE (i.hashed_adv_key, i.day) IN (
    SELECT DISTINCT r.hashed_adv_key, date_trunc('day', r.timestamp, 'UTC') FROM unnest(reports) AS r);
  PERFORM forget_identities(array_agg(d.hashed_adv_key), array_agg(d.day))
  FROM days_without_history(recorded_keys, recorded_days) AS d HAVING count(*) > 0;

  SELECT array_agg(report) INTO fresh
  FROM (
    SELECT DISTINCT ON ((r).hashed_adv_key, (r).timestamp) r AS report, (r).hashed_adv_key,
      date_trunc('day', (r).timestamp, 'UTC') AS day, milliseconds_of_day((r).timestamp) AS ms
    FROM (SELECT r, row_number() OVER () AS input_order FROM unnest(reports) AS r) AS numbered
    ORDER BY (r).hashed_adv_key, (r).timestamp, input_order
  ) AS candidate
  -- Unnested once: `ms = ANY (milliseconds)` would scan the array of a whole day for every report.
  WHERE (candidate.hashed_adv_key, candidate.day, candidate.ms) NOT IN (
    SELECT i.hashed_adv_key, i.day, unnest(i.milliseconds)
    FROM report_identities AS i
    WHERE (i.hashed_adv_key, i.day) IN (
      SELECT DISTINCT r.hashed_adv_key, date_trunc('day', r.timestamp, 'UTC') FROM unnest(reports) AS r)
  );

  INSERT INTO report_identities AS kept (hashed_adv_key, day, milliseconds)
  SELECT r.hashed_adv_key, date_trunc('day', r.timestamp, 'UTC'), array_agg(milliseconds_of_day(r.timestamp))
  FROM unnest(fresh) AS r
  GROUP BY 1, 2 ORDER BY 1, 2
  ON CONFLICT (hashed_adv_key, day) DO UPDATE SET milliseconds = kept.milliseconds || excluded.milliseconds;
  PERFORM change_history_days(array_agg(g.day), array_agg(g.n), array_agg(g.n)) FROM (
    SELECT date_trunc('day', r.timestamp, 'UTC') AS day, count(*) AS n FROM unnest(fresh) AS r GROUP BY 1 ORDER BY 1) AS g;
  RETURN fresh;
END $$;
