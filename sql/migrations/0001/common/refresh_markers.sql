-- What the refresher has still to do. NOTIFY is only a hint; these rows, written by the transaction that changed
-- something, are the truth. Appended and deleted, never updated: one updated row would make all writers queue.
CREATE TABLE refresh_markers (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- Times of the changed reports, both ends included; NULL where only trackers changed.
  from_time timestamptz,
  to_time timestamptz,
  created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp()
);

-- Notes that history changed between two times, and wakes the refresher unless it has been woken already: a commit
-- with a NOTIFY takes a lock of the whole cluster and halves the rate of concurrent commits. Asked by the index, which
-- forgets rows that are gone as soon as somebody came across them: EXISTS would read all that VACUUM has not yet taken.
CREATE FUNCTION mark_history_changed(from_time timestamptz, to_time timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  IF (SELECT id FROM refresh_markers ORDER BY id DESC LIMIT 1) IS NULL THEN
    PERFORM pg_notify('refresh_location_history', '');
  END IF;
  INSERT INTO refresh_markers (from_time, to_time) VALUES (from_time, to_time);
END $$;

-- Registering, re-keying or deleting a tracker changes what history shows, but no aggregate.
CREATE FUNCTION mark_trackers_changed() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF EXISTS (SELECT FROM changed) THEN
    PERFORM mark_history_changed(NULL, NULL);
  END IF;
  RETURN NULL;
END $$;
CREATE FUNCTION mark_trackers_rekeyed() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF EXISTS (SELECT FROM changed n JOIN previous o USING (id) WHERE n.hashed_adv_key <> o.hashed_adv_key) THEN
    PERFORM mark_history_changed(NULL, NULL);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER mark_trackers_inserted AFTER INSERT ON trackers
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION mark_trackers_changed();
CREATE TRIGGER mark_trackers_deleted AFTER DELETE ON trackers
  REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION mark_trackers_changed();
CREATE TRIGGER mark_trackers_updated AFTER UPDATE ON trackers
  REFERENCING NEW TABLE AS changed OLD TABLE AS previous FOR EACH STATEMENT EXECUTE FUNCTION mark_trackers_rekeyed();

-- Where the cut moves, hours become days in what is shown, though no report came in.
CREATE FUNCTION mark_cut_moved() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  PERFORM mark_history_changed(NULL, NULL);
  RETURN NULL;
END $$;
CREATE TRIGGER mark_cut_moved AFTER UPDATE ON history_state FOR EACH ROW
  WHEN (NEW.cut <> OLD.cut) EXECUTE FUNCTION mark_cut_moved();
