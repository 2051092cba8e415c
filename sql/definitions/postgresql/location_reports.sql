-- The partitions of location_reports, one a day.
--
-- Locks: make_report_partitions() locks location_reports_default in ACCESS EXCLUSIVE mode for each partition it
-- creates, and for today and tomorrow also location_reports in SHARE ROW EXCLUSIVE mode, until the end of the
-- transaction. Set lock_timeout, and retry.

-- The columns of location_reports, for statements that move whole rows: the column order differs between tables.
CREATE OR REPLACE FUNCTION report_columns() RETURNS text LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
  SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
  WHERE attrelid = 'location_reports'::regclass AND attnum > 0 AND NOT attisdropped
$$;

-- Creates the partitions from the horizon to `days_ahead` days after today, and moves reports of these days to them
-- from the default partition. Returns the number of new partitions.
CREATE OR REPLACE FUNCTION make_report_partitions(days_ahead integer DEFAULT 14) RETURNS integer
LANGUAGE plpgsql SET search_path FROM CURRENT SET timezone = 'UTC' AS $$
DECLARE
  created integer := 0;
  day timestamptz;
  partition_name text;
BEGIN
  FOR day IN
    SELECT generate_series(history_horizon(), date_trunc('day', agreed_now()) + make_interval(days => days_ahead), '1 day')
  LOOP
    partition_name := 'location_reports_' || to_char(day, 'YYYYMMDD');
    CONTINUE WHEN to_regclass(partition_name) IS NOT NULL;
    -- Blocks writers that have already chosen the default partition for reports of this day.
    IF day <= date_trunc('day', now()) + interval '1 day' THEN
      LOCK TABLE location_reports IN SHARE ROW EXCLUSIVE MODE;
    END IF;
    -- Nobody may write to the default partition between the move and ATTACH.
    LOCK TABLE location_reports_default IN ACCESS EXCLUSIVE MODE;
    CONTINUE WHEN to_regclass(partition_name) IS NOT NULL; -- another process created it while this one waited
    EXECUTE format('CREATE TABLE %I (LIKE location_reports INCLUDING ALL)', partition_name);
    EXECUTE format(
      'WITH moved AS (DELETE FROM location_reports_default WHERE timestamp >= %L AND timestamp < %L RETURNING *)
       INSERT INTO %I (%s) SELECT %4$s FROM moved', day, day + interval '1 day', partition_name, report_columns());
    EXECUTE format('ALTER TABLE location_reports ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
      partition_name, day, day + interval '1 day');
    EXECUTE format('CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate()',
      partition_name);
    created := created + 1;
  END LOOP;
  RETURN created;
END $$;
