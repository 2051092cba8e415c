-- Finds out which late reports (reports below the horizon) have never been counted, and notes them as counted.
--
-- Locks: the advisory lock claim_late_reports, to the end of the transaction; rows of report_identities and history_days.

-- A report as a row of location_reports, built by the names of the columns. ROW (...)::location_reports goes by their
-- order, which differs in a table that an earlier version made. Costs 1 µs more a report.
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

-- Notes which of these reports were never counted, and returns only those; of several at one instant of a tracker, the
-- first.
--
-- One transaction at a time in the whole database: two at once would both find a report new. Callers change what is above
-- the horizon before they call this, never after, so there are no deadlocks.
CREATE OR REPLACE FUNCTION claim_late_reports(reports location_reports[]) RETURNS location_reports[] LANGUAGE plpgsql AS $$
DECLARE
  fresh location_reports[];
  known_keys text[];
  known_days timestamptz[];
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('claim_late_reports', 0));

  -- If somebody removed the history of a day by hand, each of its reports counts again, once.
  SELECT array_agg(i.hashed_adv_key), array_agg(i.day) INTO known_keys, known_days FROM report_identities AS i
  WHERE (i.hashed_adv_key, i.day) IN (
    SELECT DISTINCT r.hashed_adv_key, date_trunc('day', r.timestamp, 'UTC') FROM unnest(reports) AS r);
  PERFORM forget_identities(array_agg(d.hashed_adv_key), array_agg(d.day))
  FROM days_without_history(known_keys, known_days) AS d HAVING count(*) > 0;

  SELECT array_agg(report) INTO fresh
  FROM (
    SELECT DISTINCT ON ((r).hashed_adv_key, (r).timestamp) r AS report, (r).hashed_adv_key,
      date_trunc('day', (r).timestamp, 'UTC') AS day, milliseconds_of_day((r).timestamp) AS ms
    FROM (SELECT r, row_number() OVER () AS place FROM unnest(reports) AS r) AS numbered
    ORDER BY (r).hashed_adv_key, (r).timestamp, place
  ) AS given
  -- Unnested once and joined: `ms = ANY (milliseconds)` would read the array of a whole day for every single report.
  WHERE (given.hashed_adv_key, given.day, given.ms) NOT IN (
    SELECT i.hashed_adv_key, i.day, unnest(i.milliseconds)
    FROM report_identities AS i
    WHERE (i.hashed_adv_key, i.day) IN (
      SELECT DISTINCT r.hashed_adv_key, date_trunc('day', r.timestamp, 'UTC') FROM unnest(reports) AS r)
  );

  INSERT INTO report_identities AS known (hashed_adv_key, day, milliseconds)
  SELECT r.hashed_adv_key, date_trunc('day', r.timestamp, 'UTC'), array_agg(milliseconds_of_day(r.timestamp))
  FROM unnest(fresh) AS r
  GROUP BY 1, 2 ORDER BY 1, 2
  ON CONFLICT (hashed_adv_key, day) DO UPDATE SET milliseconds = known.milliseconds || excluded.milliseconds;
  PERFORM change_history_days(array_agg(g.day), array_agg(g.n), array_agg(g.n)) FROM (
    SELECT date_trunc('day', r.timestamp, 'UTC') AS day, count(*) AS n FROM unnest(fresh) AS r GROUP BY 1 ORDER BY 1) AS g;
  RETURN fresh;
END $$;
