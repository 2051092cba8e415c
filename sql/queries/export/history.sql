-- History rows of one tracker that overlap [$2, $3), oldest first: days before the cut, hours from the cut on. Each row
-- has the time of the report it shows, so that the file can be imported again.
--
-- $1 bigint       tracker id
-- $2 timestamptz  start
-- $3 timestamptz  end
--
-- Result: the columns of ExportRow (src/export/export-row.ts), one row for each hour or day.
-- Locks: none.
SELECT v.located_at AS "time", ST_Y(v.location) AS latitude, ST_X(v.location) AS longitude,
  v.horizontal_accuracy AS "horizontalAccuracy", v.confidence, v.status, v.nearest_city AS "nearestCity", v.source,
  v.bucket_size AS "bucketSize", v.timestamp AS "bucketStart", v.report_count::integer AS "reportCount",
  v.first_report_at AS "firstReportAt", v.last_report_at AS "lastReportAt", v.altitude, v.speed, v.course, v.battery,
  v.motion, v.imprecise, v.located_at AS "locatedAt"
FROM location_history_view AS v
WHERE v.tracker_id = $1
  AND v.timestamp > $2::timestamptz - v.bucket_size::interval AND v.timestamp < $3::timestamptz
  AND v.timestamp > $2::timestamptz - interval '24 hours'
ORDER BY v.timestamp
