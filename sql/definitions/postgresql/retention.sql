-- Retention on the postgresql engine: its parts of close_oldest_day() (common/retention.sql), and the removal of
-- expired hourly and daily rows.
--
-- Locks: hold_reports_for_closing() locks location_reports in ACCESS EXCLUSIVE mode, until the end of the transaction;
-- apply_aggregate_retention() locks the rows it removes, and the row of history_state.

-- The relations that close_oldest_day() locks, and whether sessions that only read them block it (readers_too). Check
-- pg_locks for such sessions before calling it: while it waits for a long lock, all writers wait behind it.
CREATE OR REPLACE FUNCTION closing_needs() RETURNS TABLE (relation regclass, readers_too boolean)
LANGUAGE sql STABLE SET search_path FROM CURRENT SET timezone = 'UTC' AS $$
  SELECT to_regclass(name), true FROM history_state, unnest(ARRAY['location_reports', 'location_reports_default',
    'location_reports_' || to_char(closed_before, 'YYYYMMDD')]) AS name
$$;

-- Blocks writers and readers of location_reports, so that a partition can be dropped.
CREATE OR REPLACE FUNCTION hold_reports_for_closing(closing timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  LOCK TABLE location_reports IN ACCESS EXCLUSIVE MODE;
END $$;

-- Ensures that the daily history of a day counts as many reports as there are identities. Reports inserted without
-- firing the triggers (directly into a partition) are not in the aggregates yet; reports removed without firing them
-- (DROP of a partition) still are, and would count twice when imported again.
CREATE OR REPLACE FUNCTION settle_closing_day(closing timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM recompute_tracker_days(array_agg(coalesce(i.hashed_adv_key, d.hashed_adv_key)), array_agg(closing))
  FROM (SELECT * FROM report_identities WHERE day = closing) AS i
  FULL JOIN (SELECT * FROM location_history_daily WHERE bucket = closing) AS d ON d.hashed_adv_key = i.hashed_adv_key
  WHERE d.report_count IS DISTINCT FROM cardinality(i.milliseconds)
  HAVING count(*) > 0;
  IF FOUND THEN
    PERFORM mark_history_changed(closing, closing);
  END IF;
END $$;

-- Removes the raw reports of a closed day, and older ones.
CREATE OR REPLACE FUNCTION drop_closed_day(closed timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  partition regclass;
BEGIN
  -- Skips a partition that was detached.
  SELECT p.relid INTO partition FROM pg_partition_tree('location_reports') AS p
  WHERE p.relid = to_regclass('location_reports_' || to_char(closed, 'YYYYMMDD'));
  IF FOUND THEN
    EXECUTE format('DROP TABLE %s', partition);
  END IF;
  DELETE FROM location_reports_default WHERE timestamp < closed + interval '24 hours';
END $$;

-- Moves the cut, and removes hours before it, expired days, and the identities of their reports. Returns the number of
-- rows removed, by relation.
CREATE OR REPLACE FUNCTION apply_aggregate_retention() RETURNS TABLE (relation text, rows_removed bigint)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  -- On this engine days are complete at every commit, so the cut may move at any time.
  UPDATE history_state SET cut = midnight_before(hourly_retention_hours)
    WHERE cut < midnight_before(hourly_retention_hours);

  relation := 'location_history_hourly';
  -- Deletes only rows that this query locked, in the lock order of all writers; otherwise it could deadlock with a
  -- writer that holds a row inserted meanwhile. The next run removes such rows.
  WITH expired AS MATERIALIZED (
    SELECT hashed_adv_key, bucket FROM location_history_hourly WHERE bucket < history_cut()
    ORDER BY hashed_adv_key, bucket FOR UPDATE
  )
  DELETE FROM location_history_hourly AS h USING expired AS e
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

  RETURN QUERY SELECT * FROM remove_expired_notes();
END $$;
