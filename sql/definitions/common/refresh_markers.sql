-- Records changes for the refresher in refresh_markers, and wakes it by NOTIFY on the channel refresh_location_history.
--
-- Locks: the inserted rows.

-- Records that history changed between two times. Notifies the refresher only if there is no marker yet, because a
-- COMMIT with NOTIFY takes a cluster-wide lock, and halves the rate of concurrent commits. ORDER BY id uses the index,
-- which marks dead rows; EXISTS would read all rows that VACUUM has not removed yet.
CREATE OR REPLACE FUNCTION mark_history_changed(from_time timestamptz, to_time timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  IF (SELECT id FROM refresh_markers ORDER BY id DESC LIMIT 1) IS NULL THEN
    PERFORM pg_notify('refresh_location_history', '');
  END IF;
  INSERT INTO refresh_markers (from_time, to_time) VALUES (from_time, to_time);
END $$;

-- Registering, re-keying or deleting a tracker changes the history that is shown, but not the aggregates.
CREATE OR REPLACE FUNCTION mark_trackers_changed() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF EXISTS (SELECT FROM changed) THEN
    PERFORM mark_history_changed(NULL, NULL);
  END IF;
  RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION mark_trackers_rekeyed() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF EXISTS (SELECT FROM changed n JOIN previous o USING (id) WHERE n.hashed_adv_key <> o.hashed_adv_key) THEN
    PERFORM mark_history_changed(NULL, NULL);
  END IF;
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_trackers_inserted AFTER INSERT ON trackers
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION mark_trackers_changed();
CREATE OR REPLACE TRIGGER mark_trackers_deleted AFTER DELETE ON trackers
  REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION mark_trackers_changed();
CREATE OR REPLACE TRIGGER mark_trackers_updated AFTER UPDATE ON trackers
  REFERENCING NEW TABLE AS changed OLD TABLE AS previous FOR EACH STATEMENT EXECUTE FUNCTION mark_trackers_rekeyed();

-- When the cut moves, history shows days instead of hours, although no report changed.
CREATE OR REPLACE FUNCTION mark_cut_moved() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  PERFORM mark_history_changed(NULL, NULL);
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_cut_moved AFTER UPDATE ON history_state FOR EACH ROW
  WHEN (NEW.cut <> OLD.cut) EXECUTE FUNCTION mark_cut_moved();
