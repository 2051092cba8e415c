-- Records the end of an attempt to fetch the reports of a tracker, whether it succeeded or failed. If another run has
-- requested the tracker in the meantime, the tracker stays queued for that run.
--
-- $1 bigint  tracker id
-- $2 uuid    lease of the attempt
-- $3 bigint  id of the run the attempt was for, or NULL
-- $4 text    why it failed; NULL: it succeeded
--
-- Result: none.
-- Locks: the tracker's rows in tracker_fetches and trackers.
WITH ended AS (
  UPDATE tracker_fetches SET lease = NULL, leased_until = NULL, attempted_at = clock_timestamp(), last_failure = $4,
    failures = CASE WHEN $4::text IS NULL THEN 0 ELSE failures + 1 END, in_round = false,
    wanted_at = CASE WHEN run_id IS DISTINCT FROM $3::bigint THEN wanted_at END,
    run_id = CASE WHEN run_id IS DISTINCT FROM $3::bigint THEN run_id END
  WHERE tracker_id = $1 AND lease = $2
)
UPDATE trackers SET last_report_requested = now() WHERE id = $1 AND $4::text IS NULL
