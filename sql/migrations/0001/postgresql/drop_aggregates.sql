-- Undoes the files of this folder that make the aggregates, late reports, triggers, refresh and retention.
DROP FUNCTION close_oldest_day, apply_aggregate_retention, changes_logged_before;
DROP PROCEDURE tracker_compat.refresh_continuous_aggregate;
DROP FUNCTION tracker_compat.time_bucket, recompute_differing_days;
DROP FUNCTION aggregate_inserted_reports, aggregate_changed_reports CASCADE;
DROP FUNCTION merge_late_reports, take_late_reports, recompute_tracker_days, add_to_aggregates;
DROP TABLE location_history_rollups;
