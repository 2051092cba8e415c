-- What close_oldest_day() needs for itself, and whether those who only read it are in the way as well. Look into pg_locks for
-- these before it is called: whoever has one of them for long would make all writers wait behind it, for nothing.
CREATE OR REPLACE FUNCTION closing_needs() RETURNS TABLE (relation regclass, readers_too boolean)
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
  SELECT 'location_reports'::regclass, false
  UNION ALL
  SELECT chunk, true FROM show_chunks('location_reports', older_than => history_horizon() + interval '24 hours') AS chunk
$$;

-- Closes the oldest open day, once it is older than raw reports are kept: makes sure that its history is complete,
-- notes which reports it counted, moves the horizon past it and drops it. Returns the day, or NULL when none is due.
--
-- One transaction, at the end of which all writers of location_reports are kept out: set lock_timeout, and try again. What
-- takes long is done before the lock, and checked under it: of a day of a million reports writers hear little. Raises 55000
-- when the day is not complete in the daily aggregate: refresh it, and try again. The order counts: with that check before
-- the lock, one INSERT that is still open is enough to lose the day for all trackers.
--
-- The drop must not mark the day as changed: the next refresh that covers it would compute it from nothing. The setting
-- for that came with TimescaleDB 2.28; before, raw reports are kept longer than any refresh of the product's reaches.
-- The built-in retention policy cannot use it and must never be put on raw reports.
CREATE OR REPLACE FUNCTION close_oldest_day() RETURNS timestamptz
LANGUAGE plpgsql SET search_path FROM CURRENT SET timezone = 'UTC' SET enable_nestloop = off AS $$
DECLARE
  day timestamptz;
  next_day timestamptz;
  due boolean;
  keys text[];
  counts bigint[];
  digests bigint[];
BEGIN
  -- Under an older snapshot what was stored while we waited for the lock would be dropped unseen.
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'close_oldest_day() works in READ COMMITTED alone' USING ERRCODE = 'active_sql_transaction';
  END IF;
  -- Two that have both read the reports would each wait for the other to let go of them.
  PERFORM pg_advisory_xact_lock(hashtextextended('close_oldest_day', 0));
  SELECT closed_before, closed_before + interval '24 hours', closed_before < midnight_before(raw_retention_hours)
    INTO STRICT day, next_day, due FROM history_state;
  IF NOT due THEN
    RETURN NULL;
  END IF;
  SELECT * INTO keys, counts, digests FROM note_identities(day);

  LOCK TABLE location_reports IN SHARE ROW EXCLUSIVE MODE;
  PERFORM FROM history_state WHERE closed_before = day FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'another session has closed %', day::date USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  IF NOT days_are_complete(day, next_day) THEN
    RAISE EXCEPTION 'the daily history of % is not complete yet', day::date
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Refresh location_history_daily over that day.';
  END IF;
  PERFORM correct_identities(day, keys, counts, digests);

  -- The logs say that the day is complete; the rows have to say so, too, for nothing brings it back.
  IF EXISTS (
    SELECT FROM report_identities AS i (hashed_adv_key, counted_day, milliseconds)
    LEFT JOIN location_history_daily AS d ON d.hashed_adv_key = i.hashed_adv_key AND d.bucket = day
    WHERE i.counted_day = day AND d.report_count IS DISTINCT FROM cardinality(i.milliseconds)
  ) THEN
    RAISE EXCEPTION 'the daily history of % has other numbers of reports than the raw reports: run tracker mend', day::date
      USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;

  PERFORM note_closed_day(day);

  UPDATE history_state SET closed_before = next_day, cut = greatest(cut, next_day);
  PERFORM set_config(name, 'on', true) FROM pg_settings WHERE name = 'timescaledb.skip_cagg_invalidation';
  PERFORM drop_chunks('location_reports', older_than => next_day);
  RETURN day;
END $$;

-- Ends the hours that are shown as days from now on, and the days, with their identities, that are kept no longer.
-- Returns the rows removed, by relation.
CREATE OR REPLACE FUNCTION apply_aggregate_retention() RETURNS TABLE (relation text, rows_removed bigint)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  next_cut timestamptz;
BEGIN
  -- The cut passes a day only when the daily history has all of it.
  SELECT midnight_before(hourly_retention_hours) INTO STRICT next_cut FROM history_state;
  IF next_cut > history_cut() AND days_are_complete(history_cut(), next_cut) THEN
    UPDATE history_state SET cut = next_cut WHERE cut < next_cut;
  END IF;

  PERFORM pg_advisory_xact_lock(hashtextextended('hours_unlike_raw', 0)); -- see there
  relation := 'location_history_hourly';
  rows_removed := count(*) FROM location_history_hourly WHERE bucket < history_cut();
  PERFORM drop_chunks('location_history_hourly', older_than => history_cut());
  RETURN NEXT;

  relation := 'location_history_daily';
  PERFORM drop_chunks('location_history_daily', older_than => history_floor());
  PERFORM set_config('tracker.removes_days', 'on', true);
  DELETE FROM location_history_daily WHERE bucket < history_floor();
  GET DIAGNOSTICS rows_removed = ROW_COUNT;
  PERFORM set_config('tracker.removes_days', '', true);
  RETURN NEXT;

  relation := 'location_history_daily_late';
  DELETE FROM location_history_daily_late WHERE bucket < history_floor();
  GET DIAGNOSTICS rows_removed = ROW_COUNT;
  RETURN NEXT;

  relation := 'report_identities';
  DELETE FROM report_identities AS i WHERE i.day < history_floor();
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

  -- A late row that came by hand made the chunk of its day before the trigger took it out: one for each day of the past
  -- that a file has, all of them empty. As when a day is closed: no writers, and no day marked as changed.
  IF EXISTS (SELECT FROM show_chunks('location_reports', older_than => history_horizon())) THEN
    LOCK TABLE location_reports IN SHARE ROW EXCLUSIVE MODE;
    PERFORM set_config(name, 'on', true) FROM pg_settings WHERE name = 'timescaledb.skip_cagg_invalidation';
    PERFORM drop_chunks('location_reports', older_than => history_horizon());
  END IF;
END $$;
