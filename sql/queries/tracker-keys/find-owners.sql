-- Trackers that have one of these keys, as first or additional key, or this name.
--
-- $1 text[]  hashed advertisement keys
-- $2 text    name
--
-- Result: id, name, "hashedAdvKey" (the first key), "storedKeys" (the keys of $1 that it has in tracker_keys).
-- Locks: none.
SELECT t.id, t.name, t.hashed_adv_key AS "hashedAdvKey",
  ARRAY(SELECT k.hashed_adv_key FROM tracker_keys AS k WHERE k.tracker_id = t.id AND k.hashed_adv_key = ANY ($1)) AS "storedKeys"
FROM trackers AS t
WHERE t.hashed_adv_key = ANY ($1) OR t.name = $2
  OR t.id IN (SELECT k.tracker_id FROM tracker_keys AS k WHERE k.hashed_adv_key = ANY ($1))
ORDER BY t.id
