-- Raw reports in a hypertable with one chunk a UTC day, so that a day is dropped and not deleted.
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
  -- A report from the future would move the watermark of the aggregates, and hold the newest place of its tracker.
  CONSTRAINT location_reports_not_in_future CHECK (isfinite(timestamp) AND timestamp <= now() + interval '10 minutes'),
  CONSTRAINT location_reports_confidence_is_a_byte CHECK (confidence BETWEEN 0 AND 255),
  CONSTRAINT location_reports_status_is_a_byte CHECK (status BETWEEN 0 AND 255),
  CONSTRAINT location_reports_accuracy_in_metres CHECK (is_possible_accuracy(horizontal_accuracy))
);
SELECT create_hypertable('location_reports', by_range('timestamp', interval '1 day'));

-- A day is compressed once it is over; late comers still find their way into it.
ALTER TABLE location_reports SET (
  timescaledb.enable_columnstore,
  timescaledb.segmentby = 'hashed_adv_key',
  timescaledb.orderby = 'timestamp DESC'
);
CALL add_columnstore_policy('location_reports', after => interval '24 hours');

-- The other engine's partitions have to be made ahead; chunks make themselves.
CREATE FUNCTION make_report_partitions(days_ahead integer DEFAULT 14) RETURNS integer LANGUAGE sql RETURN 0;
