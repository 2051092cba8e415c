-- Undoes retry_rejected_reports.sql, import_batches.sql and import_runs.sql.
DROP FUNCTION retry_rejected_reports, take_in_batch, quarantine_refused_reports, import_ledger, begin_import_run, close_orphaned_import_runs;
DROP TABLE rejected_reports, import_run_rejections, import_run_trackers, import_runs, tracker_devices;
DROP FUNCTION import_owner_is_alive, import_owner_lock;
