-- Raw reports in one partition a UTC day, so that a day is dropped and not deleted.
CREATE TABLE location_reports (
  hashed_adv_key text COLLATE "C" NOT NULL,
  timestamp timestamptz(3) NOT NULL,
  location geo_point NOT NULL,
  confidence smallint,
  horizontal_accuracy float8,
  status smallint,
  nearest_city text,
  source text NOT NULL DEFAULT 'sql',
  received_at timestamptz(3) NOT NULL DEFAULT now(),
  -- A tracker is at one place at one instant. No foreign key to trackers: reports of a tracker that is registered
  -- later count from then.
  CONSTRAINT location_reports_key UNIQUE (hashed_adv_key, timestamp),
  -- A report from the future would hold the newest place of its tracker until that time comes.
  CONSTRAINT location_reports_not_in_future CHECK (isfinite(timestamp) AND timestamp <= now() + interval '10 minutes'),
  CONSTRAINT location_reports_confidence_is_a_byte CHECK (confidence BETWEEN 0 AND 255),
  CONSTRAINT location_reports_status_is_a_byte CHECK (status BETWEEN 0 AND 255),
  CONSTRAINT location_reports_accuracy_in_metres CHECK (is_possible_accuracy(horizontal_accuracy))
) PARTITION BY RANGE (timestamp);

-- Takes what has no day of its own: late reports, which the insert trigger merges and removes at once, and reports
-- of days that nobody made a partition for, because nothing of ours ran for two weeks.
CREATE TABLE location_reports_default PARTITION OF location_reports DEFAULT;

-- Makes the partitions from the horizon to `days_ahead` days after today, and moves there what had come into the
-- default partition. Returns how many were made. Set lock_timeout: it waits for writers.
CREATE FUNCTION make_report_partitions(days_ahead integer DEFAULT 14) RETURNS integer
LANGUAGE plpgsql SET search_path FROM CURRENT SET timezone = 'UTC' AS $$
DECLARE
  made integer := 0;
  day timestamptz;
  partition_name text;
BEGIN
  FOR day IN
    SELECT generate_series(history_horizon(), date_trunc('day', now()) + make_interval(days => days_ahead), '1 day')
  LOOP
    partition_name := 'location_reports_' || to_char(day, 'YYYYMMDD');
    CONTINUE WHEN to_regclass(partition_name) IS NOT NULL;
    -- A day that reports come in for: a writer who has chosen the default partition for them must not go on.
    IF day <= date_trunc('day', now()) + interval '1 day' THEN
      LOCK TABLE location_reports IN SHARE ROW EXCLUSIVE MODE;
    END IF;
    -- Nobody may write into the default partition between the move and the attachment.
    LOCK TABLE location_reports_default IN ACCESS EXCLUSIVE MODE;
    CONTINUE WHEN to_regclass(partition_name) IS NOT NULL; -- another process made it while we waited
    EXECUTE format('CREATE TABLE %I (LIKE location_reports INCLUDING ALL)', partition_name);
    EXECUTE format(
      'WITH moved AS (DELETE FROM location_reports_default WHERE timestamp >= %L AND timestamp < %L RETURNING *)
       INSERT INTO %I SELECT * FROM moved', day, day + interval '1 day', partition_name);
    EXECUTE format('ALTER TABLE location_reports ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
      partition_name, day, day + interval '1 day');
    made := made + 1;
  END LOOP;
  RETURN made;
END $$;

SELECT make_report_partitions();
