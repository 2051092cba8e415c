-- Undoes the files of this folder that make the aggregates, late reports, triggers, refresh and retention.
DROP FUNCTION close_oldest_day, apply_aggregate_retention, days_are_complete, changes_logged_before, set_refresh_windows;
DROP FUNCTION merge_late_row, report_is_late, mark_changed_reports, log_new_reports, mark_deleted_reports CASCADE;
DROP FUNCTION merge_late_reports, take_late_reports;
DROP MATERIALIZED VIEW location_history_hourly;
DROP MATERIALIZED VIEW location_history_daily;
DROP TABLE location_history_daily_late;
