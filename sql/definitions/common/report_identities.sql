-- Records the identities of the reports of a day when it is closed, in two steps: most of the work while others still
-- write, and the changes since then under the lock.
--
-- Locks: the rows of the day in report_identities.

-- Records the reports of a day. Returns for each key their number and a checksum of their times, so that
-- correct_identities() can detect changes.
CREATE OR REPLACE FUNCTION note_identities(of_day timestamptz, OUT keys text[], OUT counts bigint[], OUT digests bigint[])
LANGUAGE sql VOLATILE SET search_path FROM CURRENT SET timezone = 'UTC' AS $$
  WITH counted AS MATERIALIZED (
    SELECT r.hashed_adv_key, array_agg(milliseconds_of_day(r.timestamp)) AS milliseconds, count(*) AS reports,
      sum(timestamp_hash(r.timestamp::timestamp)) AS digest
    FROM location_reports AS r WHERE r.timestamp >= of_day AND r.timestamp < of_day + interval '24 hours' GROUP BY 1
  ), recorded AS (
    INSERT INTO report_identities (hashed_adv_key, day, milliseconds)
    SELECT c.hashed_adv_key, of_day, c.milliseconds FROM counted AS c
  )
  SELECT array_agg(c.hashed_adv_key), array_agg(c.reports), array_agg(c.digest) FROM counted AS c
$$;

-- Records the reports again for the keys whose reports have changed since. Complete, because the caller blocks writers
-- and runs in READ COMMITTED, so that this function sees every committed report.
--
-- Uses hash plans only, to keep the lock short: the planner does not know how many keys a day has.
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
  FULL JOIN unnest(keys, counts, digests) AS recorded (hashed_adv_key, reports, digest) USING (hashed_adv_key)
  WHERE present.reports IS DISTINCT FROM recorded.reports OR present.digest IS DISTINCT FROM recorded.digest;
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
