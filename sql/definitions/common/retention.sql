-- Closes days, and removes bookkeeping rows of reports that history no longer contains.
--
-- Locks: close_oldest_day() blocks writers of location_reports until the end of the transaction (on the postgresql
-- engine also readers), and locks the advisory lock close_oldest_day and the row of history_state.

-- Closes the oldest open day, if it is older than the retention of raw reports: ensures that its history is complete,
-- records the identities of its reports, moves the horizon past it and drops its raw reports. Returns the day, or NULL
-- if none is due. Raises 55000 if the day cannot be closed now.
--
-- Runs in one transaction: set lock_timeout, and retry. The slow part runs before the lock and is verified under it, so
-- that writers hardly wait, even for a day of a million reports.
CREATE OR REPLACE FUNCTION close_oldest_day() RETURNS timestamptz
LANGUAGE plpgsql SET search_path FROM CURRENT SET timezone = 'UTC' SET jit = off SET enable_nestloop = off AS $$
DECLARE
  closing timestamptz;
  next_day timestamptz;
  due boolean;
  keys text[];
  counts bigint[];
  digests bigint[];
BEGIN
  -- With an older snapshot, reports stored while this waits for the lock would be dropped without being counted.
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'close_oldest_day() requires READ COMMITTED' USING ERRCODE = 'active_sql_transaction';
  END IF;
  -- Two calls that have both read the reports would deadlock.
  PERFORM pg_advisory_xact_lock(hashtextextended('close_oldest_day', 0));
  SELECT closed_before, closed_before + interval '24 hours', closed_before < midnight_before(raw_retention_hours)
    INTO STRICT closing, next_day, due FROM history_state;
  IF NOT due THEN
    RETURN NULL;
  END IF;
  SELECT * INTO keys, counts, digests FROM note_identities(closing);

  PERFORM hold_reports_for_closing(closing);
  PERFORM FROM history_state WHERE closed_before = closing FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'another session has closed %', closing::date USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  PERFORM correct_identities(closing, keys, counts, digests);
  PERFORM settle_closing_day(closing);
  PERFORM note_closed_day(closing);
  -- The cut is never below the horizon: after an outage of days both move.
  UPDATE history_state SET closed_before = next_day, cut = greatest(cut, next_day);
  PERFORM drop_closed_day(closing);
  RETURN closing;
END $$;

-- Removes the bookkeeping rows of reports older than the daily history, and entries of the geocoding queue that no
-- geocoder has processed in a week: a geocoder searches history for rows without a city when it starts. Returns the
-- number of rows removed, by relation. Part of apply_aggregate_retention().
CREATE OR REPLACE FUNCTION remove_expired_notes() RETURNS TABLE (relation text, rows_removed bigint)
LANGUAGE plpgsql AS $$
BEGIN
  relation := 'report_identities';
  DELETE FROM report_identities AS i WHERE i.day < history_floor();
  GET DIAGNOSTICS rows_removed = ROW_COUNT;
  RETURN NEXT;

  DELETE FROM history_days AS h WHERE h.day < history_floor();

  relation := 'deleted_reports';
  DELETE FROM deleted_reports AS d WHERE d.timestamp < history_floor();
  GET DIAGNOSTICS rows_removed = ROW_COUNT;
  RETURN NEXT;

  DELETE FROM geocoding_queue WHERE id IN (
    SELECT q.id FROM geocoding_queue AS q WHERE q.queued_at < agreed_now() - interval '168 hours' FOR UPDATE SKIP LOCKED);
END $$;
