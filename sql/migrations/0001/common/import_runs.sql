-- The ledger of imports: what became of every report that a source gave.
CREATE TABLE import_runs (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind text NOT NULL, -- what brought the reports: file, http, owntracks, overland, find-my, retry
  name text NOT NULL, -- of the input: a path, a device
  format text, -- of the input, once it has told
  tracker text, -- name of the tracker that all reports were said to be of
  outcome text NOT NULL CONSTRAINT import_runs_outcome
    CHECK (outcome IN ('queued', 'running', 'completed', 'broken', 'failed', 'interrupted')),
  error_code text,
  error text,
  -- The process that is at it; import_owner_is_alive() tells whether it still is. Every batch is stored under this name,
  -- so that a run which another process took over cannot be written to by the first.
  owner uuid,
  -- Content of the input and what was asked of it. A run that did not come to its end goes on when these come again.
  fingerprint text,
  -- Name of a run that is never closed, for sources that bring a report at a time: a run for each of those would be as
  -- large as the report.
  standing text CONSTRAINT import_runs_standing_key UNIQUE,
  started_at timestamptz(3) NOT NULL DEFAULT now(),
  finished_at timestamptz(3),
  resumed integer NOT NULL DEFAULT 0, -- how often it went on after an interruption
  -- How far into the input it is: so many reports, and so many items that are no reports, have been taken from it.
  reports_given bigint NOT NULL DEFAULT 0,
  items_given bigint NOT NULL DEFAULT 0,
  last_position bigint,
  read bigint NOT NULL DEFAULT 0,
  stored bigint NOT NULL DEFAULT 0,
  late bigint NOT NULL DEFAULT 0,
  duplicate bigint NOT NULL DEFAULT 0,
  rejected bigint NOT NULL DEFAULT 0,
  -- The promise of the ledger. What was given is counted by the one who gave it, what became of it where it was stored.
  CONSTRAINT import_runs_account_for_all CHECK (read = stored + late + duplicate + rejected),
  CONSTRAINT import_runs_read_what_was_given CHECK (read = reports_given + items_given),
  CONSTRAINT import_runs_running_has_owner CHECK ((outcome = 'running') = (owner IS NOT NULL))
);
COMMENT ON TABLE import_runs IS 'What became of every report that an import was given; read = stored + late + duplicate + rejected.';
-- One unfinished run for one input: two processes that are given the same file do not both begin.
CREATE UNIQUE INDEX import_runs_unfinished ON import_runs (fingerprint)
  WHERE outcome IN ('running', 'interrupted', 'failed');
CREATE INDEX import_runs_running ON import_runs (owner) WHERE outcome = 'running';
CREATE INDEX import_runs_finished_at ON import_runs (finished_at);

-- The rejected of a run by reason. `kept` of them came into the quarantine; `retaken` were taken by a later retry.
CREATE TABLE import_run_rejections (
  run_id bigint NOT NULL REFERENCES import_runs ON DELETE CASCADE,
  reason text NOT NULL,
  reports bigint NOT NULL,
  first_position bigint NOT NULL,
  message text, -- of the first one
  kept bigint NOT NULL,
  retaken bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (run_id, reason),
  CONSTRAINT import_run_rejections_retaken_were_kept CHECK (retaken <= kept AND kept <= reports)
);

-- What a run brought of each tracker. What names no tracker that is known stands in no row.
CREATE TABLE import_run_trackers (
  run_id bigint NOT NULL REFERENCES import_runs ON DELETE CASCADE,
  hashed_adv_key text COLLATE "C" NOT NULL,
  stored bigint NOT NULL,
  late bigint NOT NULL,
  duplicate bigint NOT NULL,
  rejected bigint NOT NULL,
  PRIMARY KEY (run_id, hashed_adv_key)
);

-- The quarantine: rejected reports as they were given, so many of each run and reason at most. Those that could be
-- decoded have a time and a place and can be tried again.
CREATE TABLE rejected_reports (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run_id bigint NOT NULL REFERENCES import_runs ON DELETE CASCADE,
  position bigint NOT NULL,
  -- Why it was rejected, and why it still is after a retry.
  rejected_as text NOT NULL,
  reason text NOT NULL,
  message text,
  tracker text, -- as the source named it
  hashed_adv_key text COLLATE "C",
  timestamp timestamptz(3),
  latitude float8,
  longitude float8,
  confidence integer,
  horizontal_accuracy float8,
  status integer,
  nearest_city text,
  source text,
  given text, -- its text, or the beginning of it, where the source gave it
  rejected_at timestamptz(3) NOT NULL DEFAULT now(),
  FOREIGN KEY (run_id, rejected_as) REFERENCES import_run_rejections (run_id, reason) ON DELETE CASCADE
);
CREATE INDEX rejected_reports_run ON rejected_reports (run_id, id);
CREATE INDEX rejected_reports_reason ON rejected_reports (reason, id);

-- Names that sources give to trackers, beside the trackers' own.
CREATE TABLE tracker_devices (
  device text PRIMARY KEY CONSTRAINT tracker_devices_device_not_empty CHECK (device <> ''),
  tracker_id bigint NOT NULL REFERENCES trackers ON DELETE CASCADE
);
CREATE INDEX tracker_devices_tracker ON tracker_devices (tracker_id);

-- The advisory lock that a process holds for as long as it lives.
CREATE FUNCTION import_owner_lock(owner uuid) RETURNS bigint LANGUAGE sql IMMUTABLE
  RETURN hashtextextended('import owner ' || owner::text, 0);

-- Whether the process of this name is there: it holds its lock on a connection of its own, which ends with it.
CREATE FUNCTION import_owner_is_alive(owner uuid) RETURNS boolean LANGUAGE sql STABLE RETURN EXISTS (
  SELECT FROM pg_locks
  WHERE locktype = 'advisory' AND objsubid = 1 AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND classid::bigint = (import_owner_lock(owner) >> 32) & 4294967295
    AND objid::bigint = import_owner_lock(owner) & 4294967295
);

-- Begins a run for its holder and returns it: the one that was queued under an id, also when it did not come to its end;
-- else the one of the same fingerprint that did not come to its end, with how far it came; else a new one. Raises a
-- unique violation while another process is at the same input.
CREATE FUNCTION begin_import_run(
  queued bigint, kind text, name text, format text, tracker text, fingerprint text, holder uuid)
RETURNS import_runs LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  run import_runs;
BEGIN
  IF queued IS NOT NULL THEN
    UPDATE import_runs AS r SET outcome = 'running', owner = holder, format = begin_import_run.format, started_at = now(),
      finished_at = NULL, error_code = NULL, error = NULL
      WHERE r.id = queued AND r.outcome IN ('queued', 'interrupted', 'failed') RETURNING r.* INTO run;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'the import run % does not wait to begin', queued
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'import_run_is_held';
    END IF;
    RETURN run;
  END IF;

  SELECT r.* INTO run FROM import_runs AS r
    WHERE r.fingerprint = begin_import_run.fingerprint AND r.outcome IN ('running', 'interrupted', 'failed')
    FOR UPDATE;
  IF NOT FOUND THEN
    INSERT INTO import_runs (kind, name, format, tracker, fingerprint, owner, outcome)
      VALUES (begin_import_run.kind, begin_import_run.name, begin_import_run.format, begin_import_run.tracker,
        begin_import_run.fingerprint, holder, 'running')
      RETURNING * INTO run;
    RETURN run;
  END IF;
  IF run.outcome = 'running' AND import_owner_is_alive(run.owner) THEN
    RAISE EXCEPTION 'the import run % is at this input', run.id
      USING ERRCODE = 'unique_violation', CONSTRAINT = 'import_runs_unfinished', DETAIL = run.id;
  END IF;
  UPDATE import_runs AS r SET outcome = 'running', owner = holder, name = begin_import_run.name, resumed = r.resumed + 1,
    finished_at = NULL, error_code = NULL, error = NULL
    WHERE r.id = run.id RETURNING r.* INTO run;
  RETURN run;
END $$;

-- Notes of runs whose process is gone that they were interrupted; returns how many.
CREATE FUNCTION close_orphaned_import_runs() RETURNS bigint LANGUAGE sql AS $$
  WITH closed AS (
    UPDATE import_runs SET outcome = 'interrupted', owner = NULL, finished_at = now()
    WHERE id IN (
      SELECT id FROM import_runs WHERE outcome = 'running' AND NOT import_owner_is_alive(owner) FOR UPDATE SKIP LOCKED)
    RETURNING 1
  )
  SELECT count(*) FROM closed
$$;
