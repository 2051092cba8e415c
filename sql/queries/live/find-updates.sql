-- Raw reports of each tracker that are newer than a time, by tracker and time. One index look-up per tracker.
--
-- $1 bigint[]       tracker ids
-- $2 timestamptz[]  time of the newest report of each tracker that the caller has
-- $3 integer        number of rows at most
--
-- Result: "trackerId", "trackerName", and the fields of the report.
-- Locks: none.
SELECT t.id AS "trackerId", t.name AS "trackerName", r.timestamp, ST_Y(r.location) AS latitude,
  ST_X(r.location) AS longitude, r.confidence, r.horizontal_accuracy AS "horizontalAccuracy", r.status,
  r.nearest_city AS "nearestCity", r.source, r.altitude, r.speed, r.course, r.battery, r.motion, r.imprecise
FROM unnest($1::bigint[], $2::timestamptz[]) AS known (tracker_id, newest)
JOIN trackers AS t ON t.id = known.tracker_id
CROSS JOIN LATERAL (
  SELECT * FROM location_reports AS newer
  WHERE newer.hashed_adv_key = t.hashed_adv_key AND newer.timestamp > known.newest
  ORDER BY newer.timestamp LIMIT $3
) AS r
ORDER BY t.id, r.timestamp
LIMIT $3
