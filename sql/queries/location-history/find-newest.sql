-- The newest history rows of each of these trackers that overlap [$2, $3), newest first: days before the cut, hours
-- from the cut on.
--
-- $1 bigint[]     tracker ids
-- $2 timestamptz  start; NULL: open
-- $3 timestamptz  end; NULL: open
-- $4 integer      number of rows for each tracker at most
--
-- Result: the columns of latest_locations.
-- Locks: none.
SELECT history_row_id(t.id, v.bucket_size, v.timestamp) AS id, t.id AS tracker_id, v.*
FROM trackers AS t
CROSS JOIN LATERAL (
  SELECT h.* FROM history_in_hours AS h
  WHERE h.hashed_adv_key = t.hashed_adv_key
    AND h.timestamp > coalesce($2::timestamptz, '-infinity') - interval '24 hours'
    AND h.timestamp < coalesce($3::timestamptz, 'infinity')
    AND h.timestamp + bucket_width(h.bucket_size) > coalesce($2, '-infinity')
  ORDER BY h.timestamp DESC LIMIT $4::integer
) AS v
WHERE t.id = ANY ($1::bigint[])
ORDER BY t.id, v.timestamp DESC
