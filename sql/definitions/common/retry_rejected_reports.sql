-- Ingests up to `batch_size` rejected reports of the quarantine with an id above `after` again, and records the result
-- in the ledger of `run`. Accepted reports leave the quarantine; the others stay, with the reason of this attempt. Runs
-- in one transaction, so that each report leaves the quarantine exactly once.
--
-- `of_run` and `of_reason` select reports; NULL: any. The name in a report is looked up again among trackers and
-- assigned devices; a report that still has no tracker is assigned to `assigned_key`, if that is not NULL. Undecodable
-- reports are skipped. Returns the last id processed (NULL: none left) and the ledger.
--
-- Locks: the advisory lock retry_rejected_reports, until the end of the transaction; the locks of take_in_batch(); rows
-- of rejected_reports and import_run_rejections.
CREATE OR REPLACE FUNCTION retry_rejected_reports(
  run bigint, holder uuid, of_run bigint, of_reason text, assigned_key text, after bigint, batch_size integer)
RETURNS TABLE (until bigint, ledger jsonb) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  retried bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('retry_rejected_reports', 0));
  PERFORM prepare_incoming_reports();

  -- Here the position is the id of the rejected report. Starts in refused_reports, because reports of unknown trackers
  -- lack the key that incoming_reports requires.
  INSERT INTO refused_reports (position, hashed_adv_key, timestamp, latitude, longitude, confidence,
    horizontal_accuracy, status, nearest_city, source, altitude, speed, course, battery, motion, reason, message, tracker)
  SELECT q.id, coalesce(q.hashed_adv_key, t.hashed_adv_key, dt.hashed_adv_key, assigned_key), q.timestamp, q.latitude,
    q.longitude, q.confidence, q.horizontal_accuracy, q.status, q.nearest_city, q.source, q.altitude, q.speed, q.course,
    q.battery, q.motion, q.reason, q.message, q.tracker
  FROM (
    SELECT * FROM rejected_reports
    WHERE id > after AND (of_run IS NULL OR run_id = of_run) AND (of_reason IS NULL OR reason = of_reason)
      AND timestamp IS NOT NULL AND rejected_as <> 'undecodable'
    ORDER BY id LIMIT batch_size
  ) AS q
  LEFT JOIN trackers AS t ON t.name = q.tracker
  LEFT JOIN tracker_devices AS d ON d.device = q.tracker LEFT JOIN trackers AS dt ON dt.id = d.tracker_id;
  GET DIAGNOSTICS retried = ROW_COUNT;
  SELECT max(position) INTO until FROM refused_reports;

  WITH with_key AS (DELETE FROM refused_reports WHERE hashed_adv_key IS NOT NULL RETURNING *)
  INSERT INTO incoming_reports (position, hashed_adv_key, timestamp, latitude, longitude, confidence, horizontal_accuracy,
    status, nearest_city, source, altitude, speed, course, battery, motion)
  SELECT position, hashed_adv_key, timestamp, latitude, longitude, confidence, horizontal_accuracy,
    status, nearest_city, source, altitude, speed, course, battery, motion
  FROM with_key ORDER BY position;

  CREATE TEMPORARY TABLE IF NOT EXISTS retried_reports (id bigint) ON COMMIT DELETE ROWS;
  INSERT INTO retried_reports (id) SELECT position FROM incoming_reports;
  ledger := take_in_batch(run, holder, retried, 0, NULL, 0);
  DELETE FROM retried_reports WHERE id IN (SELECT position FROM refused_reports);

  UPDATE rejected_reports AS q SET reason = r.reason, message = r.message
    FROM refused_reports AS r WHERE q.id = r.position AND q.reason <> r.reason;
  WITH accepted AS (
    DELETE FROM rejected_reports WHERE id IN (SELECT id FROM retried_reports) RETURNING run_id, rejected_as
  )
  UPDATE import_run_rejections AS j SET retaken = j.retaken + a.reports
  FROM (SELECT run_id, rejected_as, count(*) AS reports FROM accepted GROUP BY 1, 2) AS a
  WHERE j.run_id = a.run_id AND j.reason = a.rejected_as;
  DELETE FROM retried_reports;
  RETURN NEXT;
END $$;
