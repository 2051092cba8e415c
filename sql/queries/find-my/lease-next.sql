-- Leases the tracker that is to be asked for next: those that somebody waits for first, then the one that waited
-- longest. What another fetcher is leasing at this moment is passed over.
--
-- $1 uuid      the lease
-- $2 integer   for how long, in milliseconds
-- $3 bigint[]  of these trackers alone; NULL: of all
--
-- "trackerId", tracker (its name), "hashedAdvKey" (its first), "runId" (of a queued run, or NULL); no row where nothing
-- is to do.
--
-- Locks: the leased row.
-- MATERIALIZED: else a plan may run the look-up again for every row that it joins, and lease another one each time.
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
