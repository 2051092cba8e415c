-- Triggers of location_reports that merge late reports, and tell the refresher what to refresh.
--
-- A late row must never reach the hypertable: even if it is deleted again, it marks its day as changed, and the next
-- refresh would compute that day, for all trackers, from no raw reports at all. So rows of an INSERT or COPY by hand are
-- intercepted one by one; imports split their batches themselves.
--
-- Locks: those of take_late_reports().

-- VOLATILE, although it changes nothing: it must see the current horizon. The snapshot of a COPY is older than its lock,
-- so a COPY that waited while its day was closed would still see the day as open.
CREATE OR REPLACE FUNCTION report_is_late(reported_at timestamptz) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
BEGIN
  RETURN reported_at < history_horizon();
END $$;

CREATE OR REPLACE FUNCTION merge_late_row() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  -- If the snapshot may be older than the horizon, current_horizon() raises a serialization failure.
  IF NEW.timestamp < current_horizon() THEN
    -- NEW has the row type of a chunk.
    PERFORM merge_late_reports(ARRAY[make_report(
      NEW.hashed_adv_key, NEW.timestamp, NEW.location, NEW.confidence, NEW.horizontal_accuracy, NEW.status,
      NEW.nearest_city, NEW.source, NEW.received_at, NEW.altitude, NEW.speed, NEW.course, NEW.battery, NEW.motion,
      NEW.imprecise)]);
    RETURN NULL;
  END IF;
  RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER merge_late_row BEFORE INSERT ON location_reports FOR EACH ROW
  WHEN (report_is_late(NEW.timestamp) OR current_setting('transaction_isolation') <> 'read committed')
  EXECUTE FUNCTION merge_late_row();

-- Tells the refresher what to refresh. Rows that ON CONFLICT DO NOTHING left out are not in the transition table, so a
-- batch of duplicates does not wake it.
CREATE OR REPLACE FUNCTION mark_changed_reports() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  PERFORM mark_history_changed(min(timestamp), max(timestamp)) FROM changed HAVING count(*) > 0;
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_inserted_reports AFTER INSERT ON location_reports
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION mark_changed_reports();

-- TimescaleDB (2.28.3; since 2.23 by its source) does not log rows that COPY inserts into a hypertable with triggers like
-- these two, so no refresh would ever see them, and their day would be closed without them. UPDATEs are logged, from the
-- oldest to the newest row of a chunk: so the oldest and the newest row of each day are updated to what they are. One by
-- one and with constants, because a join would decompress a whole compressed day.
--
-- INSERTs are logged, but are updated as well, because nothing reliably tells the two apart: pg_stat_progress_copy loses
-- a COPY that makes a chunk, hides one after SET ROLE, and does not change after its first reading in a transaction.
CREATE OR REPLACE FUNCTION log_new_reports() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT SET timezone = 'UTC' SET datestyle = 'ISO' AS $$
DECLARE
  outermost record;
BEGIN
  -- Not as SET of the function: an owner who is not a superuser may not use a custom setting there.
  PERFORM set_config('tracker.logs_changes', 'on', true);
  FOR outermost IN
    SELECT DISTINCT ON (c.timestamp) c.timestamp, c.hashed_adv_key FROM changed AS c
    JOIN (
      SELECT unnest(ARRAY[min(timestamp), max(timestamp)]) AS timestamp FROM changed
      GROUP BY date_trunc('day', timestamp, 'UTC')
    ) AS ends USING (timestamp)
  LOOP
    EXECUTE format('UPDATE location_reports SET received_at = received_at WHERE hashed_adv_key = %L AND timestamp = %L',
      outermost.hashed_adv_key, outermost.timestamp);
  END LOOP;
  PERFORM set_config('tracker.logs_changes', '', true);
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER log_new_reports AFTER INSERT ON location_reports
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION log_new_reports();

-- Not for the UPDATE of log_new_reports(): its reports are marked by the statement that inserted them.
CREATE OR REPLACE TRIGGER mark_updated_reports AFTER UPDATE ON location_reports
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT
  WHEN (current_setting('tracker.logs_changes', true) IS DISTINCT FROM 'on')
  EXECUTE FUNCTION mark_changed_reports();

-- A hypertable has no transition table for DELETE, so everything that could have been deleted is marked, up to the latest
-- time a report may have. The refresh computes only what TimescaleDB itself logged as changed.
CREATE OR REPLACE FUNCTION mark_deleted_reports() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  PERFORM mark_history_changed(history_horizon(), latest_report_time());
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_deleted_reports AFTER DELETE ON location_reports
  FOR EACH STATEMENT EXECUTE FUNCTION mark_deleted_reports();
