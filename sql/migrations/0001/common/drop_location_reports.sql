-- Undoes location_reports.sql and report_guards.sql.
DROP TABLE location_reports;
DROP FUNCTION refuse_truncate, refuse_moving_reports, make_report_partitions;
