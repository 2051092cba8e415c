-- Takes in days below the horizon that came from the other engine (temporary table moved_days). Beside the continuous
-- aggregate and never into it: a refresh that covers them would delete them.
INSERT INTO location_history_daily_late (hashed_adv_key, bucket, location, last_report_at, confidence,
  horizontal_accuracy, status, source, nearest_city, nearest_city_at, report_count, max_confidence, first_report_at)
SELECT hashed_adv_key, bucket, location, last_report_at, confidence, horizontal_accuracy, status, source,
  nearest_city, nearest_city_at, report_count, max_confidence, first_report_at
FROM moved_days;
