-- Undoes ingest_reports.sql and carry_over_backup.sql.
DROP FUNCTION migrate_nearest_city_data, carry_over_backup;
DROP FUNCTION note_reports_received, ingest_reports, rejection_reason, prepare_incoming_reports;
