-- Leases the tracker to be fetched next: one that a queued run waits for, else the one whose last attempt is the
-- oldest. Skips trackers that another fetcher is leasing at the same time.
--
-- $1 uuid      the lease
-- $2 integer   duration of the lease in milliseconds
-- $3 bigint[]  only these trackers; NULL: any
--
-- Result: "trackerId", tracker (its name), "hashedAdvKey" (its first key), "runId" (the queued run, or NULL); no row if
-- no tracker is queued.
-- Locks: the leased row in tracker_fetches.
--
-- MATERIALIZED, because a plan may otherwise repeat the look-up for every joined row, and lease another tracker each
-- time.
WITH next AS MATERIALIZED (
  SELECT tracker_id FROM tracker_fetches
  WHERE wanted_at IS NOT NULL AND coalesce(leased_until <= clock_timestamp(), true)
    AND ($3::bigint[] IS NULL OR tracker_id = ANY ($3))
  ORDER BY run_id IS NULL, attempted_at NULLS FIRST, tracker_id
  LIMIT 1 FOR UPDATE SKIP LOCKED
)
UPDATE tracker_fetches AS f
SET lease = $1, leased_until = clock_timestamp() + make_interval(secs => $2::integer / 1000.0)
FROM next JOIN trackers AS t ON t.id = next.tracker_id
WHERE f.tracker_id = next.tracker_id
RETURNING f.tracker_id AS "trackerId", t.name AS tracker, t.hashed_adv_key AS "hashedAdvKey", f.run_id AS "runId"
