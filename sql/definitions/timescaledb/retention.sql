-- Retention on the timescaledb engine: its parts of close_oldest_day() (common/retention.sql), and the removal of
-- expired hourly and daily rows.
--
-- Locks: hold_reports_for_closing() locks location_reports in SHARE ROW EXCLUSIVE mode, until the end of the
-- transaction. apply_aggregate_retention() takes the advisory lock hours_unlike_raw and the locks of drop_chunks(),
-- and, if there are empty chunks, the same lock on location_reports.

-- The relations that close_oldest_day() locks, and whether sessions that only read them block it (readers_too). Check
-- pg_locks for such sessions before calling it: while it waits for a long lock, all writers wait behind it.
CREATE OR REPLACE FUNCTION closing_needs() RETURNS TABLE (relation regclass, readers_too boolean)
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
  SELECT 'location_reports'::regclass, false
  UNION ALL
  SELECT chunk, true FROM show_chunks('location_reports', older_than => history_horizon() + interval '24 hours') AS chunk
$$;

-- Blocks writers of location_reports. Raises 55000 if the day is not complete in the daily aggregate: refresh the
-- aggregate, and retry. Locks before it checks: otherwise a single open INSERT could make all trackers lose the day.
CREATE OR REPLACE FUNCTION hold_reports_for_closing(closing timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  LOCK TABLE location_reports IN SHARE ROW EXCLUSIVE MODE;
  IF NOT days_are_complete(closing, closing + interval '24 hours') THEN
    RAISE EXCEPTION 'the daily history of % is not complete yet', closing::date
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Refresh location_history_daily over that day.';
  END IF;
END $$;

-- Ensures that the daily history of a day counts as many reports as there are identities. According to the change log the
-- day is complete; the rows must confirm it, because raw reports cannot be restored.
CREATE OR REPLACE FUNCTION settle_closing_day(closing timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (
    SELECT FROM report_identities AS i
    LEFT JOIN location_history_daily AS d ON d.hashed_adv_key = i.hashed_adv_key AND d.bucket = closing
    WHERE i.day = closing AND d.report_count IS DISTINCT FROM cardinality(i.milliseconds)
  ) THEN
    RAISE EXCEPTION 'the daily history of % has a different number of reports than the raw reports: run tracker mend', closing::date
      USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
END $$;

-- Removes the raw reports of a closed day, and older ones.
--
-- The drop must not mark the day as changed: the next refresh of that day would recompute it from no raw reports.
-- TimescaleDB has a setting for that since 2.28; with older versions raw reports are kept longer than any refresh of
-- the product reaches back. A built-in retention policy does not use the setting, so raw reports must never have one.
CREATE OR REPLACE FUNCTION drop_closed_day(closed timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config(name, 'on', true) FROM pg_settings WHERE name = 'timescaledb.skip_cagg_invalidation';
  PERFORM drop_chunks('location_reports', older_than => closed + interval '24 hours');
END $$;

-- Moves the cut, and removes hours before it, expired days, and the identities of their reports. Returns the number of
-- rows removed, by relation.
CREATE OR REPLACE FUNCTION apply_aggregate_retention() RETURNS TABLE (relation text, rows_removed bigint)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  next_cut timestamptz;
BEGIN
  -- The cut moves past a day only if the daily history of that day is complete.
  SELECT midnight_before(hourly_retention_hours) INTO STRICT next_cut FROM history_state;
  IF next_cut > history_cut() AND days_are_complete(history_cut(), next_cut) THEN
    UPDATE history_state SET cut = next_cut WHERE cut < next_cut;
  END IF;

  PERFORM pg_advisory_xact_lock(hashtextextended('hours_unlike_raw', 0)); -- see hours_unlike_raw()
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

  -- identities, recorded days and deleted reports
  RETURN QUERY SELECT * FROM remove_expired_notes();

  -- For a late row that is written directly (INSERT, COPY), TimescaleDB creates the chunk before the trigger moves the
  -- row away, so a COPY of old reports may leave an empty chunk for each day. These are dropped as when a day is closed:
  -- with writers blocked, and without marking a day as changed.
  IF EXISTS (SELECT FROM show_chunks('location_reports', older_than => history_horizon())) THEN
    LOCK TABLE location_reports IN SHARE ROW EXCLUSIVE MODE;
    PERFORM drop_closed_day(history_horizon() - interval '24 hours');
  END IF;
END $$;
