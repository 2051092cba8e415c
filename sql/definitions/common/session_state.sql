-- What functions, triggers and programs tell each other within a session: settings, and temporary tables. Each is declared
-- here with who writes and who reads it; src/database/session-state.spec.ts compares that with the code.
--
-- Locks: none.
--
-- Settings. All but those of a migration are set to the end of the transaction, or until their writer clears them.
--
-- tracker.days_recomputed: 'on' after raw reports were updated or deleted (postgresql engine). Reports inserted from then on
-- are not added to hours and days, whose computation may have counted them; their days are computed anew.
--   written in definitions/postgresql/report_triggers
--   read in definitions/postgresql/report_triggers
-- tracker.only_cities_change: 'on' while fill_cities() updates cities (postgresql engine): no day is computed anew.
--   written in definitions/postgresql/fill_cities
--   read in definitions/postgresql/report_triggers
-- tracker.logs_changes: 'on' while log_new_reports() updates reports so that TimescaleDB logs them: that marks nothing.
--   written in definitions/timescaledb/report_triggers
--   read in definitions/timescaledb/report_triggers
-- tracker.removes_days: 'on' while the product itself deletes closed days from the continuous aggregate (timescaledb engine).
--   written in definitions/timescaledb/daily_history, definitions/timescaledb/erase_aggregates,
--     definitions/timescaledb/retention
--   read in definitions/timescaledb/guarded_days
-- tracker.notes_deletions: 'on' while the product deletes raw reports and lowers the numbers in history_days itself.
--   written in definitions/common/erase_reports
--   read in definitions/common/history_days
-- tracker.missing_before: reports missing by day before a deletion by hand, as JSON; from its BEFORE to its AFTER trigger.
--   written in definitions/common/history_days
--   read in definitions/common/history_days
-- tracker.imprecise_above: accuracy in metres above which reports are imprecise, once it was looked up in this transaction.
--   written in definitions/common/report_guards, src/migration/engine-mover.ts
--   read in definitions/common/report_guards
-- tracker.mends_horizon: 'on' while mend_horizon() moves the horizon and the cut back, which is forbidden otherwise.
--   written in definitions/common/mend_horizon
--   read in definitions/common/history_state
-- tracker.status_by: who changes the status of trackers; also set by users who change trackers by SQL.
--   written in definitions/common/tracker_status_history
--   read in definitions/common/tracker_status_history
-- tracker.status_reason: why they change it.
--   written in definitions/common/tracker_status_history
--   read in definitions/common/tracker_status_history
-- tracker.history_engine: engine of the database; this and the following are set for a migration and read by frozen steps.
--   written in src/migration/migration-session.ts
--   read in src/database/schema/step.ts
-- tracker.spatial_layer: 'postgis' or 'builtin'.
--   written in src/migration/migration-session.ts
--   read in src/database/schema/step.ts
-- tracker.raw_retention_hours, tracker.hourly_retention_hours, tracker.daily_retention_hours: retention of a new database.
--   written in src/migration/migration-session.ts
--   read in sql/migrations
--
-- Temporary tables. Those of an import are made by prepare_incoming_reports() below and live as long as their session.
--
-- incoming_reports: reports of a batch to be ingested. Rejected ones move to refused_reports; the others stay to the end of the
-- transaction.
--   used in definitions/common/ingest_reports, definitions/common/carry_over_backup, definitions/common/take_report,
--     definitions/common/retry_rejected_reports, src/import/ingest.repository.ts
-- refused_reports: reports of the batch that were rejected, with the reason. Those that could not be decoded are there from the
-- beginning.
--   used in definitions/common/ingest_reports, definitions/common/import_batches, definitions/common/retry_rejected_reports,
--     src/import/ingest.repository.ts
-- taken_reports: how many reports of each tracker were 'stored', 'late' or 'duplicate'.
--   used in definitions/common/ingest_reports, definitions/common/import_batches
-- retried_reports: ids of rejected reports that are tried again, while their batch is ingested.
--   used in definitions/common/retry_rejected_reports
-- carried, carried_outcomes: rows of a backed-up table, and what became of them; to the end of the transaction.
--   used in definitions/common/carry_over_backup
-- moved_reports, moved_days: raw reports and closed days while a database is moved to the other engine.
--   used in src/migration/engine-mover.ts

-- Makes the tables for this session, empty after every transaction and after every call within one.
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
    position bigint NOT NULL, -- where the report stood in its source: line, or running number
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
  -- What was refused, and why. What could not be decoded has a reason, a message and, at best, its text.
  CREATE TEMPORARY TABLE refused_reports ON COMMIT DELETE ROWS AS
    SELECT *, NULL::text AS reason, NULL::text AS message, NULL::text AS tracker, NULL::text AS given
    FROM incoming_reports WITH NO DATA;
  -- How many of each tracker were 'stored', 'late' or 'duplicate'.
  CREATE TEMPORARY TABLE taken_reports (
    hashed_adv_key text COLLATE "C" NOT NULL, outcome text NOT NULL, reports bigint NOT NULL
  ) ON COMMIT DELETE ROWS;
END $$;

-- A session that was there before an upgrade may have made these tables without the columns of 0.2.0: adds them.
CREATE OR REPLACE FUNCTION complete_incoming_reports() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'pg_temp.incoming_reports'::regclass AND attname = 'motion') THEN
    ALTER TABLE pg_temp.incoming_reports ADD altitude float8, ADD speed float8, ADD course float8, ADD battery integer,
      ADD motion text;
    ALTER TABLE pg_temp.refused_reports ADD altitude float8, ADD speed float8, ADD course float8, ADD battery integer,
      ADD motion text;
  END IF;
END $$;
