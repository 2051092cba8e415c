-- Undoes tracker_status_history.sql.
DROP VIEW tracker_status_spans;
DROP FUNCTION set_tracker_status;
DROP FUNCTION record_tracker_status CASCADE; -- with its triggers
DROP TABLE tracker_status_history;
