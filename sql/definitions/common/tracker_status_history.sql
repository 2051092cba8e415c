-- Records the status changes of trackers.
--
-- Locks: set_tracker_status() locks the tracker's row.

-- Reads from the settings tracker.status_by and tracker.status_reason who changed the status, and why.
--
-- SECURITY DEFINER, because a role that may change trackers may lack rights to tracker_status_history.
CREATE OR REPLACE FUNCTION record_tracker_status() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  INSERT INTO tracker_status_history (tracker_id, status, changed_at, changed_by, reason)
  VALUES (NEW.id, NEW.current_status,
    -- A tracker may be registered with a created_at in the past.
    CASE TG_OP WHEN 'INSERT' THEN least(NEW.created_at, clock_timestamp()) ELSE clock_timestamp() END,
    nullif(current_setting('tracker.status_by', true), ''), nullif(current_setting('tracker.status_reason', true), ''));
  IF TG_OP = 'UPDATE' THEN
    PERFORM pg_notify('location_history_changed', ''); -- for subscribers only: history did not change
  END IF;
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER record_first_status AFTER INSERT ON trackers FOR EACH ROW EXECUTE FUNCTION record_tracker_status();
CREATE OR REPLACE TRIGGER record_changed_status AFTER UPDATE ON trackers FOR EACH ROW
  WHEN (NEW.current_status <> OLD.current_status) EXECUTE FUNCTION record_tracker_status();

-- Sets the status of a tracker. Returns false, and changes and records nothing, if the tracker has that status already.
CREATE OR REPLACE FUNCTION set_tracker_status(tracker bigint, new_status tracker_status, changed_by text, reason text)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  changed boolean;
BEGIN
  PERFORM set_config('tracker.status_by', coalesce(changed_by, ''), true),
    set_config('tracker.status_reason', coalesce(reason, ''), true);
  UPDATE trackers SET current_status = new_status, updated_at = now() WHERE id = tracker AND current_status <> new_status;
  changed := FOUND;
  PERFORM set_config('tracker.status_by', '', true), set_config('tracker.status_reason', '', true);
  RETURN changed;
END $$;

-- How long each status lasted; ended_at is NULL for the current status of a tracker.
CREATE OR REPLACE VIEW tracker_status_spans AS
SELECT h.id, h.tracker_id, h.status, h.changed_at AS started_at,
  lead(h.changed_at) OVER (PARTITION BY h.tracker_id ORDER BY h.id) AS ended_at,
  h.changed_by, h.reason
FROM tracker_status_history AS h;
