-- Statement triggers of location_reports that keep hours and days up to date at every commit. Late reports are inserted
-- into the default partition, and the trigger removes them: merging them in batches is 30 times faster than row by row.
--
-- Locks: the locks of add_to_aggregates(), recompute_tracker_days() and take_late_reports().

-- Works in batches of 20,000, whose arrays stay far below PostgreSQL's limit of 1 GB for a value. Casts each row,
-- because rows of `inserted` are anonymous records, and an array of records is converted to location_reports[] via
-- text.
CREATE OR REPLACE FUNCTION aggregate_inserted_reports() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT SET jit = off AS $$
DECLARE
  horizon timestamptz := current_horizon();
  total bigint := (SELECT count(*) FROM inserted);
  batch location_reports[];
  is_late boolean;
  any_late boolean := false;
BEGIN
  -- Reports above the horizon first: see claim_late_reports().
  FOR is_late, batch IN
    SELECT late, array_agg(report) FROM (
      SELECT i::location_reports AS report, i.timestamp < horizon AS late, 0 AS chunk
      FROM inserted AS i WHERE total <= 20000 -- unsorted: sorting takes as long as all the rest
      UNION ALL
      SELECT i::location_reports, i.timestamp < horizon,
        (row_number() OVER (PARTITION BY i.timestamp < horizon ORDER BY i.hashed_adv_key, i.timestamp) - 1) / 20000
      FROM inserted AS i WHERE total > 20000
    ) AS numbered GROUP BY late, chunk ORDER BY late, chunk
  LOOP
    IF is_late THEN
      PERFORM merge_late_reports(batch);
      any_late := true;
    ELSE
      IF current_setting('tracker.days_recomputed', true) = 'on' THEN
        PERFORM recompute_tracker_days(array_agg(hashed_adv_key), array_agg(day)) FROM (
          SELECT DISTINCT r.hashed_adv_key, date_trunc('day', r.timestamp, 'UTC') AS day FROM unnest(batch) AS r
        ) AS touched;
      ELSE
        PERFORM add_to_aggregates(batch);
      END IF;
      PERFORM mark_history_changed(min(r.timestamp), max(r.timestamp)) FROM unnest(batch) AS r;
    END IF;
  END LOOP;
  IF any_late THEN
    DELETE FROM location_reports_default WHERE timestamp < horizon;
  END IF;
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER aggregate_inserted_reports AFTER INSERT ON location_reports
  REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION aggregate_inserted_reports();

-- Moves reports that were inserted directly into the default partition to location_reports. Otherwise late ones would
-- be removed together with the next late reports, without being counted. Names the columns, because the partition has
-- another column order. (Reports inserted into the partition of a day are counted by the next refresh, or when the day
-- is closed.)
CREATE OR REPLACE FUNCTION insert_into_parent() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  EXECUTE format(
    'WITH moved AS (
       DELETE FROM location_reports_default AS d USING inserted AS i
       WHERE d.hashed_adv_key = i.hashed_adv_key AND d.timestamp = i.timestamp RETURNING d.*)
     INSERT INTO location_reports (%1$s) SELECT %1$s FROM moved', report_columns());
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER aggregate_inserted_reports AFTER INSERT ON location_reports_default
  REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION insert_into_parent();

-- After UPDATE and DELETE: recomputes the changed days from raw reports.
--
-- This also counts reports that the same statement inserted (ON CONFLICT DO UPDATE, MERGE, WITH), whose insert trigger
-- may run later. So from here to the end of the transaction the days of inserted reports are recomputed too.
CREATE OR REPLACE FUNCTION aggregate_changed_reports() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT SET jit = off AS $$
DECLARE
  keys text[];
  days timestamptz[];
BEGIN
  IF current_setting('tracker.only_cities_change', true) = 'on' THEN
    RETURN NULL; -- fill_cities() itself updates hours and days
  END IF;
  SELECT array_agg(hashed_adv_key), array_agg(day) INTO keys, days
  FROM (SELECT DISTINCT hashed_adv_key, date_trunc('day', timestamp, 'UTC') AS day FROM changed) AS touched;
  IF keys IS NOT NULL THEN
    PERFORM set_config('tracker.days_recomputed', 'on', true);
    PERFORM recompute_tracker_days(keys, days);
    PERFORM mark_history_changed(min(timestamp), max(timestamp)) FROM changed;
  END IF;
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER aggregate_updated_reports AFTER UPDATE ON location_reports
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION aggregate_changed_reports();
CREATE OR REPLACE TRIGGER aggregate_deleted_reports AFTER DELETE ON location_reports
  REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION aggregate_changed_reports();
