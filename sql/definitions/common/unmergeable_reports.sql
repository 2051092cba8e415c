-- Raises an error if a report cannot be merged as a late one: it is above the horizon, it is older than the daily
-- history, or it violates a check of location_reports, which PostgreSQL does not evaluate for late reports. An error,
-- because an INSERT of such a report by hand must not appear to succeed.
--
-- Locks: none, see current_horizon().
CREATE OR REPLACE FUNCTION refuse_unmergeable_reports(reports location_reports[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  horizon timestamptz := current_horizon();
  floor timestamptz := history_floor();
  invalid location_reports;
  violated text;
BEGIN
  SELECT r.* INTO invalid FROM unnest(reports) AS r WHERE r.timestamp < floor ORDER BY r.timestamp LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'the report of % at % is older than the history that is kept (from %)',
      invalid.hashed_adv_key, invalid.timestamp, floor USING ERRCODE = 'check_violation', CONSTRAINT = 'location_reports_not_too_old';
  END IF;
  SELECT r.* INTO invalid FROM unnest(reports) AS r WHERE r.timestamp >= horizon LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'the report of % at % is not late: raw reports are kept from %',
      invalid.hashed_adv_key, invalid.timestamp, horizon USING ERRCODE = 'invalid_parameter_value';
  END IF;
  SELECT r.hashed_adv_key, r.timestamp, c.name INTO invalid.hashed_adv_key, invalid.timestamp, violated
  FROM unnest(reports) AS r
  CROSS JOIN LATERAL (SELECT CASE
    WHEN r.confidence NOT BETWEEN 0 AND 255 THEN 'location_reports_confidence_is_a_byte'
    WHEN r.status NOT BETWEEN 0 AND 255 THEN 'location_reports_status_is_a_byte'
    WHEN NOT is_possible_accuracy(r.horizontal_accuracy) THEN 'location_reports_accuracy_in_metres'
    WHEN r.altitude NOT BETWEEN -12000 AND 100000 THEN 'location_reports_altitude_in_metres'
    WHEN r.speed NOT BETWEEN 0 AND 1000 THEN 'location_reports_speed_in_metres_per_second'
    WHEN NOT (r.course >= 0 AND r.course < 360) THEN 'location_reports_course_in_degrees'
    WHEN r.battery NOT BETWEEN 0 AND 100 THEN 'location_reports_battery_in_percent'
    WHEN r.motion NOT IN ('stationary', 'walking', 'running', 'cycling', 'driving') THEN 'location_reports_motion_is_known'
  END) AS c (name)
  WHERE c.name IS NOT NULL LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'the report of % at % violates check constraint "%"', invalid.hashed_adv_key, invalid.timestamp, violated
      USING ERRCODE = 'check_violation', CONSTRAINT = violated;
  END IF;
END $$;
