-- The newest history row of each of these trackers.
-- $1 bigint[] tracker ids
SELECT l.* FROM latest_locations AS l WHERE l.tracker_id = ANY ($1::bigint[])
