-- The keys that trackers advertise, each with the private key that reads its reports. A tracker has one, or several
-- where its firmware changes keys: the first is that of trackers.hashed_adv_key, and whatever reports of the others
-- come in are kept under the first, so that nothing downstream knows of several.
CREATE TABLE tracker_keys (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tracker_id bigint NOT NULL REFERENCES trackers (id) ON DELETE CASCADE,
  advertisement_key text COLLATE "C" NOT NULL,
  -- base64(SHA-256(advertisement key)).
  hashed_adv_key text COLLATE "C" NOT NULL CONSTRAINT tracker_keys_hashed_adv_key_key UNIQUE,
  -- AES-256-GCM: nonce (12 bytes), cipher text, tag (16). hashed_adv_key and encryption_key_id are its associated data.
  sealed_private_key bytea NOT NULL,
  -- Which key of the operator's it is encrypted with; a fingerprint.
  encryption_key_id text NOT NULL,
  created_at timestamptz(3) NOT NULL DEFAULT now()
);
CREATE INDEX tracker_keys_tracker_id_idx ON tracker_keys (tracker_id);

-- A key belongs to one tracker, whether as its first or as a further one. Who writes trackers does not see what another
-- transaction has just written to tracker_keys, so the two wait for each other; writers of trackers do not.
CREATE FUNCTION refuse_key_of_another_tracker() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  taken boolean;
BEGIN
  IF TG_TABLE_NAME = 'trackers' THEN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('tracker_keys', 0));
    taken := EXISTS (SELECT FROM tracker_keys AS k WHERE k.hashed_adv_key = NEW.hashed_adv_key
      AND k.tracker_id <> NEW.id);
  ELSE
    PERFORM pg_advisory_xact_lock(hashtextextended('tracker_keys', 0));
    taken := EXISTS (SELECT FROM trackers AS t WHERE t.hashed_adv_key = NEW.hashed_adv_key
      AND t.id <> NEW.tracker_id);
  END IF;
  IF taken THEN
    RAISE unique_violation USING MESSAGE = format('the key %s belongs to another tracker', NEW.hashed_adv_key),
      CONSTRAINT = TG_TABLE_NAME || '_hashed_adv_key_key', TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER refuse_key_of_another_tracker AFTER INSERT ON tracker_keys
  FOR EACH ROW EXECUTE FUNCTION refuse_key_of_another_tracker();
CREATE TRIGGER refuse_key_of_another_tracker AFTER INSERT ON trackers
  FOR EACH ROW EXECUTE FUNCTION refuse_key_of_another_tracker();
CREATE TRIGGER refuse_key_of_another_tracker_changed AFTER UPDATE OF hashed_adv_key ON trackers
  FOR EACH ROW WHEN (NEW.hashed_adv_key <> OLD.hashed_adv_key) EXECUTE FUNCTION refuse_key_of_another_tracker();
