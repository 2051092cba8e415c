-- The rows of backed-up tables are the first reports that this database takes in.
SELECT carry_over_backup('location_reports_backup'), carry_over_backup('location_history_backup');
REFRESH MATERIALIZED VIEW location_history;
