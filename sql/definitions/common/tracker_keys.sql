-- Ensures that a key belongs to one tracker only, as its first or as an additional key. Writers of trackers do not see
-- uncommitted rows of tracker_keys, and vice versa, so a lock makes them wait for each other; writers of trackers do
-- not wait for each other.
--
-- Locks: the advisory lock tracker_keys, until the end of the transaction: shared for trackers, exclusive for
-- tracker_keys.
CREATE OR REPLACE FUNCTION refuse_key_of_another_tracker() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  belongs_to_other boolean;
BEGIN
  IF TG_TABLE_NAME = 'trackers' THEN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('tracker_keys', 0));
    belongs_to_other := EXISTS (SELECT FROM tracker_keys AS k WHERE k.hashed_adv_key = NEW.hashed_adv_key
      AND k.tracker_id <> NEW.id);
  ELSE
    PERFORM pg_advisory_xact_lock(hashtextextended('tracker_keys', 0));
    belongs_to_other := EXISTS (SELECT FROM trackers AS t WHERE t.hashed_adv_key = NEW.hashed_adv_key
      AND t.id <> NEW.tracker_id);
  END IF;
  IF belongs_to_other THEN
    RAISE unique_violation USING MESSAGE = format('the key %s belongs to another tracker', NEW.hashed_adv_key),
      CONSTRAINT = TG_TABLE_NAME || '_hashed_adv_key_key', TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER refuse_key_of_another_tracker AFTER INSERT ON tracker_keys
  FOR EACH ROW EXECUTE FUNCTION refuse_key_of_another_tracker();
CREATE OR REPLACE TRIGGER refuse_key_of_another_tracker AFTER INSERT ON trackers
  FOR EACH ROW EXECUTE FUNCTION refuse_key_of_another_tracker();
CREATE OR REPLACE TRIGGER refuse_key_of_another_tracker_changed AFTER UPDATE OF hashed_adv_key ON trackers
  FOR EACH ROW WHEN (NEW.hashed_adv_key <> OLD.hashed_adv_key) EXECUTE FUNCTION refuse_key_of_another_tracker();
