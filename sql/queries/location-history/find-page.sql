-- A page of the history of several trackers: by tracker id, then by time. For raw reports see find-page-of-reports.sql.
--
-- The page starts after the row that $5 to $7 describe. A day that was begun in hours is finished in hours, see
-- day_to_end_in_hours(). One statement, because the cut could move past that day between two.
--
-- Variant HOURLY: {{history}} is history_in_hours
-- Variant DAILY: {{history}} is history_in_days
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
-- Raises: 72000 (snapshot too old) if the hours of the next page are gone and their raw reports were removed.
-- Locks: none.
WITH unfinished AS MATERIALIZED (
  SELECT day_to_end_in_hours($6::timestamptz, $7::text, $4::boolean) AS day
)
SELECT history_row_id(t.id, v.bucket_size, v.timestamp) AS id, t.id AS tracker_id, v.*
FROM unfinished
CROSS JOIN trackers AS t
CROSS JOIN LATERAL (
  SELECT CASE WHEN t.id = $5::bigint AND NOT $4 THEN $6::timestamptz ELSE '-infinity' END AS after,
    CASE WHEN t.id = $5 AND $4 THEN $6 ELSE 'infinity' END AS before,
    CASE WHEN t.id = $5 THEN unfinished.day END AS day_in_hours
) AS bounds
CROSS JOIN LATERAL (
  SELECT h.* FROM (
    (SELECT h.* FROM {{history}} AS h
     WHERE NOT $4 AND h.hashed_adv_key = t.hashed_adv_key
       AND h.timestamp > greatest(bounds.after, $2::timestamptz - interval '24 hours')
       AND h.timestamp < coalesce($3::timestamptz, 'infinity') AND h.timestamp + bucket_width(h.bucket_size) > coalesce($2, '-infinity')
       AND h.timestamp IS DISTINCT FROM bounds.day_in_hours
     ORDER BY h.timestamp LIMIT $8::integer)
    UNION ALL
    (SELECT h.* FROM {{history}} AS h
     WHERE $4 AND h.hashed_adv_key = t.hashed_adv_key
       AND h.timestamp < least(bounds.before, $3::timestamptz)
       AND h.timestamp > coalesce($2, '-infinity') - interval '24 hours' AND h.timestamp + bucket_width(h.bucket_size) > coalesce($2, '-infinity')
       AND h.timestamp IS DISTINCT FROM bounds.day_in_hours
     ORDER BY h.timestamp DESC LIMIT $8)
    UNION ALL
    SELECT h.* FROM hours_from_reports(t.hashed_adv_key, bounds.day_in_hours) AS h
    WHERE bounds.day_in_hours IS NOT NULL AND h.timestamp > bounds.after AND h.timestamp < least(bounds.before, $3)
      AND h.timestamp + interval '1 hour' > coalesce($2, '-infinity')
  ) AS h
  ORDER BY CASE WHEN $4 THEN -extract(epoch FROM h.timestamp) ELSE extract(epoch FROM h.timestamp) END LIMIT $8
) AS v
WHERE ($1::bigint[] IS NULL OR t.id = ANY ($1)) AND ($5 IS NULL OR t.id >= $5)
ORDER BY t.id, CASE WHEN $4 THEN -extract(epoch FROM v.timestamp) ELSE extract(epoch FROM v.timestamp) END
LIMIT $8
