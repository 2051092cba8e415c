-- What close_oldest_day() needs for itself, and whether those who only read it are in the way as well. Look into pg_locks for
-- these before it is called: whoever has one of them for long would make all writers wait behind it, for nothing.
CREATE OR REPLACE FUNCTION closing_needs() RETURNS TABLE (relation regclass, readers_too boolean)
LANGUAGE sql STABLE SET search_path FROM CURRENT SET timezone = 'UTC' AS $$
  SELECT to_regclass(name), true FROM history_state, unnest(ARRAY['location_reports', 'location_reports_default',
    'location_reports_' || to_char(closed_before, 'YYYYMMDD')]) AS name
$$;

-- Keeps writers and readers of location_reports out, so that a partition can be dropped.
CREATE OR REPLACE FUNCTION hold_reports_for_closing(closing timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  LOCK TABLE location_reports IN ACCESS EXCLUSIVE MODE;
END $$;

-- Makes sure that the daily history of a day counts the reports that its identities say. Reports that came past the triggers
-- (INSERT straight into a partition) are not in the aggregates yet; what was removed past them (DROP of a partition) still
-- is, and would count twice when it is imported again.
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
  -- One that somebody detached is theirs.
  SELECT p.relid INTO partition FROM pg_partition_tree('location_reports') AS p
  WHERE p.relid = to_regclass('location_reports_' || to_char(closed, 'YYYYMMDD'));
  IF FOUND THEN
    EXECUTE format('DROP TABLE %s', partition);
  END IF;
  DELETE FROM location_reports_default WHERE timestamp < closed + interval '24 hours';
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

  RETURN QUERY SELECT * FROM remove_expired_notes();
END $$;
