-- A page of the raw reports of several trackers, and of their days before the horizon: by tracker id, then by time. The
-- page starts after the row that $5 to $7 describe. Reads only as many reports as a page has, not all later ones.
--
-- $1 bigint[]     tracker ids; NULL: all
-- $2 timestamptz  start; NULL: open
-- $3 timestamptz  end; NULL: open
-- $4 boolean      newest first
-- $5 bigint       tracker of the row before the page; NULL, with $6 and $7: from the beginning
-- $6 timestamptz  start of that row
-- $7 text         bucket size of that row
-- $8 integer      number of rows at most
--
-- Result: the columns of latest_locations.
-- Raises: 72000 (snapshot too old) if the reports of the next page were removed, and only their day remains.
-- Locks: none.
WITH unfinished AS MATERIALIZED (
  SELECT day_to_end_in_hours($6::timestamptz, $7::text, $4::boolean)
)
SELECT history_row_id(t.id, v.bucket_size, v.timestamp) AS id, t.id AS tracker_id, v.*
FROM unfinished
CROSS JOIN trackers AS t
CROSS JOIN LATERAL (
  SELECT coalesce(
      greatest(CASE WHEN t.id = $5::bigint AND NOT $4 THEN $6 + interval '1 millisecond' END, $2::timestamptz),
      '-infinity') AS from_time,
    least(CASE WHEN t.id = $5 AND $4 THEN $6 END, $3::timestamptz, 'infinity') AS to_time
) AS bounds
CROSS JOIN LATERAL (
  SELECT h.* FROM (
    -- The other end of the range is checked below: with two unknown ends the planner expects so few rows that it reads
    -- and sorts all of them.
    (SELECT r.* FROM raw_history AS r
     WHERE NOT $4 AND r.hashed_adv_key = t.hashed_adv_key AND r.timestamp >= bounds.from_time
     ORDER BY r.timestamp LIMIT $8::integer)
    UNION ALL
    (SELECT r.* FROM raw_history AS r
     WHERE $4 AND r.hashed_adv_key = t.hashed_adv_key AND r.timestamp < bounds.to_time
     ORDER BY r.timestamp DESC LIMIT $8)
    UNION ALL
    SELECT d.* FROM history_in_days AS d
    WHERE d.hashed_adv_key = t.hashed_adv_key AND d.timestamp < (SELECT closed_before FROM history_state)
      AND d.timestamp < bounds.to_time AND d.timestamp + interval '24 hours' > coalesce($2, '-infinity')
      AND ($4 OR $5 IS NULL OR t.id > $5 OR d.timestamp > $6)
  ) AS h
  WHERE h.bucket_size = '1 day' OR h.timestamp >= bounds.from_time AND h.timestamp < bounds.to_time
  ORDER BY CASE WHEN $4 THEN -extract(epoch FROM h.timestamp) ELSE extract(epoch FROM h.timestamp) END LIMIT $8
) AS v
WHERE ($1::bigint[] IS NULL OR t.id = ANY ($1)) AND ($5 IS NULL OR t.id >= $5)
ORDER BY t.id, CASE WHEN $4 THEN -extract(epoch FROM v.timestamp) ELSE extract(epoch FROM v.timestamp) END
LIMIT $8
