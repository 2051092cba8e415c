-- A late row must never touch the hypertable: even one that is deleted again marks its day as changed, and the next
-- refresh would compute that day, for all trackers, from what raw holds of it: nothing. So hand-made INSERTs and COPY
-- are caught row by row; the product's own import splits its batches before.

-- VOLATILE, though it changes nothing: it must see the horizon as it is now. The snapshot of a COPY is older than its
-- lock, so one that waited while its day was closed would still see the day as open.
CREATE OR REPLACE FUNCTION report_is_late(reported_at timestamptz) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
BEGIN
  RETURN reported_at < history_horizon();
END $$;

CREATE OR REPLACE FUNCTION merge_late_row() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  -- Under a snapshot that may be older than the horizon, current_horizon() raises a serialization failure.
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

-- What the refresher has to bring the aggregates up to. Rows that ON CONFLICT DO NOTHING left out are in no
-- transition table, so a batch of duplicates wakes nobody.
CREATE OR REPLACE FUNCTION mark_changed_reports() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  PERFORM mark_history_changed(min(timestamp), max(timestamp)) FROM changed HAVING count(*) > 0;
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_inserted_reports AFTER INSERT ON location_reports
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION mark_changed_reports();

-- TimescaleDB (2.28.3; by its source since 2.23) logs nothing as changed when COPY brings rows into a hypertable with
-- triggers like these two, so no refresh would ever look at them, and their day would be closed without them. UPDATEs
-- are logged, from the oldest to the newest row of a chunk: so the two of each day are set to what they are. One by one
-- and with constants: a join would decompress all of a compressed day.
--
-- Of INSERTs as well, though those are logged: nothing tells the two apart for sure. pg_stat_progress_copy forgets a COPY
-- that makes a chunk, hides one after SET ROLE, and is as it was at its first reading in the transaction.
CREATE OR REPLACE FUNCTION log_new_reports() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT SET timezone = 'UTC' SET datestyle = 'ISO' AS $$
DECLARE
  outermost record;
BEGIN
  -- Not in the header: an owner who is no superuser may not name a setting of ours there.
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

-- Not by the UPDATE of log_new_reports(): its reports are marked by the statement that brought them.
CREATE OR REPLACE TRIGGER mark_updated_reports AFTER UPDATE ON location_reports
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT
  WHEN (current_setting('tracker.logs_changes', true) IS DISTINCT FROM 'on')
  EXECUTE FUNCTION mark_changed_reports();

-- A hypertable gives DELETE no transition table, so all that could have been deleted is named, up to the furthest into
-- the future that a report may lie. The refresh looks only at what TimescaleDB itself logged as changed.
CREATE OR REPLACE FUNCTION mark_deleted_reports() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  PERFORM mark_history_changed(history_horizon(), latest_report_time());
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER mark_deleted_reports AFTER DELETE ON location_reports
  FOR EACH STATEMENT EXECUTE FUNCTION mark_deleted_reports();
