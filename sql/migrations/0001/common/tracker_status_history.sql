-- Every status that a tracker has had, since when, by whom and why. A trigger writes it, in the transaction that
-- changes the tracker: so a change by plain SQL is there as well, and none is there that was rolled back.
--
-- Not status_history: earlier systems have a table of that name.
CREATE TABLE tracker_status_history (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- the order of a tracker's changes, which are made under its lock
  tracker_id bigint NOT NULL REFERENCES trackers (id) ON UPDATE CASCADE ON DELETE CASCADE,
  status tracker_status NOT NULL,
  changed_at timestamptz(3) NOT NULL,
  changed_by text,
  reason text
);
CREATE INDEX tracker_status_history_tracker ON tracker_status_history (tracker_id, id DESC);

-- Who and why come from the settings tracker.status_by and tracker.status_reason of the transaction.
--
-- SECURITY DEFINER: who may change trackers need not have a right to their history.
CREATE FUNCTION record_tracker_status() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  INSERT INTO tracker_status_history (tracker_id, status, changed_at, changed_by, reason)
  VALUES (NEW.id, NEW.current_status,
    -- A tracker may be registered with the time at which that once was.
    CASE TG_OP WHEN 'INSERT' THEN least(NEW.created_at, clock_timestamp()) ELSE clock_timestamp() END,
    nullif(current_setting('tracker.status_by', true), ''), nullif(current_setting('tracker.status_reason', true), ''));
  IF TG_OP = 'UPDATE' THEN
    PERFORM pg_notify('location_history_changed', ''); -- for subscribers; history, and what is refreshed, is the same
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER record_first_status AFTER INSERT ON trackers FOR EACH ROW EXECUTE FUNCTION record_tracker_status();
CREATE TRIGGER record_changed_status AFTER UPDATE ON trackers FOR EACH ROW
  WHEN (NEW.current_status <> OLD.current_status) EXECUTE FUNCTION record_tracker_status();

-- Gives a tracker a status. Returns whether it had another one before; else nothing is changed, and nothing recorded.
CREATE FUNCTION set_tracker_status(tracker bigint, new_status tracker_status, changed_by text, reason text)
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

-- How long each status lasted; ended_at is NULL for the one that a tracker has now.
CREATE VIEW tracker_status_spans AS
SELECT h.id, h.tracker_id, h.status, h.changed_at AS started_at,
  lead(h.changed_at) OVER (PARTITION BY h.tracker_id ORDER BY h.id) AS ended_at,
  h.changed_by, h.reason
FROM tracker_status_history AS h;

-- Trackers that were there before: since when they have a status other than the first is not known, so it counts from now.
INSERT INTO tracker_status_history (tracker_id, status, changed_at, reason)
SELECT id, current_status, CASE current_status WHEN 'CREATED' THEN least(created_at, now()) ELSE now() END,
  'had it when the recording of statuses began'
FROM trackers ORDER BY id;
