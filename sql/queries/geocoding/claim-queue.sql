-- Locks the newest spans of the geocoding queue, until they contain enough reports. Other processes skip them.
--
-- $1 integer  number of spans at most
-- $2 integer  number of reports after which no more spans are added
--
-- Result: id, "hashedAdvKey", "from", "to", reports; newest first.
-- Locks: up to $1 rows of geocoding_queue, to the end of the transaction.
WITH due AS MATERIALIZED (
  SELECT * FROM geocoding_queue WHERE not_before <= now() ORDER BY to_time DESC LIMIT $1 FOR UPDATE SKIP LOCKED
), numbered AS (
  SELECT due.*, sum(reports) OVER (ORDER BY to_time DESC, id) - reports AS reports_before FROM due
)
SELECT id, hashed_adv_key AS "hashedAdvKey", from_time AS "from", to_time AS "to", reports FROM numbered
WHERE reports_before < $2 ORDER BY to_time DESC, id
