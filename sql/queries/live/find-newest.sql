-- Time of the newest raw report of each of these trackers; for a tracker without raw reports, the horizon.
--
-- $1 bigint[]  tracker ids
--
-- Result: "trackerId", newest; one row a tracker.
-- Locks: none.
SELECT t.id AS "trackerId", coalesce(newest.timestamp, history_horizon()) AS newest
FROM trackers AS t
LEFT JOIN LATERAL (
  SELECT r.timestamp FROM location_reports AS r WHERE r.hashed_adv_key = t.hashed_adv_key
  ORDER BY r.timestamp DESC LIMIT 1
) AS newest ON true
WHERE t.id = ANY ($1::bigint[])
