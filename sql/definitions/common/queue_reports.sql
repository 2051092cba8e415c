-- Queues new reports without a city for geocoding, so that imports do not wait for it.
--
-- Locks: the inserted rows of geocoding_queue.

CREATE OR REPLACE FUNCTION queue_inserted_reports() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  horizon timestamptz := history_horizon(); -- read once, not for every report
BEGIN
  -- Late reports are removed from location_reports by another trigger; queue_late_reports() queues them.
  INSERT INTO geocoding_queue (hashed_adv_key, from_time, to_time, reports)
  SELECT i.hashed_adv_key, min(i.timestamp), max(i.timestamp), count(*)
  FROM inserted AS i
  WHERE i.nearest_city IS NULL AND i.timestamp >= horizon
  GROUP BY i.hashed_adv_key, date_trunc('day', i.timestamp, 'UTC');
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER queue_inserted_reports AFTER INSERT ON location_reports
  REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION queue_inserted_reports();

CREATE OR REPLACE FUNCTION queue_late_reports(reports location_reports[]) RETURNS void LANGUAGE sql AS $$
  INSERT INTO geocoding_queue (hashed_adv_key, from_time, to_time, reports)
  SELECT r.hashed_adv_key, min(r.timestamp), max(r.timestamp), count(*)
  FROM unnest(reports) AS r
  WHERE r.nearest_city IS NULL
  GROUP BY r.hashed_adv_key, date_trunc('day', r.timestamp, 'UTC')
$$;
