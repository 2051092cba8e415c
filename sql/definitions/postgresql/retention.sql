-- Closes the oldest open day, once it is older than raw reports are kept: makes sure that its history is complete,
-- notes which reports it counted, moves the horizon past it and drops it. Returns the day, or NULL when none is due.
--
-- One transaction, with all writers and readers of location_reports kept out: set lock_timeout, and try again.
CREATE OR REPLACE FUNCTION close_oldest_day() RETURNS timestamptz
LANGUAGE plpgsql SET search_path FROM CURRENT SET timezone = 'UTC' SET jit = off AS $$
DECLARE
  day timestamptz;
  next_day timestamptz;
  due boolean;
BEGIN
  LOCK TABLE location_reports IN ACCESS EXCLUSIVE MODE;
  SELECT closed_before, closed_before + interval '24 hours', closed_before < midnight_before(raw_retention_hours)
    INTO STRICT day, next_day, due FROM history_state FOR UPDATE;
  IF NOT due THEN
    RETURN NULL;
  END IF;

  -- Reports that came past the triggers (INSERT straight into a partition) are not in the aggregates yet; what was removed
  -- past them (DROP of a partition) still is, and would count twice when it is imported again.
  PERFORM recompute_tracker_days(array_agg(coalesce(raw.hashed_adv_key, d.hashed_adv_key)), array_agg(day))
  FROM (SELECT hashed_adv_key, count(*) AS n FROM location_reports
        WHERE timestamp >= day AND timestamp < next_day GROUP BY 1) AS raw
  FULL JOIN (SELECT * FROM location_history_daily WHERE bucket = day) AS d USING (hashed_adv_key)
  WHERE d.report_count IS DISTINCT FROM raw.n
  HAVING count(*) > 0;
  IF FOUND THEN
    PERFORM mark_history_changed(day, day);
  END IF;

  INSERT INTO report_identities (hashed_adv_key, day, milliseconds)
  SELECT hashed_adv_key, day, array_agg(milliseconds_of_day(timestamp))
  FROM location_reports WHERE timestamp >= day AND timestamp < next_day GROUP BY 1;

  -- The cut never lies below the horizon: an outage of days moves both.
  PERFORM note_closed_day(day);

  UPDATE history_state SET closed_before = next_day, cut = greatest(cut, next_day);

  EXECUTE format('DROP TABLE IF EXISTS %I', 'location_reports_' || to_char(day, 'YYYYMMDD'));
  DELETE FROM location_reports_default WHERE timestamp < next_day;
  RETURN day;
END $$;

-- Ends the hours that are shown as days from now on, and the days, with their identities, that are kept no longer.
-- Returns the rows removed, by relation.
CREATE OR REPLACE FUNCTION apply_aggregate_retention() RETURNS TABLE (relation text, rows_removed bigint)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  -- On this engine the days are complete at every commit, so the cut may follow the clock.
  UPDATE history_state SET cut = midnight_before(hourly_retention_hours)
    WHERE cut < midnight_before(hourly_retention_hours);

  relation := 'location_history_hourly';
  -- Just those that were locked first, in the order of all who write aggregates: others add hours to the end, and an
  -- hour that we had not locked might be theirs while they wait for one of ours. What they leave goes the next time.
  WITH ended AS MATERIALIZED (
    SELECT hashed_adv_key, bucket FROM location_history_hourly WHERE bucket < history_cut()
    ORDER BY hashed_adv_key, bucket FOR UPDATE
  )
  DELETE FROM location_history_hourly AS h USING ended AS e
    WHERE h.hashed_adv_key = e.hashed_adv_key AND h.bucket = e.bucket;
  GET DIAGNOSTICS rows_removed = ROW_COUNT;
  RETURN NEXT;

  relation := 'location_history_daily';
  DELETE FROM location_history_daily WHERE bucket < history_floor();
  GET DIAGNOSTICS rows_removed = ROW_COUNT;
  IF rows_removed > 0 THEN
    PERFORM mark_history_changed(NULL, NULL);
  END IF;
  RETURN NEXT;

  relation := 'report_identities';
  DELETE FROM report_identities WHERE day < history_floor();
  GET DIAGNOSTICS rows_removed = ROW_COUNT;
  RETURN NEXT;

  DELETE FROM history_days AS h WHERE h.day < history_floor();

  relation := 'deleted_reports';
  DELETE FROM deleted_reports AS d WHERE d.timestamp < history_floor();
  GET DIAGNOSTICS rows_removed = ROW_COUNT;
  RETURN NEXT;

  -- Where nobody geocodes. Who does so later searches history for rows without a city.
  DELETE FROM geocoding_queue WHERE id IN (
    SELECT q.id FROM geocoding_queue AS q WHERE q.queued_at < agreed_now() - interval '168 hours' FOR UPDATE SKIP LOCKED);
END $$;
