-- Closes days, and removes what is kept about reports that history no longer has.
--
-- Locks: close_oldest_day() keeps writers of location_reports out to the end of the transaction (on the postgresql engine
-- readers as well), and takes the advisory lock close_oldest_day and the row of history_state.

-- Closes the oldest open day, once it is older than raw reports are kept: makes sure that its history is complete, notes
-- which reports it counted, moves the horizon past it and drops its raw reports. Returns the day, or NULL when none is
-- due. Raises 55000 when the day cannot be closed now.
--
-- One transaction: set lock_timeout, and try again. What takes long is done before the lock, and checked under it: of a
-- day of a million reports writers notice little.
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

  PERFORM hold_reports_for_closing(closing);
  PERFORM FROM history_state WHERE closed_before = closing FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'another session has closed %', closing::date USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  PERFORM correct_identities(closing, keys, counts, digests);
  PERFORM settle_closing_day(closing);
  PERFORM note_closed_day(closing);
  -- The cut never lies below the horizon: an outage of days moves both.
  UPDATE history_state SET closed_before = next_day, cut = greatest(cut, next_day);
  PERFORM drop_closed_day(closing);
  RETURN closing;
END $$;

-- Removes what is noted about reports older than the daily history, and reports that nobody geocodes from the queue:
-- whoever begins to geocode searches history for rows without a city. Returns the rows removed, by relation; part of
-- apply_aggregate_retention().
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
