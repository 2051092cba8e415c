-- Ends an attempt, answered or not. What was asked for meanwhile, by a run that the attempt knew nothing of, is still
-- to do.
--
-- $1 bigint  id of the tracker
-- $2 uuid    the lease
-- $3 bigint  id of the run that the attempt was for, or NULL
-- $4 text    why there was no answer; NULL where there was one
--
-- No rows.
--
-- Locks: the rows of the tracker.
WITH ended AS (
  UPDATE tracker_fetches SET lease = NULL, leased_until = NULL, attempted_at = clock_timestamp(), last_failure = $4,
    failures = CASE WHEN $4::text IS NULL THEN 0 ELSE failures + 1 END, in_round = false,
    wanted_at = CASE WHEN run_id IS DISTINCT FROM $3::bigint THEN wanted_at END,
    run_id = CASE WHEN run_id IS DISTINCT FROM $3::bigint THEN run_id END
  WHERE tracker_id = $1 AND lease = $2
)
UPDATE trackers SET last_report_requested = now() WHERE id = $1 AND $4::text IS NULL
