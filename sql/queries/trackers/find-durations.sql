-- The start of the current status of each of these trackers, and its total time in transit and in storage until now.
--
-- $1 bigint[]  tracker ids
--
-- Result: "trackerId", "currentSince", "transitSeconds", "storageSeconds"; one row a tracker.
-- Locks: none.
SELECT s.tracker_id AS "trackerId", max(s.started_at) FILTER (WHERE s.ended_at IS NULL) AS "currentSince",
  coalesce(sum(spent.seconds) FILTER (WHERE s.status = 'IN_TRANSIT'), 0) AS "transitSeconds",
  coalesce(sum(spent.seconds) FILTER (WHERE s.status = 'IN_STORAGE'), 0) AS "storageSeconds"
FROM tracker_status_spans AS s
CROSS JOIN LATERAL (
  SELECT greatest(0, extract(epoch FROM coalesce(s.ended_at, now()) - s.started_at))::float8 AS seconds
) AS spent
WHERE s.tracker_id = ANY ($1::bigint[])
GROUP BY s.tracker_id
