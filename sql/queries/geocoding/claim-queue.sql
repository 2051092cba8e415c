-- Takes the newest spans from the geocoding queue, until they add up to enough reports. Other processes skip them.
--
-- $1 integer  number of spans at most
-- $2 integer  number of reports that is enough
--
-- Result: id, "hashedAdvKey", "from", "to", reports; newest first.
-- Locks: up to $1 rows of geocoding_queue, to the end of the transaction.
WITH due AS MATERIALIZED (
  SELECT * FROM geocoding_queue WHERE not_before <= now() ORDER BY to_time DESC LIMIT $1 FOR UPDATE SKIP LOCKED
), numbered AS (
  SELECT due.*, sum(reports) OVER (ORDER BY to_time DESC, id) - reports AS newer FROM due
)
SELECT id, hashed_adv_key AS "hashedAdvKey", from_time AS "from", to_time AS "to", reports FROM numbered
WHERE newer < $2 ORDER BY to_time DESC, id
