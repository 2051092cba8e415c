-- What devices say beside the place, and whether a report was imprecise when it came in.
ALTER TABLE location_reports
  ADD altitude float8, -- metres above sea level
  ADD speed float8, -- metres a second
  ADD course float8, -- degrees clockwise from north
  ADD battery smallint, -- percent
  ADD motion text,
  ADD imprecise boolean NOT NULL DEFAULT false,
  -- Not validated: the rows that are there have none of these. A check of all rows would keep everybody waiting.
  ADD CONSTRAINT location_reports_altitude_in_metres CHECK (altitude BETWEEN -12000 AND 100000) NOT VALID,
  ADD CONSTRAINT location_reports_speed_in_metres_per_second CHECK (speed BETWEEN 0 AND 1000) NOT VALID,
  ADD CONSTRAINT location_reports_course_in_degrees CHECK (course >= 0 AND course < 360) NOT VALID,
  ADD CONSTRAINT location_reports_battery_in_percent CHECK (battery BETWEEN 0 AND 100) NOT VALID,
  ADD CONSTRAINT location_reports_motion_is_known
    CHECK (motion IN ('stationary', 'walking', 'running', 'cycling', 'driving')) NOT VALID;
