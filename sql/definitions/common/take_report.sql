-- Ingests a single report. Returns its outcome, as in ingest_reports(). The telemetry parameters come last and have
-- defaults, because 0.1.0 calls this function with nine arguments.
--
-- Locks: the locks of ingest_reports().
CREATE OR REPLACE FUNCTION take_report(
  key text, reported_at timestamptz, latitude float8, longitude float8, confidence integer, horizontal_accuracy float8,
  status integer, nearest_city text, source text, altitude float8 DEFAULT NULL, speed float8 DEFAULT NULL,
  course float8 DEFAULT NULL, battery integer DEFAULT NULL, motion text DEFAULT NULL)
RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM prepare_incoming_reports();
  DELETE FROM incoming_reports; -- left by an earlier call in this transaction
  INSERT INTO incoming_reports (position, hashed_adv_key, timestamp, latitude, longitude, confidence, horizontal_accuracy,
    status, nearest_city, source, altitude, speed, course, battery, motion)
  VALUES (1, key, reported_at, latitude, longitude, confidence, horizontal_accuracy, status, nearest_city, source,
    altitude, speed, course, battery, motion);
  RETURN (SELECT i.outcome FROM ingest_reports() AS i);
END $$;
