-- Splits a queued span: it keeps its newest $2 reports, and the others are queued as a new span.
--
-- $1 bigint   id of the span
-- $2 integer  number of reports to keep
--
-- Result: "from", the new start of the span; no row if the span has at most $2 reports, or its raw reports are gone.
-- Locks: the span in geocoding_queue.
WITH newest AS (
  SELECT q.hashed_adv_key, q.from_time, r.timestamp, q.reports, q.queued_at FROM geocoding_queue AS q
  JOIN location_reports AS r ON r.hashed_adv_key = q.hashed_adv_key AND r.timestamp BETWEEN q.from_time AND q.to_time
  WHERE q.id = $1 AND r.nearest_city IS NULL
  ORDER BY r.timestamp DESC OFFSET $2::integer - 1 LIMIT 1
), rest AS (
  INSERT INTO geocoding_queue (hashed_adv_key, from_time, to_time, reports, queued_at)
  SELECT hashed_adv_key, from_time, timestamp - interval '1 millisecond', greatest(reports - $2::integer, 1), queued_at
  FROM newest WHERE timestamp > from_time
)
UPDATE geocoding_queue AS q SET from_time = newest.timestamp, reports = $2::integer FROM newest
WHERE q.id = $1 AND newest.timestamp > newest.from_time
RETURNING q.from_time AS "from"
