-- Records the number of reports that each day should have, separately from the reports, to detect losses: a dropped
-- chunk, an emptied aggregate, missing identities. A deletion by the product lowers the numbers in the same
-- transaction.
--
-- Locks: rows of history_days. hours_unlike_raw() and days_to_remember() take the advisory lock hours_unlike_raw,
-- recount_damaged_days() the advisory lock claim_late_reports.

-- Number of raw reports by day.
CREATE OR REPLACE FUNCTION raw_day_counts() RETURNS TABLE (day timestamptz, reports bigint) LANGUAGE sql STABLE AS $$
  SELECT date_trunc('day', r.timestamp, 'UTC'), count(*) FROM location_reports AS r
  WHERE r.timestamp >= history_horizon() GROUP BY 1
$$;

-- Number of stored reports and identities by day. Reads all days: about a second for ten million rows.
CREATE OR REPLACE FUNCTION counted_days() RETURNS TABLE (day timestamptz, reports bigint, identities bigint)
LANGUAGE sql STABLE AS $$
  SELECT coalesce(c.bucket, i.day), coalesce(c.reports, 0)::bigint, coalesce(i.identities, 0)::bigint
  FROM (SELECT d.bucket, sum(d.reports) AS reports FROM closed_day_counts() AS d GROUP BY 1) AS c
  FULL JOIN (SELECT r.day, sum(cardinality(r.milliseconds)) AS identities FROM report_identities AS r GROUP BY 1) AS i
    ON i.day = c.bucket
  UNION ALL
  SELECT r.day, r.reports, 0 FROM raw_day_counts() AS r
$$;

-- Records new days, and the number of days that have more reports now. Skips a number that changed during the count;
-- the next call updates it.
CREATE OR REPLACE FUNCTION note_history_days() RETURNS void LANGUAGE sql AS $$
  WITH recorded AS MATERIALIZED (
    SELECT n.day, n.reports, n.identities FROM history_days AS n
  ), counted AS MATERIALIZED (
    SELECT c.day, c.reports, c.identities FROM counted_days() AS c
  ), added AS (
    INSERT INTO history_days (day, reports, identities)
    SELECT c.day, c.reports, c.identities FROM counted AS c WHERE c.day NOT IN (SELECT n.day FROM recorded AS n)
    ON CONFLICT (day) DO NOTHING
  )
  UPDATE history_days AS h
  SET reports = greatest(h.reports, c.reports), identities = greatest(h.identities, c.identities)
  FROM counted AS c JOIN recorded AS n USING (day)
  WHERE h.day = c.day AND h.reports = n.reports AND h.identities = n.identities
    AND (c.reports > h.reports OR c.identities > h.identities)
$$;

-- Days with missing reports, by layer.
CREATE OR REPLACE FUNCTION missing_reports() RETURNS TABLE (day timestamptz, layer text, expected bigint, found bigint)
LANGUAGE sql STABLE AS $$
  SELECT n.day, m.layer, m.expected, m.found
  FROM history_days AS n
  LEFT JOIN counted_days() AS c USING (day)
  CROSS JOIN LATERAL (VALUES
    (CASE WHEN n.day < history_horizon() THEN 'daily' ELSE 'raw' END, n.reports, coalesce(c.reports, 0)),
    ('identities', n.identities, coalesce(c.identities, 0))
  ) AS m (layer, expected, found)
  WHERE m.found < m.expected AND n.day >= history_floor()
  ORDER BY 1, 2
$$;

-- Whether a day has changes that are not aggregated yet.
CREATE OR REPLACE FUNCTION day_is_waiting(of_day timestamptz) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT FROM refresh_markers AS m WHERE m.from_time < of_day + interval '24 hours' AND m.to_time >= of_day)
$$;

-- Days whose daily history has a different number of reports than the raw reports, although no change is pending.
-- Excludes today, whose row is not computed at every change.
CREATE OR REPLACE FUNCTION days_unlike_raw() RETURNS TABLE (day timestamptz, reports bigint, counted bigint)
LANGUAGE sql STABLE AS $$
  SELECT day, coalesce(raw.reports, 0), coalesce(daily.reports, 0)
  FROM raw_day_counts() AS raw
  FULL JOIN (SELECT d.bucket AS day, sum(d.report_count)::bigint AS reports FROM location_history_daily AS d
    WHERE d.bucket >= history_horizon() GROUP BY 1) AS daily USING (day)
  WHERE day < midnight_before(0) AND coalesce(raw.reports, 0) <> coalesce(daily.reports, 0) AND NOT day_is_waiting(day)
$$;

-- The same for hours. apply_aggregate_retention() drops chunks of hours and locks them in another order than a query;
-- both take an advisory lock first, to prevent a deadlock.
CREATE OR REPLACE FUNCTION hours_unlike_raw() RETURNS TABLE (day timestamptz, reports bigint, counted bigint)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
#variable_conflict use_column
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('hours_unlike_raw', 0));
  RETURN QUERY
    SELECT day, coalesce(raw.reports, 0), coalesce(hourly.reports, 0)
    FROM raw_day_counts() AS raw
    FULL JOIN (SELECT date_trunc('day', h.bucket, 'UTC') AS day, sum(h.report_count)::bigint AS reports
      FROM location_history_hourly AS h WHERE h.bucket >= history_cut() GROUP BY 1) AS hourly USING (day)
    WHERE day >= history_cut() AND coalesce(raw.reports, 0) <> coalesce(hourly.reports, 0) AND NOT day_is_waiting(day);
END $$;

-- The number of reports that each day should have now: the recorded or the aggregated number, whichever is higher.
CREATE OR REPLACE FUNCTION days_to_remember() RETURNS TABLE (day timestamptz, reports bigint)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
#variable_conflict use_column
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('hours_unlike_raw', 0));
  RETURN QUERY
    SELECT n.day, max(n.reports) FROM (
      SELECT h.day, h.reports FROM history_days AS h
      UNION ALL
      SELECT d.bucket, sum(d.report_count)::bigint FROM location_history_daily AS d WHERE d.bucket >= history_horizon() GROUP BY 1
      UNION ALL
      SELECT date_trunc('day', h.bucket, 'UTC'), sum(h.report_count)::bigint FROM location_history_hourly AS h
      WHERE h.bucket >= history_cut() GROUP BY 1
    ) AS n GROUP BY n.day;
END $$;

-- Adjusts the recorded numbers of days after late reports were merged or reports were deleted. Does not add reports
-- that were expected to be counted again (column recounted).
CREATE OR REPLACE FUNCTION change_history_days(days timestamptz[], report_changes bigint[], identity_changes bigint[])
RETURNS void LANGUAGE sql AS $$
  UPDATE history_days AS h
  SET reports = greatest(0, h.reports + c.reports - least(h.recounted, greatest(0, c.reports))),
    identities = greatest(0, h.identities + c.identities - least(h.recounted, greatest(0, c.identities))),
    recounted = h.recounted - least(h.recounted, greatest(0, c.reports))
  FROM (
    SELECT u.day, sum(u.reports)::bigint AS reports, sum(u.identities)::bigint AS identities
    FROM unnest(days, report_changes, identity_changes) AS u (day, reports, identities) GROUP BY 1
  ) AS c
  WHERE h.day = c.day
$$;

-- Deletes the identities of these days of trackers, so that each report counts once more when it is imported again.
CREATE OR REPLACE FUNCTION forget_identities(keys text[], days timestamptz[]) RETURNS void LANGUAGE sql AS $$
  WITH deleted AS (
    DELETE FROM report_identities AS i USING unnest(keys, days) AS u (key, day)
    WHERE i.hashed_adv_key = u.key AND i.day = u.day RETURNING i.day, cardinality(i.milliseconds) AS n
  )
  UPDATE history_days AS h SET recounted = h.recounted + f.n
  FROM (SELECT d.day, sum(d.n)::bigint AS n FROM deleted AS d GROUP BY 1) AS f WHERE h.day = f.day
$$;

-- Records the number of reports of a day when it is closed. Keeps a higher recorded number: then reports were lost.
CREATE OR REPLACE FUNCTION note_closed_day(closed_day timestamptz) RETURNS void LANGUAGE sql AS $$
  INSERT INTO history_days AS h (day, reports, identities)
  SELECT closed_day, n, n FROM (
    SELECT coalesce(sum(cardinality(i.milliseconds)), 0) AS n FROM report_identities AS i WHERE i.day = closed_day) AS counted
  ON CONFLICT (day) DO UPDATE
    SET reports = greatest(h.reports, excluded.reports), identities = greatest(h.identities, excluded.identities)
$$;

-- Days with fewer raw reports than recorded.
CREATE OR REPLACE FUNCTION missing_raw_reports() RETURNS TABLE (day timestamptz, expected bigint, found bigint)
LANGUAGE sql STABLE AS $$
  SELECT n.day, n.reports, coalesce(r.reports, 0)
  FROM history_days AS n LEFT JOIN raw_day_counts() AS r USING (day)
  WHERE n.day >= history_horizon() AND coalesce(r.reports, 0) < n.reports
$$;

-- Raw reports may be deleted by hand: afterwards a day should have the reports that remain, plus those missing before.
-- (TimescaleDB does not pass deleted rows to triggers.)
CREATE OR REPLACE FUNCTION note_what_is_missing() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  PERFORM set_config('tracker.missing_before', coalesce((
    SELECT jsonb_object_agg(m.day::text, m.expected - m.found) FROM missing_raw_reports() AS m)::text, '{}'), true);
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER note_what_is_missing BEFORE DELETE ON location_reports FOR EACH STATEMENT
  WHEN (current_setting('tracker.notes_deletions', true) IS DISTINCT FROM 'on')
  EXECUTE FUNCTION note_what_is_missing();

-- SKIP LOCKED, so that two deletions do not wait for each other.
CREATE OR REPLACE FUNCTION note_hand_made_deletion() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  missing_before jsonb := current_setting('tracker.missing_before')::jsonb;
BEGIN
  UPDATE history_days AS h SET reports = m.found + coalesce((missing_before ->> m.day::text)::bigint, 0)
  FROM missing_raw_reports() AS m
  WHERE h.day = m.day AND h.day IN (
    SELECT n.day FROM history_days AS n WHERE n.day >= history_horizon() FOR UPDATE SKIP LOCKED);
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER note_hand_made_deletion AFTER DELETE ON location_reports FOR EACH STATEMENT
  WHEN (current_setting('tracker.notes_deletions', true) IS DISTINCT FROM 'on')
  EXECUTE FUNCTION note_hand_made_deletion();

-- Accepts losses: records the number of reports that each day has now.
CREATE OR REPLACE FUNCTION accept_missing_reports() RETURNS void LANGUAGE sql AS $$
  DELETE FROM history_days;
  SELECT note_history_days()
$$;

-- Days of trackers below the horizon with fewer reports than identities: history was deleted by hand.
CREATE OR REPLACE FUNCTION damaged_tracker_days() RETURNS TABLE (hashed_adv_key text, day timestamptz, expected bigint, found bigint)
LANGUAGE sql STABLE AS $$
  SELECT i.hashed_adv_key, i.day, cardinality(i.milliseconds)::bigint, coalesce(c.reports, 0)::bigint
  FROM report_identities AS i
  LEFT JOIN (
    SELECT d.hashed_adv_key, d.bucket, sum(d.reports) AS reports FROM closed_day_counts() AS d GROUP BY 1, 2
  ) AS c ON c.hashed_adv_key = i.hashed_adv_key AND c.bucket = i.day
  WHERE i.day < history_horizon() AND coalesce(c.reports, 0) < cardinality(i.milliseconds)
$$;

-- Prepares damaged days of trackers for another import: rows that remain get a report count of 0, and each report that
-- is imported again counts once, also on days without identities. Returns the number of reports to import, by day.
CREATE OR REPLACE FUNCTION recount_damaged_days() RETURNS TABLE (day timestamptz, reports bigint)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
  keys text[];
  days timestamptz[];
  expected bigint[];
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('claim_late_reports', 0)); -- blocks late reports
  SELECT array_agg(d.hashed_adv_key ORDER BY d.hashed_adv_key, d.day), array_agg(d.day ORDER BY d.hashed_adv_key, d.day),
    array_agg(d.expected ORDER BY d.hashed_adv_key, d.day) INTO keys, days, expected FROM damaged_tracker_days() AS d;
  IF keys IS NOT NULL THEN
    PERFORM forget_identities(keys, days);
    PERFORM uncount_days(keys, days);
    PERFORM mark_history_changed(min(u.day), max(u.day)) FROM unnest(days) AS u (day);
  END IF;
  UPDATE history_days AS h SET recounted = greatest(h.recounted, lost.reports)
  FROM (
    SELECT n.day, least(n.reports - coalesce(c.reports, 0), n.identities - coalesce(c.identities, 0)) AS reports
    FROM history_days AS n LEFT JOIN counted_days() AS c USING (day)
  ) AS lost
  WHERE lost.day = h.day AND h.day < history_horizon() AND lost.reports > 0;
  RETURN QUERY SELECT u.day, sum(u.n)::bigint FROM unnest(days, expected) AS u (day, n) GROUP BY 1 ORDER BY 1;
END $$;
