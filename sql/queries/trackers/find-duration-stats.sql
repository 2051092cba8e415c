-- How long trackers have had each status until now, and the number of these trackers.
--
-- Variant MATCHING: {{trackers}} is queries/trackers/find-matching
--
-- $1, $2, $3, $4, $5, $6, $7, $8, $9: as in find-matching.sql
--
-- Result: status, trackers, "trackersNow", "totalSeconds", "averageSeconds", "longestSeconds", "totalTrackers"; one row
-- for each status.
-- Locks: none.
WITH chosen AS (SELECT m.id FROM {{trackers}} AS m),
of_tracker AS (
  SELECT s.tracker_id, s.status, bool_or(s.ended_at IS NULL) AS has_it_now,
    greatest(0, sum(extract(epoch FROM coalesce(s.ended_at, now()) - s.started_at)))::float8 AS seconds
  FROM tracker_status_spans AS s JOIN chosen AS c ON c.id = s.tracker_id GROUP BY 1, 2
)
SELECT every.status, count(o.tracker_id)::integer AS trackers, count(*) FILTER (WHERE o.has_it_now)::integer AS "trackersNow",
  coalesce(sum(o.seconds), 0) AS "totalSeconds", coalesce(avg(o.seconds), 0) AS "averageSeconds",
  coalesce(max(o.seconds), 0) AS "longestSeconds", (SELECT count(*)::integer FROM chosen) AS "totalTrackers"
FROM unnest(enum_range(NULL::tracker_status)) AS every (status) LEFT JOIN of_tracker AS o USING (status)
GROUP BY every.status ORDER BY every.status
