-- Raw reports of one tracker in [$2, $3), oldest first, as far back as raw reports are kept.
--
-- $1 bigint       tracker id
-- $2 timestamptz  start
-- $3 timestamptz  end
--
-- Result: the columns of ExportRow (src/export/export-row.ts) that a single report has.
-- Locks: none.
SELECT r.timestamp AS "time", ST_Y(r.location) AS latitude, ST_X(r.location) AS longitude,
  r.horizontal_accuracy AS "horizontalAccuracy", r.confidence, r.status, r.nearest_city AS "nearestCity", r.source,
  r.altitude, r.speed, r.course, r.battery, r.motion, r.imprecise
FROM location_reports AS r JOIN trackers AS t USING (hashed_adv_key)
WHERE t.id = $1 AND r.timestamp >= $2::timestamptz AND r.timestamp < $3::timestamptz
  AND r.timestamp >= history_horizon()
ORDER BY r.timestamp
