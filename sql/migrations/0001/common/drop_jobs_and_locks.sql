DROP TABLE layer_refreshes;
ALTER TABLE refresh_state DROP notified_at, DROP periodic_at;
DROP TABLE job_runs;
DROP VIEW lock_holders;
DROP TABLE lock_leases;
