-- Stores imported reports. In one transaction, the caller calls prepare_incoming_reports(), copies reports to
-- incoming_reports and the ones that it rejected itself to refused_reports, and calls ingest_reports(): reports above
-- the horizon are stored, late ones are merged into days, and every report gets an outcome.
--
-- Locks: location_reports in ROW EXCLUSIVE mode, so that the horizon does not move; the inserted rows in the order of
-- tracker and time; the locks of take_late_reports() if there are late reports; rows of trackers.

-- The reason to reject a report, or NULL. Values are not clamped or corrected: a wrong position is worse than none.
CREATE OR REPLACE FUNCTION rejection_reason(
  reported_at timestamptz, latitude float8, longitude float8, confidence integer, horizontal_accuracy float8,
  status integer, floor timestamptz, latest timestamptz, altitude float8 DEFAULT NULL, speed float8 DEFAULT NULL, course float8 DEFAULT NULL,
  battery integer DEFAULT NULL, motion text DEFAULT NULL)
RETURNS text LANGUAGE sql STABLE AS $$
  SELECT CASE
    WHEN NOT (latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180) THEN 'out_of_range'
    WHEN latitude = 0 AND longitude = 0 THEN 'null_island'
    WHEN confidence NOT BETWEEN 0 AND 255 OR status NOT BETWEEN 0 AND 255
      OR NOT is_possible_accuracy(horizontal_accuracy)
      OR altitude NOT BETWEEN -12000 AND 100000 OR speed NOT BETWEEN 0 AND 1000
      OR NOT (course >= 0 AND course < 360) OR battery NOT BETWEEN 0 AND 100
      OR motion NOT IN ('stationary', 'walking', 'running', 'cycling', 'driving') THEN 'out_of_range'
    WHEN reported_at > latest THEN 'future'
    WHEN reported_at < floor THEN 'older_than_retention'
  END
$$;

-- Ingests the reports in incoming_reports. Returns a row for each outcome: 'stored', 'late' (merged below the horizon),
-- 'duplicate', and the reasons of refused_reports; with the number of reports, and the first position of rejected ones.
-- The sum is the number of rows that both tables had. Afterwards refused_reports contains all rejected reports, and
-- taken_reports the numbers of each tracker. With `are_news`, sets last_report_received of the trackers.
CREATE OR REPLACE FUNCTION ingest_reports(are_news boolean DEFAULT true)
RETURNS TABLE (outcome text, reports bigint, first_position bigint)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  horizon timestamptz;
  floor timestamptz := history_floor(); -- read once, not for every report
  latest timestamptz := latest_report_time();
  above_horizon bigint;
  below_horizon bigint;
  max_accuracy float8 := nullif(max_accuracy_meters, 0) FROM history_state; -- as is_imprecise(), but read once
  stored bigint;
  late location_reports[];
  -- Sorted, so that two batches of the same trackers lock in the same order.
  store constant text := $sql$
    WITH fresh AS (
      INSERT INTO location_reports
        (hashed_adv_key, timestamp, location, confidence, horizontal_accuracy, status, nearest_city, source,
          altitude, speed, course, battery, motion, imprecise)
      SELECT i.hashed_adv_key, i.timestamp, make_geo_point(i.longitude, i.latitude), i.confidence,
        i.horizontal_accuracy, i.status, i.nearest_city, i.source,
        i.altitude, i.speed, i.course, i.battery, i.motion, coalesce(i.horizontal_accuracy > $2, false)
      FROM incoming_reports AS i WHERE i.timestamp >= $1
      ORDER BY i.hashed_adv_key, i.timestamp, i.position
      %s RETURNING hashed_adv_key
    )
    INSERT INTO taken_reports (hashed_adv_key, outcome, reports)
    SELECT f.hashed_adv_key, 'stored', count(*) FROM fresh AS f GROUP BY 1$sql$;
BEGIN
  PERFORM complete_incoming_reports();
  -- From here on the horizon cannot move, even if the whole batch is late.
  LOCK TABLE location_reports IN ROW EXCLUSIVE MODE;
  horizon := current_horizon();

  WITH invalid AS (
    DELETE FROM incoming_reports AS i
    WHERE rejection_reason(i.timestamp, i.latitude, i.longitude, i.confidence, i.horizontal_accuracy, i.status,
      floor, latest, i.altitude, i.speed, i.course, i.battery, i.motion) IS NOT NULL
    RETURNING i.*
  )
  INSERT INTO refused_reports (position, hashed_adv_key, timestamp, latitude, longitude, confidence, horizontal_accuracy,
    status, nearest_city, source, altitude, speed, course, battery, motion, reason)
  SELECT w.position, w.hashed_adv_key, w.timestamp, w.latitude, w.longitude, w.confidence, w.horizontal_accuracy,
    w.status, w.nearest_city, w.source, w.altitude, w.speed, w.course, w.battery, w.motion,
    rejection_reason(w.timestamp, w.latitude, w.longitude, w.confidence, w.horizontal_accuracy, w.status,
      floor, latest, w.altitude, w.speed, w.course, w.battery, w.motion)
  FROM invalid AS w;

  -- Reports that were deleted before: their source returns them with every fetch.
  WITH deleted AS (
    DELETE FROM incoming_reports AS i USING deleted_reports AS d
    WHERE d.hashed_adv_key = i.hashed_adv_key AND d.timestamp = i.timestamp
    RETURNING i.*
  )
  INSERT INTO refused_reports (position, hashed_adv_key, timestamp, latitude, longitude, confidence, horizontal_accuracy,
    status, nearest_city, source, altitude, speed, course, battery, motion, reason)
  SELECT d.position, d.hashed_adv_key, d.timestamp, d.latitude, d.longitude, d.confidence, d.horizontal_accuracy,
    d.status, d.nearest_city, d.source, d.altitude, d.speed, d.course, d.battery, d.motion, 'deleted'
  FROM deleted AS d;

  SELECT count(*) FILTER (WHERE i.timestamp >= horizon), count(*) FILTER (WHERE i.timestamp < horizon)
    INTO above_horizon, below_horizon FROM incoming_reports AS i;

  -- ON CONFLICT takes 50 % longer than a plain INSERT, and in most batches all reports are new. So if none of 100
  -- reports is stored yet, the plain INSERT is tried, and repeated with ON CONFLICT if another report turns out to be
  -- stored.
  BEGIN
    IF EXISTS (
      SELECT FROM (SELECT i.hashed_adv_key, i.timestamp FROM incoming_reports AS i LIMIT 100) AS sample
      JOIN location_reports AS r USING (hashed_adv_key, timestamp) WHERE r.timestamp >= horizon
    ) THEN
      EXECUTE format(store, 'ON CONFLICT (hashed_adv_key, timestamp) DO NOTHING') USING horizon, max_accuracy;
    ELSE
      EXECUTE format(store, '') USING horizon, max_accuracy;
    END IF;
  EXCEPTION WHEN unique_violation THEN
    EXECUTE format(store, 'ON CONFLICT (hashed_adv_key, timestamp) DO NOTHING') USING horizon, max_accuracy;
  END;
  SELECT coalesce(sum(t.reports), 0) INTO stored FROM taken_reports AS t;
  IF stored < above_horizon THEN
    -- A report that was not stored is a duplicate only if the stored report of that millisecond has the same position.
    WITH contradicting AS (
      DELETE FROM incoming_reports AS i USING location_reports AS r
      WHERE i.timestamp >= horizon AND r.hashed_adv_key = i.hashed_adv_key AND r.timestamp = i.timestamp
        AND (ST_X(r.location) <> i.longitude OR ST_Y(r.location) <> i.latitude)
      RETURNING i.*
    )
    INSERT INTO refused_reports (position, hashed_adv_key, timestamp, latitude, longitude, confidence,
      horizontal_accuracy, status, nearest_city, source, altitude, speed, course, battery, motion, reason)
    SELECT c.position, c.hashed_adv_key, c.timestamp, c.latitude, c.longitude, c.confidence,
      c.horizontal_accuracy, c.status, c.nearest_city, c.source, c.altitude, c.speed, c.course, c.battery, c.motion,
      'same_instant'
    FROM contradicting AS c;
  END IF;

  IF below_horizon > 0 THEN
    SELECT take_late_reports(array_agg(
      make_report(i.hashed_adv_key, i.timestamp, make_geo_point(i.longitude, i.latitude), i.confidence,
        i.horizontal_accuracy, i.status, i.nearest_city, i.source, now(), i.altitude, i.speed, i.course, i.battery,
        i.motion, coalesce(i.horizontal_accuracy > max_accuracy, false)) ORDER BY i.position))
    INTO late FROM incoming_reports AS i WHERE i.timestamp < horizon;
    INSERT INTO taken_reports (hashed_adv_key, outcome, reports)
    SELECT f.hashed_adv_key, 'late', count(*) FROM unnest(late) AS f GROUP BY 1;
  END IF;

  -- All other reports are duplicates.
  IF stored + coalesce(cardinality(late), 0) < above_horizon + below_horizon THEN
    INSERT INTO taken_reports (hashed_adv_key, outcome, reports)
    SELECT hashed_adv_key, 'duplicate', count(*) - coalesce(t.fresh, 0)
    FROM incoming_reports LEFT JOIN (
      SELECT hashed_adv_key, sum(reports) AS fresh FROM taken_reports GROUP BY 1
    ) AS t USING (hashed_adv_key)
    GROUP BY hashed_adv_key, t.fresh HAVING count(*) > coalesce(t.fresh, 0);
  END IF;

  IF are_news THEN
    PERFORM note_reports_received();
  END IF;
  RETURN QUERY
    SELECT t.outcome, sum(t.reports)::bigint, NULL::bigint FROM taken_reports AS t GROUP BY 1
    UNION ALL
    SELECT r.reason, count(*), min(r.position) FROM refused_reports AS r GROUP BY 1;
END $$;

-- Sets last_report_received of the trackers in incoming_reports, at most once a minute: a long import would otherwise
-- update the same rows with every batch.
CREATE OR REPLACE FUNCTION note_reports_received() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM trackers WHERE hashed_adv_key IN (SELECT i.hashed_adv_key FROM incoming_reports AS i)
    AND coalesce(last_report_received, '-infinity') < now() - interval '1 minute'
    ORDER BY id FOR NO KEY UPDATE;
  UPDATE trackers SET last_report_received = now()
    WHERE hashed_adv_key IN (SELECT i.hashed_adv_key FROM incoming_reports AS i)
    AND coalesce(last_report_received, '-infinity') < now() - interval '1 minute';
END $$;
