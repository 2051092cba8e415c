-- Notes which reports of a day were counted, when the day is closed. In two parts: the long one while others still write,
-- and under the lock what has changed since.
--
-- Locks: the rows of the day in report_identities.

-- Notes the reports of a day. Returns for each key their number, and a sum over their times that changes with any of them:
-- enough to see later whether they are still the same.
CREATE OR REPLACE FUNCTION note_identities(of_day timestamptz, OUT keys text[], OUT counts bigint[], OUT digests bigint[])
LANGUAGE sql VOLATILE SET search_path FROM CURRENT SET timezone = 'UTC' AS $$
  WITH counted AS MATERIALIZED (
    SELECT r.hashed_adv_key, array_agg(milliseconds_of_day(r.timestamp)) AS milliseconds, count(*) AS reports,
      sum(timestamp_hash(r.timestamp::timestamp)) AS digest
    FROM location_reports AS r WHERE r.timestamp >= of_day AND r.timestamp < of_day + interval '24 hours' GROUP BY 1
  ), noted AS (
    INSERT INTO report_identities (hashed_adv_key, day, milliseconds)
    SELECT c.hashed_adv_key, of_day, c.milliseconds FROM counted AS c
  )
  SELECT array_agg(c.hashed_adv_key), array_agg(c.reports), array_agg(c.digest) FROM counted AS c
$$;

-- Notes them again for the keys whose reports have changed since. With writers kept out that is final: both functions see
-- what is committed when they begin (READ COMMITTED), so this one misses nothing.
--
-- Every millisecond under the lock counts, and the planner does not know how many keys a day has: so by hash only.
CREATE OR REPLACE FUNCTION correct_identities(of_day timestamptz, keys text[], counts bigint[], digests bigint[])
RETURNS void LANGUAGE plpgsql
SET search_path FROM CURRENT SET timezone = 'UTC' SET enable_sort = off SET enable_nestloop = off SET jit = off AS $$
DECLARE
  changed text[];
BEGIN
  SELECT array_agg(hashed_adv_key) INTO changed
  FROM (
    SELECT r.hashed_adv_key, count(*) AS reports, sum(timestamp_hash(r.timestamp::timestamp)) AS digest
    FROM location_reports AS r WHERE r.timestamp >= of_day AND r.timestamp < of_day + interval '24 hours' GROUP BY 1
  ) AS present
  FULL JOIN unnest(keys, counts, digests) AS noted (hashed_adv_key, reports, digest) USING (hashed_adv_key)
  WHERE present.reports IS DISTINCT FROM noted.reports OR present.digest IS DISTINCT FROM noted.digest;
  IF changed IS NULL THEN
    RETURN;
  END IF;
  DELETE FROM report_identities AS i WHERE i.day = of_day AND i.hashed_adv_key = ANY (changed);
  INSERT INTO report_identities (hashed_adv_key, day, milliseconds)
  SELECT r.hashed_adv_key, of_day, array_agg(milliseconds_of_day(r.timestamp))
  FROM location_reports AS r
  WHERE r.timestamp >= of_day AND r.timestamp < of_day + interval '24 hours' AND r.hashed_adv_key = ANY (changed)
  GROUP BY 1;
END $$;
