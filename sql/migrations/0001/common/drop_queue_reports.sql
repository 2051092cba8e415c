-- Undoes queue_reports.sql. What is queued stays.
DROP FUNCTION queue_late_reports;
DROP FUNCTION queue_inserted_reports CASCADE;
