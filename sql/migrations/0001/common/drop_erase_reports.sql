-- Undoes erase_reports.sql, and erase_aggregates.sql of the engine.
DROP FUNCTION delete_location_reports, erase_tracker_history, lift_decompression_limit, erase_aggregates;
