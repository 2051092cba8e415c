-- Adds late reports to the daily history of this engine, in a separate table: the next refresh would remove them from
-- the continuous aggregate.
--
-- Locks: the rows of the days in location_history_daily_late, in the order of tracker and day.
CREATE OR REPLACE FUNCTION add_late_reports(reports location_reports[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO location_history_daily_late AS kept (hashed_adv_key, bucket, location, last_report_at, confidence,
    horizontal_accuracy, status, source, nearest_city, nearest_city_at, report_count, max_confidence, first_report_at,
    altitude, speed, course, battery, motion, imprecise, located_at)
  SELECT s.hashed_adv_key, s.bucket, s.location, s.last_report_at, s.confidence,
    s.horizontal_accuracy, s.status, s.source, s.nearest_city, s.nearest_city_at, s.report_count, s.max_confidence,
    s.first_report_at, s.altitude, s.speed, s.course, s.battery, s.motion, s.imprecise, s.located_at
  FROM summarize_reports(reports, '1 day') AS s
  ORDER BY s.hashed_adv_key, s.bucket
  ON CONFLICT (hashed_adv_key, bucket) DO UPDATE SET
    (location, last_report_at, confidence, horizontal_accuracy, status, source, nearest_city, nearest_city_at, report_count,
      max_confidence, first_report_at, altitude, speed, course, battery, motion, imprecise, located_at)
    = (SELECT m.* FROM merge_history_rows(kept, excluded) AS m);
END $$;
