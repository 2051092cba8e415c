-- Claims the newest rows of the queue until they have enough reports. Other processes skip these rows.
-- $1 int maximum number of rows, $2 int number of reports that is enough
-- Returns id, "hashedAdvKey", "from", "to", reports. Locks the rows until the transaction ends.
WITH due AS MATERIALIZED (
  SELECT * FROM geocoding_queue WHERE not_before <= now() ORDER BY to_time DESC LIMIT $1 FOR UPDATE SKIP LOCKED
), numbered AS (
  SELECT due.*, sum(reports) OVER (ORDER BY to_time DESC, id) - reports AS newer FROM due
)
SELECT id, hashed_adv_key AS "hashedAdvKey", from_time AS "from", to_time AS "to", reports FROM numbered
WHERE newer < $2 ORDER BY to_time DESC, id
