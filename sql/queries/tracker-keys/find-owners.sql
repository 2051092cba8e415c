-- Trackers that have one of some keys, as their first one or as a further one, or a name.
--
-- $1 text[]  hashed advertisement keys
-- $2 text    name
--
-- id, name, "hashedAdvKey" (its first), "keptKeys" (those of $1 that are kept for it, with their private keys)
--
-- Locks: none.
SELECT t.id, t.name, t.hashed_adv_key AS "hashedAdvKey",
  ARRAY(SELECT k.hashed_adv_key FROM tracker_keys AS k WHERE k.tracker_id = t.id AND k.hashed_adv_key = ANY ($1)) AS "keptKeys"
FROM trackers AS t
WHERE t.hashed_adv_key = ANY ($1) OR t.name = $2
  OR t.id IN (SELECT k.tracker_id FROM tracker_keys AS k WHERE k.hashed_adv_key = ANY ($1))
ORDER BY t.id
