-- The newest history row of each of these trackers.
--
-- $1 bigint[]  tracker ids
--
-- Result: the columns of latest_locations; no row for a tracker without history.
-- Locks: none.
SELECT l.* FROM latest_locations AS l WHERE l.tracker_id = ANY ($1::bigint[])
