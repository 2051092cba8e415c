-- The settings and temporary tables by which functions, triggers and programs share state within a session, each with
-- its writers and readers; src/database/session-state.spec.ts compares this list with the code.
--
-- Locks: none.
--
-- Settings. Except for a migration, they are set until the end of the transaction or until their writer clears them.
--
-- tracker.days_recomputed: 'on' after raw reports were updated or deleted (postgresql engine). Reports inserted from
-- then on are not added incrementally, because the recomputation may already count them; their days are recomputed.
--   written in definitions/postgresql/report_triggers
--   read in definitions/postgresql/report_triggers
-- tracker.only_cities_change: 'on' while fill_cities() updates cities (postgresql engine), so that no day is
-- recomputed.
--   written in definitions/postgresql/fill_cities
--   read in definitions/postgresql/report_triggers
-- tracker.logs_changes: 'on' while log_new_reports() updates reports so that TimescaleDB logs them. These updates write
-- no marker.
--   written in definitions/timescaledb/report_triggers
--   read in definitions/timescaledb/report_triggers
-- tracker.removes_days: 'on' while the product itself deletes closed days from the continuous aggregate (timescaledb
-- engine).
--   written in definitions/timescaledb/daily_history, definitions/timescaledb/erase_aggregates,
--     definitions/timescaledb/retention
--   read in definitions/timescaledb/guarded_days
-- tracker.notes_deletions: 'on' while the product deletes raw reports and lowers the numbers in history_days itself.
--   written in definitions/common/erase_reports
--   read in definitions/common/history_days
-- tracker.missing_before: number of missing reports by day before a deletion by hand, as JSON. The BEFORE trigger of
-- the deletion passes it to the AFTER trigger.
--   written in definitions/common/history_days
--   read in definitions/common/history_days
-- tracker.imprecise_above: accuracy in metres above which reports are imprecise, cached for the transaction.
--   written in definitions/common/report_guards, src/migration/engine-mover.ts
--   read in definitions/common/report_guards
-- tracker.mends_horizon: 'on' while mend_horizon() moves the horizon and the cut back, which a trigger otherwise
-- rejects.
--   written in definitions/common/mend_horizon
--   read in definitions/common/history_state
-- tracker.status_by: who changes the status of trackers; users who change trackers by SQL may set it too.
--   written in definitions/common/tracker_status_history
--   read in definitions/common/tracker_status_history
-- tracker.status_reason: reason of the change; users may set it too.
--   written in definitions/common/tracker_status_history
--   read in definitions/common/tracker_status_history
-- tracker.history_engine: engine of the database; this and the following are set for a migration and read by frozen
-- steps.
--   written in src/migration/migration-session.ts
--   read in src/database/schema/step.ts
-- tracker.spatial_layer: 'postgis' or 'builtin'.
--   written in src/migration/migration-session.ts
--   read in src/database/schema/step.ts
-- tracker.raw_retention_hours, tracker.hourly_retention_hours, tracker.daily_retention_hours: retention of a new
-- database.
--   written in src/migration/migration-session.ts
--   read in sql/migrations
--
-- Temporary tables. prepare_incoming_reports() below creates the tables of an import, which exist until the session
-- ends.
--
-- incoming_reports: reports of a batch to be ingested. Rejected ones move to refused_reports; the others stay until the
-- end of the transaction.
--   used in definitions/common/ingest_reports, definitions/common/carry_over_backup, definitions/common/take_report,
--     definitions/common/retry_rejected_reports, src/import/ingest.repository.ts
-- refused_reports: rejected reports of the batch, with the reason. The program itself adds the ones it could not
-- decode. (The name is kept for sessions that created the table before an upgrade.)
--   used in definitions/common/ingest_reports, definitions/common/import_batches, definitions/common/retry_rejected_reports,
--     src/import/ingest.repository.ts
-- taken_reports: number of accepted reports of each tracker that were 'stored', 'late' or 'duplicate'.
--   used in definitions/common/ingest_reports, definitions/common/import_batches
-- retried_reports: ids of the rejected reports that are retried, while their batch is ingested.
--   used in definitions/common/retry_rejected_reports
-- carried, carried_outcomes: rows of a backed-up table, and their outcomes; until the end of the transaction.
--   used in definitions/common/carry_over_backup
-- moved_reports, moved_days: raw reports and closed days while a database is moved to the other engine.
--   used in src/migration/engine-mover.ts

-- Creates the tables for this session, or empties the ones that exist. Every transaction leaves them empty.
CREATE OR REPLACE FUNCTION prepare_incoming_reports() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF to_regclass('pg_temp.taken_reports') IS NOT NULL THEN
    PERFORM complete_incoming_reports();
    IF EXISTS (SELECT FROM incoming_reports) OR EXISTS (SELECT FROM refused_reports) THEN
      TRUNCATE incoming_reports, refused_reports, taken_reports;
    END IF;
    RETURN;
  END IF;
  CREATE TEMPORARY TABLE incoming_reports (
    position bigint NOT NULL, -- position of the report in its source: line or sequence number
    hashed_adv_key text COLLATE "C" NOT NULL,
    timestamp timestamptz(3) NOT NULL,
    latitude float8 NOT NULL,
    longitude float8 NOT NULL,
    confidence integer,
    horizontal_accuracy float8,
    status integer,
    nearest_city text,
    source text NOT NULL,
    altitude float8,
    speed float8,
    course float8,
    battery integer,
    motion text
  ) ON COMMIT DELETE ROWS;
  -- Undecodable reports have a reason, a message and, if possible, their raw text (given).
  CREATE TEMPORARY TABLE refused_reports ON COMMIT DELETE ROWS AS
    SELECT *, NULL::text AS reason, NULL::text AS message, NULL::text AS tracker, NULL::text AS given
    FROM incoming_reports WITH NO DATA;
  CREATE TEMPORARY TABLE taken_reports (
    hashed_adv_key text COLLATE "C" NOT NULL, outcome text NOT NULL, reports bigint NOT NULL
  ) ON COMMIT DELETE ROWS;
END $$;

-- Adds the columns of 0.2.0 to tables that this session created before an upgrade.
CREATE OR REPLACE FUNCTION complete_incoming_reports() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'pg_temp.incoming_reports'::regclass AND attname = 'motion') THEN
    ALTER TABLE pg_temp.incoming_reports ADD altitude float8, ADD speed float8, ADD course float8, ADD battery integer,
      ADD motion text;
    ALTER TABLE pg_temp.refused_reports ADD altitude float8, ADD speed float8, ADD course float8, ADD battery integer,
      ADD motion text;
  END IF;
END $$;
