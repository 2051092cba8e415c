-- Deletes reports permanently: the reports of a time range, or everything of a tracker.
--
-- Locks: location_reports in SHARE ROW EXCLUSIVE mode, until the end of the transaction. This blocks writers: one that
-- waits on the key of a deleted report would insert the report again. Set lock_timeout, and retry.

-- Deletes a tracker's reports in [range_start, range_end], both ends included. Returns for each day the number of its
-- reports in the range, and whether they were deleted.
--
-- Above the horizon, hours and days are recomputed from the raw reports that remain. A day below it has no raw reports
-- to recompute it from: it is deleted if all its reports are in the range, and does not change otherwise.
CREATE OR REPLACE FUNCTION delete_location_reports(key text, range_start timestamptz, range_end timestamptz)
RETURNS TABLE (day timestamptz, reports bigint, is_deleted boolean)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  horizon timestamptz;
  all_reports bigint;
  report_times timestamptz[];
BEGIN
  LOCK TABLE location_reports IN SHARE ROW EXCLUSIVE MODE;
  horizon := current_horizon();

  FOR day, all_reports, reports, report_times IN
    SELECT i.day, count(*), count(*) FILTER (WHERE r.reported_at BETWEEN range_start AND range_end), array_agg(r.reported_at)
    FROM report_identities AS i
    CROSS JOIN LATERAL (SELECT i.day + ms * interval '1 millisecond' FROM unnest(i.milliseconds) AS ms) AS r (reported_at)
    WHERE i.hashed_adv_key = key AND i.day BETWEEN date_trunc('day', range_start, 'UTC') AND range_end
    GROUP BY i.day HAVING bool_or(r.reported_at BETWEEN range_start AND range_end) ORDER BY i.day
  LOOP
    is_deleted := reports = all_reports;
    IF is_deleted THEN
      INSERT INTO deleted_reports (hashed_adv_key, timestamp) SELECT key, unnest(report_times) ON CONFLICT DO NOTHING;
      DELETE FROM report_identities AS i WHERE i.hashed_adv_key = key AND i.day = delete_location_reports.day;
      PERFORM change_history_days(ARRAY[day], ARRAY[-all_reports], ARRAY[-all_reports]);
      PERFORM erase_aggregates(key, day, day);
      PERFORM mark_history_changed(day, day);
    END IF;
    RETURN NEXT;
  END LOOP;

  PERFORM lift_decompression_limit();
  PERFORM set_config('tracker.notes_deletions', 'on', true);
  is_deleted := true;
  FOR day, reports IN
    WITH deleted AS (
      DELETE FROM location_reports AS r
      WHERE r.hashed_adv_key = key AND r.timestamp BETWEEN greatest(range_start, horizon) AND range_end
      RETURNING r.timestamp
    ), recorded AS (
      INSERT INTO deleted_reports (hashed_adv_key, timestamp) SELECT key, d.timestamp FROM deleted AS d ON CONFLICT DO NOTHING
    )
    SELECT date_trunc('day', d.timestamp, 'UTC'), count(*) FROM deleted AS d GROUP BY 1 ORDER BY 1
  LOOP
    PERFORM change_history_days(ARRAY[day], ARRAY[-reports], ARRAY[0]);
    RETURN NEXT;
  END LOOP;
  PERFORM set_config('tracker.notes_deletions', '', true);
END $$;

-- Erases all data about a tracker's reports: every layer, their identities, the records of deleted and rejected
-- reports, and the tables that were backed up. The numbers in the ledger and the tracker itself remain. Returns the
-- number of reports in its history.
--
-- No refresh restores the history: above the horizon the raw reports are gone, and below it refreshes compute nothing.
CREATE OR REPLACE FUNCTION erase_tracker_history(tracker bigint) RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  key text;
  erased bigint;
  erase_backup text;
BEGIN
  LOCK TABLE location_reports IN SHARE ROW EXCLUSIVE MODE; -- waits for running inserts, to erase their reports too
  SELECT t.hashed_adv_key INTO key FROM trackers AS t WHERE t.id = tracker FOR UPDATE;
  SELECT (SELECT count(*) FROM location_reports AS r WHERE r.hashed_adv_key = key)
    + coalesce((SELECT sum(d.report_count) FROM location_history_days AS d
      WHERE d.hashed_adv_key = key AND d.bucket < current_horizon()), 0) INTO erased;

  PERFORM change_history_days(array_agg(n.day), array_agg(-n.reports), array_agg(-n.identities)) FROM (
    SELECT date_trunc('day', r.timestamp, 'UTC') AS day, count(*) AS reports, 0 AS identities
      FROM location_reports AS r WHERE r.hashed_adv_key = key GROUP BY 1
    UNION ALL
    SELECT d.bucket, d.report_count, 0 FROM location_history_days AS d
      WHERE d.hashed_adv_key = key AND d.bucket < current_horizon()
    UNION ALL
    SELECT i.day, 0, cardinality(i.milliseconds) FROM report_identities AS i WHERE i.hashed_adv_key = key
  ) AS n;
  PERFORM lift_decompression_limit();
  PERFORM set_config('tracker.notes_deletions', 'on', true);
  DELETE FROM location_reports AS r WHERE r.hashed_adv_key = key;
  PERFORM set_config('tracker.notes_deletions', '', true);
  DELETE FROM report_identities AS i WHERE i.hashed_adv_key = key;
  DELETE FROM deleted_reports AS d WHERE d.hashed_adv_key = key;
  DELETE FROM geocoding_queue AS q WHERE q.hashed_adv_key = key;
  -- A rejected report contains the name that its source used: the name of a tracker or of a device.
  DELETE FROM rejected_reports AS j WHERE j.hashed_adv_key = key OR j.tracker IN (
    SELECT t.name FROM trackers AS t WHERE t.id = erase_tracker_history.tracker
    UNION ALL SELECT v.device FROM tracker_devices AS v WHERE v.tracker_id = erase_tracker_history.tracker);
  PERFORM erase_aggregates(key, '-infinity', 'infinity');
  PERFORM mark_history_changed(NULL, NULL);
  FOR erase_backup IN
    SELECT format('DELETE FROM %s WHERE %I = %L', a.attrelid::regclass, a.attname,
      CASE a.attname WHEN 'tracker_id' THEN tracker::text ELSE key END)
    FROM pg_attribute AS a
    WHERE a.attrelid IN (to_regclass('location_reports_backup'), to_regclass('location_history_backup'))
      AND a.attname IN ('tracker_id', 'hashed_adv_key') AND NOT a.attisdropped
  LOOP
    EXECUTE erase_backup;
  END LOOP;
  RETURN erased;
END $$;

-- Disables TimescaleDB's limit on decompressed rows until the end of the transaction: a tracker may have more
-- compressed reports.
CREATE OR REPLACE FUNCTION lift_decompression_limit() RETURNS void LANGUAGE sql AS $$
  SELECT set_config(name, '0', true) FROM pg_settings
  WHERE name = 'timescaledb.max_tuples_decompressed_per_dml_transaction'
$$;
