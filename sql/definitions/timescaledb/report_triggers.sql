-- Triggers of location_reports that merge late reports, and record changes for the refresher.
--
-- A late row must never be inserted into the hypertable: even if it is deleted again, it marks its day as changed, and
-- the next refresh would recompute that day of all trackers from no raw reports. So a row trigger intercepts late rows
-- of an INSERT or COPY by hand; imports split their batches themselves.
--
-- Locks: the locks of take_late_reports().

-- VOLATILE, although it changes nothing: it must see the current horizon. The snapshot of a COPY is older than its
-- lock, so a COPY that waited while its day was closed would still see the day as open.
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

-- Records the time range of changed reports for the refresher. The transition table excludes rows that ON CONFLICT DO
-- NOTHING skipped, so a batch of duplicates does not wake it.
CREATE OR REPLACE FUNCTION mark_changed_reports() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  PERFORM mark_history_changed(min(timestamp), max(timestamp)) FROM changed HAVING count(*) > 0;
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_inserted_reports AFTER INSERT ON location_reports
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION mark_changed_reports();

-- TimescaleDB (2.28.3; since 2.23 by its source) does not log rows that COPY inserts into a hypertable with triggers
-- like these two, so no refresh would ever see them, and their day would be closed without them. An UPDATE logs the
-- range from the oldest to the newest changed row of a chunk: so the oldest and the newest row of each day are updated
-- without changing a value. One by one and with constants, because a join would decompress a whole compressed day.
--
-- Rows of an INSERT are logged, but are updated too, because nothing reliably distinguishes it from COPY:
-- pg_stat_progress_copy loses a COPY that creates a chunk, hides one after SET ROLE, and is read once per transaction.
CREATE OR REPLACE FUNCTION log_new_reports() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT SET timezone = 'UTC' SET datestyle = 'ISO' AS $$
DECLARE
  row_to_log record;
BEGIN
  -- Not a SET clause of the function: there, an owner who is not a superuser may not use a custom setting.
  PERFORM set_config('tracker.logs_changes', 'on', true);
  FOR row_to_log IN
    SELECT DISTINCT ON (c.timestamp) c.timestamp, c.hashed_adv_key FROM changed AS c
    JOIN (
      SELECT unnest(ARRAY[min(timestamp), max(timestamp)]) AS timestamp FROM changed
      GROUP BY date_trunc('day', timestamp, 'UTC')
    ) AS ends USING (timestamp)
  LOOP
    EXECUTE format('UPDATE location_reports SET received_at = received_at WHERE hashed_adv_key = %L AND timestamp = %L',
      row_to_log.hashed_adv_key, row_to_log.timestamp);
  END LOOP;
  PERFORM set_config('tracker.logs_changes', '', true);
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER log_new_reports AFTER INSERT ON location_reports
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION log_new_reports();

-- Skips the UPDATE of log_new_reports(): the statement that inserted its reports has marked them.
CREATE OR REPLACE TRIGGER mark_updated_reports AFTER UPDATE ON location_reports
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT
  WHEN (current_setting('tracker.logs_changes', true) IS DISTINCT FROM 'on')
  EXECUTE FUNCTION mark_changed_reports();

-- A hypertable has no transition table for DELETE, so the whole time range of raw reports is marked. The refresh
-- recomputes only the ranges that TimescaleDB logged as changed.
CREATE OR REPLACE FUNCTION mark_deleted_reports() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  PERFORM mark_history_changed(history_horizon(), latest_report_time());
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_deleted_reports AFTER DELETE ON location_reports
  FOR EACH STATEMENT EXECUTE FUNCTION mark_deleted_reports();
