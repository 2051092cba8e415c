-- Undoes history_answers.sql, history_in_zone_days.sql, and newest_days.sql of the engine.
DROP FUNCTION history_in_zone_days, zone_day_start, day_of_newest_rows;
DROP FUNCTION day_to_end_in_hours, hours_from_reports;
DROP VIEW latest_locations, history_in_reports, raw_history, history_in_days, history_in_hours;
DROP FUNCTION bucket_width;
