-- What close_oldest_day() needs for itself, and whether those who only read it are in the way as well. Look into pg_locks for
-- these before it is called: whoever has one of them for long would make all writers wait behind it, for nothing.
CREATE OR REPLACE FUNCTION closing_needs() RETURNS TABLE (relation regclass, readers_too boolean)
LANGUAGE sql STABLE SET search_path FROM CURRENT SET timezone = 'UTC' AS $$
  SELECT to_regclass(name), true FROM history_state, unnest(ARRAY['location_reports', 'location_reports_default',
    'location_reports_' || to_char(closed_before, 'YYYYMMDD')]) AS name
$$;

-- Closes the oldest open day, once it is older than raw reports are kept: makes sure that its history is complete,
-- notes which reports it counted, moves the horizon past it and drops it. Returns the day, or NULL when none is due.
--
-- One transaction, at the end of which all writers and readers of location_reports are kept out: set lock_timeout, and try
-- again. What takes long is done before the lock, and checked under it: of a day of a million reports writers hear little.
CREATE OR REPLACE FUNCTION close_oldest_day() RETURNS timestamptz
LANGUAGE plpgsql SET search_path FROM CURRENT SET timezone = 'UTC' SET jit = off SET enable_nestloop = off AS $$
DECLARE
  closing timestamptz;
  next_day timestamptz;
  due boolean;
  keys text[];
  counts bigint[];
  digests bigint[];
  partition regclass;
BEGIN
  -- Under an older snapshot what was stored while we waited for the lock would be dropped unseen.
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'close_oldest_day() works in READ COMMITTED alone' USING ERRCODE = 'active_sql_transaction';
  END IF;
  -- Two that have both read the reports would each wait for the other to let go of them.
  PERFORM pg_advisory_xact_lock(hashtextextended('close_oldest_day', 0));
  SELECT closed_before, closed_before + interval '24 hours', closed_before < midnight_before(raw_retention_hours)
    INTO STRICT closing, next_day, due FROM history_state;
  IF NOT due THEN
    RETURN NULL;
  END IF;
  SELECT * INTO keys, counts, digests FROM note_identities(closing);

  LOCK TABLE location_reports IN ACCESS EXCLUSIVE MODE;
  PERFORM FROM history_state WHERE closed_before = closing FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'another session has closed %', closing::date USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  PERFORM correct_identities(closing, keys, counts, digests);

  -- Reports that came past the triggers (INSERT straight into a partition) are not in the aggregates yet; what was removed
  -- past them (DROP of a partition) still is, and would count twice when it is imported again.
  PERFORM recompute_tracker_days(array_agg(coalesce(i.hashed_adv_key, d.hashed_adv_key)), array_agg(closing))
  FROM (SELECT * FROM report_identities WHERE day = closing) AS i
  FULL JOIN (SELECT * FROM location_history_daily WHERE bucket = closing) AS d ON d.hashed_adv_key = i.hashed_adv_key
  WHERE d.report_count IS DISTINCT FROM cardinality(i.milliseconds)
  HAVING count(*) > 0;
  IF FOUND THEN
    PERFORM mark_history_changed(closing, closing);
  END IF;

  -- The cut never lies below the horizon: an outage of days moves both.
  PERFORM note_closed_day(closing);

  UPDATE history_state SET closed_before = next_day, cut = greatest(cut, next_day);

  -- One that somebody detached is theirs.
  SELECT p.relid INTO partition FROM pg_partition_tree('location_reports') AS p
  WHERE p.relid = to_regclass('location_reports_' || to_char(closing, 'YYYYMMDD'));
  IF FOUND THEN
    EXECUTE format('DROP TABLE %s', partition);
  END IF;
  DELETE FROM location_reports_default WHERE timestamp < next_day;
  RETURN closing;
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
