-- The newest statuses of each of these trackers, newest first.
--
-- $1 bigint[]  tracker ids
-- $2 integer   number of statuses for each tracker at most
--
-- Result: id, "trackerId", status, "timestamp", "endedAt", "changedBy", reason.
-- Locks: none.
SELECT s.id, t.id AS "trackerId", s.status, s.started_at AS "timestamp", s.ended_at AS "endedAt", s.changed_by AS "changedBy", s.reason
FROM trackers AS t
CROSS JOIN LATERAL (
  SELECT h.id, h.status, h.started_at, h.ended_at, h.changed_by, h.reason
  FROM tracker_status_spans AS h WHERE h.tracker_id = t.id ORDER BY h.id DESC LIMIT $2::integer
) AS s
WHERE t.id = ANY ($1::bigint[])
ORDER BY t.id, s.id DESC
