-- The newest status changes of all trackers, sorted oldest first. The first status of a tracker is not a change.
--
-- $1 integer  number of rows at most
--
-- Result: id, "trackerId", "trackerName", status, "previousStatus", timestamp, "changedBy", reason.
-- Locks: none.
SELECT n.id, n.tracker_id AS "trackerId", t.name AS "trackerName", n.status, previous.status AS "previousStatus",
  n.changed_at AS timestamp, n.changed_by AS "changedBy", n.reason
FROM (SELECT * FROM tracker_status_history ORDER BY id DESC LIMIT $1) AS n
JOIN trackers AS t ON t.id = n.tracker_id
CROSS JOIN LATERAL (
  SELECT h.status FROM tracker_status_history AS h
  WHERE h.tracker_id = n.tracker_id AND h.id < n.id ORDER BY h.id DESC LIMIT 1
) AS previous
ORDER BY n.id
