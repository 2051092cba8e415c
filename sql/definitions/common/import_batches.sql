-- Ingests a batch of an import run, and records the result in the ledger and the quarantine, in one transaction.
--
-- Locks: the locks of ingest_reports(); then the rows of the run in import_run_rejections, import_run_trackers and
-- import_runs.

-- The current ledger of a run, as JSON.
CREATE OR REPLACE FUNCTION import_ledger(run bigint) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_object('read', r.read, 'stored', r.stored, 'late', r.late, 'duplicate', r.duplicate,
    'rejected', r.rejected, 'rejections', coalesce((
      SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('reason', j.reason, 'reports', j.reports,
        'firstPosition', j.first_position, 'message', j.message, 'kept', j.kept, 'retaken', j.retaken))
        ORDER BY j.reports DESC, j.reason)
      FROM import_run_rejections AS j WHERE j.run_id = r.id), '[]'))
  FROM import_runs AS r WHERE r.id = run
$$;

-- Ingests the reports in the tables of prepare_incoming_reports(), and adds the result to the ledger of a run: counts,
-- position and quarantine. Returns the ledger. `reports_given` and `items_given` (undecodable items) are the numbers
-- that the caller read from the source for this batch, `until` is the last position in it. If the database counts
-- differently, a check of import_runs fails and nothing is stored. The quarantine keeps up to `keep` reports for each
-- reason.
CREATE OR REPLACE FUNCTION take_in_batch(
  run bigint, holder uuid, reports_given bigint, items_given bigint, until bigint, keep integer)
RETURNS jsonb LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM ingest_reports();
  IF EXISTS (SELECT FROM refused_reports) THEN
    PERFORM quarantine_refused_reports(run, keep);
  END IF;
  INSERT INTO import_run_trackers AS known (run_id, hashed_adv_key, stored, late, duplicate, rejected)
  SELECT run, hashed_adv_key, coalesce(sum(reports) FILTER (WHERE outcome = 'stored'), 0),
    coalesce(sum(reports) FILTER (WHERE outcome = 'late'), 0),
    coalesce(sum(reports) FILTER (WHERE outcome = 'duplicate'), 0),
    coalesce(sum(reports) FILTER (WHERE outcome = 'rejected'), 0)
  FROM (
    SELECT hashed_adv_key, outcome, reports FROM taken_reports
    UNION ALL
    SELECT hashed_adv_key, 'rejected', count(*) FROM refused_reports WHERE hashed_adv_key IS NOT NULL GROUP BY 1
  ) AS counted
  GROUP BY hashed_adv_key ORDER BY hashed_adv_key
  ON CONFLICT (run_id, hashed_adv_key) DO UPDATE SET stored = known.stored + excluded.stored,
    late = known.late + excluded.late, duplicate = known.duplicate + excluded.duplicate,
    rejected = known.rejected + excluded.rejected;

  -- Last, so that concurrent batches of the same daily run of a phone lock its row as briefly as possible.
  UPDATE import_runs AS r SET
    reports_given = r.reports_given + take_in_batch.reports_given, items_given = r.items_given + take_in_batch.items_given,
    read = r.read + take_in_batch.reports_given + take_in_batch.items_given,
    last_position = coalesce(until, r.last_position),
    stored = r.stored + counted.stored, late = r.late + counted.late, duplicate = r.duplicate + counted.duplicate,
    rejected = r.rejected + counted.rejected,
    finished_at = CASE WHEN r.standing IS NOT NULL THEN now() END
  FROM (
    SELECT coalesce(sum(reports) FILTER (WHERE outcome = 'stored'), 0) AS stored,
      coalesce(sum(reports) FILTER (WHERE outcome = 'late'), 0) AS late,
      coalesce(sum(reports) FILTER (WHERE outcome = 'duplicate'), 0) AS duplicate,
      (SELECT count(*) FROM refused_reports) AS rejected
    FROM taken_reports
  ) AS counted
  WHERE r.id = run AND r.owner IS NOT DISTINCT FROM holder;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the import run % was taken over by another process, or removed', run
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'import_run_is_held';
  END IF;
  RETURN import_ledger(run);
END $$;

-- Counts rejected reports by reason, and stores up to `keep` of each reason in the quarantine, with unchanged values.
CREATE OR REPLACE FUNCTION quarantine_refused_reports(run bigint, keep integer) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM complete_incoming_reports(); -- an ingest_reports() of 0.1.0 that was replaced while it waited does not call it
  INSERT INTO import_run_rejections AS known (run_id, reason, reports, first_position, message, kept)
  SELECT run, reason, count(*), min(position), (array_agg(message ORDER BY position))[1], 0
  FROM refused_reports GROUP BY reason ORDER BY reason
  ON CONFLICT (run_id, reason) DO UPDATE SET reports = known.reports + excluded.reports;

  WITH kept AS (
    INSERT INTO rejected_reports (run_id, position, rejected_as, reason, message, tracker, hashed_adv_key, timestamp,
      latitude, longitude, confidence, horizontal_accuracy, status, nearest_city, source, altitude, speed, course, battery,
      motion, given)
    SELECT run, r.position, r.reason, r.reason, r.message, r.tracker, r.hashed_adv_key, r.timestamp,
      r.latitude, r.longitude, r.confidence, r.horizontal_accuracy, r.status, r.nearest_city, r.source, r.altitude, r.speed,
      r.course, r.battery, r.motion, r.given
    FROM (SELECT *, row_number() OVER (PARTITION BY reason ORDER BY position) AS n FROM refused_reports) AS r
    JOIN import_run_rejections AS j ON j.run_id = run AND j.reason = r.reason
    WHERE r.n <= keep - j.kept
    ORDER BY r.position
    RETURNING reason
  )
  UPDATE import_run_rejections AS j SET kept = j.kept + k.reports
  FROM (SELECT reason, count(*) AS reports FROM kept GROUP BY reason) AS k
  WHERE j.run_id = run AND j.reason = k.reason;
END $$;
