-- The newest changes of status of all trackers, the oldest of them first; the first status of a tracker is no change.
-- $1 integer rows at most
SELECT n.id, n.tracker_id AS "trackerId", t.name AS "trackerName", n.status, previous.status AS "previousStatus",
  n.changed_at AS timestamp, n.changed_by AS "changedBy", n.reason
FROM (SELECT * FROM tracker_status_history ORDER BY id DESC LIMIT $1) AS n
JOIN trackers AS t ON t.id = n.tracker_id
CROSS JOIN LATERAL (
  SELECT h.status FROM tracker_status_history AS h
  WHERE h.tracker_id = n.tracker_id AND h.id < n.id ORDER BY h.id DESC LIMIT 1
) AS previous
ORDER BY n.id
