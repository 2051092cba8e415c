-- Imports the rows of tables that were backed up when the schema was created.
--
-- Locks: the locks of ingest_reports() and update_nearest_city().

-- Ingests the rows of a backed-up table as reports. Each counts once: above the horizon as a raw report, below it in
-- the daily history. Rows older than the daily history stay in the backup only. Returns the number of reports by
-- outcome, as ingest_reports() does; no rows if the table does not exist.
--
-- The table needs the columns timestamp, location, and hashed_adv_key or tracker_id; other columns are used if they
-- exist. Times without a zone are UTC. Of two rows of a tracker with the same time, the one stored first counts.
CREATE OR REPLACE FUNCTION carry_over_backup(backup text) RETURNS TABLE (outcome text, reports bigint)
LANGUAGE plpgsql SET search_path FROM CURRENT SET timezone = 'UTC' AS $$
DECLARE
  columns text[];
  batch_size CONSTANT integer := 20000;
  total bigint;
BEGIN
  SELECT array_agg(attname::text) INTO columns FROM pg_attribute
    WHERE attrelid = to_regclass(backup) AND attnum > 0 AND NOT attisdropped;
  IF columns IS NULL THEN
    RETURN;
  END IF;
  DROP TABLE IF EXISTS pg_temp.carried, pg_temp.carried_outcomes;
  CREATE TEMPORARY TABLE carried_outcomes (outcome text, reports bigint) ON COMMIT DROP;
  EXECUTE format(
    'CREATE TEMPORARY TABLE carried ON COMMIT DROP AS
     SELECT row_number() OVER (ORDER BY b.timestamp, b.ctid) AS n, %s AS hashed_adv_key, b.timestamp,
       ST_Y(b.location::geometry) AS latitude, ST_X(b.location::geometry) AS longitude,
       %s AS confidence, %s AS horizontal_accuracy, %s AS nearest_city
     FROM %s AS b %s WHERE b.location IS NOT NULL',
    CASE WHEN 'hashed_adv_key' = ANY (columns) THEN 'b.hashed_adv_key' ELSE 't.hashed_adv_key' END,
    CASE WHEN 'confidence' = ANY (columns) THEN 'b.confidence::integer' ELSE 'NULL::integer' END,
    CASE WHEN 'horizontal_accuracy' = ANY (columns) THEN 'b.horizontal_accuracy::float8' ELSE 'NULL::float8' END,
    CASE WHEN 'nearest_city' = ANY (columns) THEN 'b.nearest_city::text' ELSE 'NULL::text' END,
    to_regclass(backup),
    CASE WHEN 'hashed_adv_key' = ANY (columns) THEN '' ELSE 'JOIN trackers AS t ON t.id = b.tracker_id' END);
  GET DIAGNOSTICS total = ROW_COUNT;
  CREATE INDEX ON carried (n);

  FOR batch_start IN 1 .. total BY batch_size LOOP
    PERFORM prepare_incoming_reports();
    INSERT INTO incoming_reports (position, hashed_adv_key, timestamp, latitude, longitude, confidence,
      horizontal_accuracy, nearest_city, source)
    SELECT c.n, c.hashed_adv_key, c.timestamp, c.latitude, c.longitude, c.confidence,
      c.horizontal_accuracy, c.nearest_city, backup
    FROM carried AS c WHERE c.n >= batch_start AND c.n < batch_start + batch_size;
    INSERT INTO carried_outcomes (outcome, reports) SELECT i.outcome, i.reports FROM ingest_reports(are_news => false) AS i;
  END LOOP;
  PERFORM prepare_incoming_reports();
  RETURN QUERY SELECT o.outcome, sum(o.reports)::bigint FROM carried_outcomes AS o GROUP BY 1 ORDER BY 1;
END $$;

-- Copies the cities of location_history_backup to the geocoding cells and the history. Returns the number of rows
-- changed, by target. Can be repeated: cities of cells that exist are kept.
CREATE OR REPLACE FUNCTION migrate_nearest_city_data() RETURNS TABLE (target text, rows_changed bigint)
LANGUAGE plpgsql SET search_path FROM CURRENT SET timezone = 'UTC' AS $$
#variable_conflict use_column
DECLARE
  backed_up record;
  changed bigint := 0;
  raw_changed bigint := 0;
BEGIN
  rows_changed := 0;
  IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('public.location_history_backup')
             AND attname = 'nearest_city' AND NOT attisdropped) THEN
    INSERT INTO geocoding_cells (latitude_e2, longitude_e2, nearest_city, provider)
    SELECT DISTINCT ON (1, 2) cell_of(ST_Y(b.location::geometry)), cell_of(ST_X(b.location::geometry)),
      b.nearest_city, 'location_history_backup'
    FROM public.location_history_backup AS b
    WHERE b.nearest_city IS NOT NULL AND b.location IS NOT NULL
    ORDER BY 1, 2, b.timestamp DESC
    ON CONFLICT (latitude_e2, longitude_e2) DO NOTHING;
    GET DIAGNOSTICS rows_changed = ROW_COUNT;

    FOR backed_up IN
      SELECT t.hashed_adv_key, b.timestamp, b.nearest_city
      FROM public.location_history_backup AS b JOIN trackers AS t ON t.id = b.tracker_id
      WHERE b.nearest_city IS NOT NULL AND b.timestamp >= history_floor()
    LOOP
      SELECT changed + sum(u.rows_changed) FILTER (WHERE u.layer <> 'location_reports'),
        raw_changed + sum(u.rows_changed) FILTER (WHERE u.layer = 'location_reports')
        INTO changed, raw_changed
      FROM update_nearest_city(backed_up.hashed_adv_key, backed_up.timestamp, backed_up.timestamp, backed_up.nearest_city) AS u;
    END LOOP;
  END IF;
  target := 'geocoding_cells';
  RETURN NEXT;
  target := 'location_reports';
  rows_changed := raw_changed;
  RETURN NEXT;
  target := 'location_history';
  rows_changed := changed;
  RETURN NEXT;
END $$;
