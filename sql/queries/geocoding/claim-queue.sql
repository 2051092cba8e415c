-- Takes the newest reports of the queue, in whole rows, until there are enough of them. Other processes skip these rows.
-- $1 int most rows, $2 int reports that are enough
-- Returns id, hashed_adv_key, from_time, to_time, reports. Locks the rows until the transaction ends.
WITH due AS MATERIALIZED (
  SELECT * FROM geocoding_queue WHERE not_before <= now() ORDER BY to_time DESC LIMIT $1 FOR UPDATE SKIP LOCKED
), numbered AS (
  SELECT due.*, sum(reports) OVER (ORDER BY to_time DESC, id) - reports AS newer FROM due
)
SELECT id, hashed_adv_key AS key, from_time AS "from", to_time AS "to", reports FROM numbered
WHERE newer < $2 ORDER BY to_time DESC, id
