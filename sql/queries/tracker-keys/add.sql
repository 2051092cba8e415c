-- Adds keys to a tracker, without changing existing ones, and sets its advertisement key and MAC address if it has
-- none.
--
-- $1 bigint   tracker id
-- $2 text[]   advertisement keys
-- $3 text[]   hashed advertisement keys
-- $4 bytea[]  sealed private keys
-- $5 text[]   ids of the keys they are encrypted with
-- $6 text     MAC address, or NULL
--
-- Result: added (integer), the number of new keys.
-- Locks: the new rows; the tracker's row if it changes; and the advisory lock tracker_keys, which blocks the
-- registration of trackers.
WITH added AS (
  INSERT INTO tracker_keys (tracker_id, advertisement_key, hashed_adv_key, sealed_private_key, encryption_key_id)
  SELECT $1, given.advertisement_key, given.hashed_adv_key, given.sealed_private_key, given.encryption_key_id
  FROM unnest($2::text[], $3::text[], $4::bytea[], $5::text[])
    AS given (advertisement_key, hashed_adv_key, sealed_private_key, encryption_key_id)
  ON CONFLICT (hashed_adv_key) DO NOTHING
  RETURNING hashed_adv_key
),
completed AS (
  UPDATE trackers AS t SET advertisement_key = coalesce(t.advertisement_key, given.advertisement_key),
    mac_address = coalesce(t.mac_address, $6), updated_at = now()
  FROM (SELECT $6::text AS mac_address, (
      SELECT g.advertisement_key FROM unnest($2::text[], $3::text[]) AS g (advertisement_key, hashed_adv_key)
      JOIN trackers AS t USING (hashed_adv_key) WHERE t.id = $1)) AS given (mac_address, advertisement_key)
  WHERE t.id = $1 AND (t.advertisement_key IS NULL AND given.advertisement_key IS NOT NULL
    OR t.mac_address IS NULL AND given.mac_address IS NOT NULL)
)
SELECT count(*)::int AS added FROM added
