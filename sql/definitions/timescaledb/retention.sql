-- What close_oldest_day() needs for itself, and whether those who only read it are in the way as well. Look into pg_locks for
-- these before it is called: whoever has one of them for long would make all writers wait behind it, for nothing.
CREATE OR REPLACE FUNCTION closing_needs() RETURNS TABLE (relation regclass, readers_too boolean)
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
  SELECT 'location_reports'::regclass, false
  UNION ALL
  SELECT chunk, true FROM show_chunks('location_reports', older_than => history_horizon() + interval '24 hours') AS chunk
$$;

-- Keeps writers of location_reports out. Raises 55000 when a day is not complete in the daily aggregate: refresh it, and try
-- again. The order counts: with that check before the lock, one INSERT that is still open is enough to lose the day for all
-- trackers.
CREATE OR REPLACE FUNCTION hold_reports_for_closing(closing timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  LOCK TABLE location_reports IN SHARE ROW EXCLUSIVE MODE;
  IF NOT days_are_complete(closing, closing + interval '24 hours') THEN
    RAISE EXCEPTION 'the daily history of % is not complete yet', closing::date
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Refresh location_history_daily over that day.';
  END IF;
END $$;

-- Makes sure that the daily history of a day counts the reports that its identities say. The logs say that the day is
-- complete; the rows have to say so, too, for nothing brings it back.
CREATE OR REPLACE FUNCTION settle_closing_day(closing timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (
    SELECT FROM report_identities AS i
    LEFT JOIN location_history_daily AS d ON d.hashed_adv_key = i.hashed_adv_key AND d.bucket = closing
    WHERE i.day = closing AND d.report_count IS DISTINCT FROM cardinality(i.milliseconds)
  ) THEN
    RAISE EXCEPTION 'the daily history of % has other numbers of reports than the raw reports: run tracker mend', closing::date
      USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
END $$;

-- Removes the raw reports of a closed day, and older ones.
--
-- The drop must not mark the day as changed: the next refresh that covers it would compute it from nothing. The setting
-- for that came with TimescaleDB 2.28; before, raw reports are kept longer than any refresh of the product's reaches.
-- The built-in retention policy cannot use it and must never be put on raw reports.
CREATE OR REPLACE FUNCTION drop_closed_day(closed timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config(name, 'on', true) FROM pg_settings WHERE name = 'timescaledb.skip_cagg_invalidation';
  PERFORM drop_chunks('location_reports', older_than => closed + interval '24 hours');
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

  RETURN QUERY SELECT * FROM remove_expired_notes();

  -- A late row that came by hand made the chunk of its day before the trigger took it out: one for each day of the past
  -- that a file has, all of them empty. As when a day is closed: no writers, and no day marked as changed.
  IF EXISTS (SELECT FROM show_chunks('location_reports', older_than => history_horizon())) THEN
    LOCK TABLE location_reports IN SHARE ROW EXCLUSIVE MODE;
    PERFORM drop_closed_day(history_horizon() - interval '24 hours');
  END IF;
END $$;
