-- Triggers of location_reports that reject changes that history cannot reflect, and flag imprecise reports.
--
-- Locks: none.

CREATE OR REPLACE FUNCTION refuse_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'TRUNCATE of % would lose history without a trace; DELETE the reports instead', TG_TABLE_NAME
    USING ERRCODE = 'feature_not_supported';
END $$;
CREATE OR REPLACE TRIGGER refuse_truncate BEFORE TRUNCATE ON location_reports
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();

-- The key, time and position of a report never change: delete it and insert another one.
CREATE OR REPLACE FUNCTION refuse_moving_reports() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'hashed_adv_key, timestamp and location of a report cannot be changed; DELETE it and INSERT another'
    USING ERRCODE = 'feature_not_supported';
END $$;
CREATE OR REPLACE TRIGGER refuse_moving_reports BEFORE UPDATE OF hashed_adv_key, timestamp, location ON location_reports
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_moving_reports();

-- A report from the future would move the watermark of the aggregates, and stay the newest position of its tracker.
-- Checked at INSERT only: a CHECK constraint would also reject an UPDATE of a stored report after the clock was set
-- back.
CREATE OR REPLACE FUNCTION refuse_future_report() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF NEW.timestamp > latest_report_time() OR NOT isfinite(NEW.timestamp) THEN
    RAISE EXCEPTION 'the report of % at % violates check constraint "location_reports_not_in_future": it is % now',
      NEW.hashed_adv_key, NEW.timestamp, now() USING ERRCODE = 'check_violation', CONSTRAINT = 'location_reports_not_in_future',
        HINT = 'A report may be at most ten minutes in the future. Check the clock of the database.';
  END IF;
  RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER refuse_future_report BEFORE INSERT ON location_reports FOR EACH ROW
  WHEN (NEW.timestamp > now() + interval '10 minutes' OR NOT isfinite(NEW.timestamp))
  EXECUTE FUNCTION refuse_future_report();

-- Flags imprecise reports of an INSERT or COPY by hand; ingest_reports() flags whole batches. Keeps imprecise = true.
-- Fires before merge_late_row, which removes late rows: triggers fire in alphabetical order.
--
-- The threshold is read once per transaction and kept in a setting: with a call of is_imprecise() for every report, a
-- large COPY would take 50 % longer.
CREATE OR REPLACE FUNCTION flag_imprecise_report() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  PERFORM set_config('tracker.imprecise_above', coalesce(nullif(max_accuracy_meters, 0), 'infinity')::text, true)
    FROM history_state;
  NEW.imprecise := is_imprecise(NEW.horizontal_accuracy);
  RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER flag_imprecise_report BEFORE INSERT ON location_reports FOR EACH ROW
  WHEN (NOT NEW.imprecise
    AND NEW.horizontal_accuracy > coalesce(nullif(current_setting('tracker.imprecise_above', true), ''), '-1')::float8)
  EXECUTE FUNCTION flag_imprecise_report();

COMMENT ON COLUMN location_reports.imprecise IS
  'Whether horizontal_accuracy was above MAX_ACCURACY_METERS when the report was ingested. History shows an imprecise report only if its hour or day has no precise one.';
