-- Trackers that match a filter. A parameter that is NULL does not filter.
--
-- $1 text              part of the name
-- $2 tracker_status[]  one of these statuses now
-- $3 float8            south edge of a box that contains the newest position
-- $4 float8            west edge; greater than the east edge if the box crosses the antimeridian
-- $5 float8            north edge
-- $6 float8            east edge
-- $7 text              nearest city of the newest position
-- $8 timestamptz       newest report at this time or later
-- $9 timestamptz       newest report before this time
--
-- Result: the columns of trackers, and last_seen.
-- Locks: none.
SELECT t.id, t.name, t.advertisement_key, t.hashed_adv_key, t.mac_address, t.current_status, t.last_report_received,
  t.last_report_requested, t.created_at, t.updated_at,
  (SELECT l.last_report_at FROM latest_locations AS l WHERE l.tracker_id = t.id) AS last_seen
FROM trackers AS t
WHERE ($1::text IS NULL OR position(lower($1) IN lower(t.name)) > 0)
  AND ($2::tracker_status[] IS NULL OR t.current_status = ANY ($2))
  AND ($3::float8 IS NULL AND $7::text IS NULL AND $8::timestamptz IS NULL AND $9::timestamptz IS NULL OR EXISTS (
    SELECT FROM latest_locations AS l WHERE l.tracker_id = t.id
      AND ($3 IS NULL OR ST_Y(l.location) BETWEEN $3 AND $5::float8 AND CASE WHEN $4::float8 <= $6::float8
        THEN ST_X(l.location) BETWEEN $4 AND $6 ELSE ST_X(l.location) >= $4 OR ST_X(l.location) <= $6 END)
      AND ($7 IS NULL OR lower(l.nearest_city) = lower($7))
      AND ($8 IS NULL OR l.last_report_at >= $8) AND ($9 IS NULL OR l.last_report_at < $9)))
