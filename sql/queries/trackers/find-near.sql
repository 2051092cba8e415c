-- Trackers whose newest position is within a distance of a point, nearest first.
--
-- $1 float8   latitude
-- $2 float8   longitude
-- $3 float8   distance in metres
-- $4 integer  number of trackers at most
--
-- Result: the columns of trackers, and distance_meters.
-- Locks: none.
SELECT t.id, t.name, t.advertisement_key, t.hashed_adv_key, t.mac_address, t.current_status, t.last_report_received,
  t.last_report_requested, t.created_at, t.updated_at, near.metres AS distance_meters
FROM latest_locations AS l
JOIN trackers AS t ON t.id = l.tracker_id
CROSS JOIN LATERAL (
  SELECT distance_in_metres($1::float8, $2::float8, ST_Y(l.location), ST_X(l.location)) AS metres
) AS near
-- The cheap check first: a degree of latitude is more than 111,000 m on that sphere.
WHERE abs(ST_Y(l.location) - $1) <= $3::float8 / 111000 AND near.metres <= $3
ORDER BY near.metres, t.id LIMIT $4::integer
