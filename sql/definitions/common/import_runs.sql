-- The owners of import runs, and the start and end of a run.
--
-- Locks: rows of import_runs.

-- Key of the advisory lock that a process holds as long as it runs.
CREATE OR REPLACE FUNCTION import_owner_lock(owner uuid) RETURNS bigint LANGUAGE sql IMMUTABLE
  RETURN hashtextextended('import owner ' || owner::text, 0);

-- Whether the process with this id is alive: it holds its lock on a dedicated connection, which closes when it ends.
CREATE OR REPLACE FUNCTION import_owner_is_alive(owner uuid) RETURNS boolean LANGUAGE sql STABLE RETURN EXISTS (
  SELECT FROM pg_locks
  WHERE locktype = 'advisory' AND objsubid = 1 AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND classid::bigint = (import_owner_lock(owner) >> 32) & 4294967295
    AND objid::bigint = import_owner_lock(owner) & 4294967295
);

-- Starts a run for its holder and returns it: the run with the id `queued`, even if an earlier attempt did not finish;
-- else the unfinished run with the same fingerprint, with the position it reached; else a new run. Raises a unique
-- violation while another process imports the same input.
CREATE OR REPLACE FUNCTION begin_import_run(
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
      RAISE EXCEPTION 'the import run % is not waiting to start', queued
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
    RAISE EXCEPTION 'the import run % is importing this input', run.id
      USING ERRCODE = 'unique_violation', CONSTRAINT = 'import_runs_unfinished', DETAIL = run.id;
  END IF;
  UPDATE import_runs AS r SET outcome = 'running', owner = holder, name = begin_import_run.name, resumed = r.resumed + 1,
    finished_at = NULL, error_code = NULL, error = NULL
    WHERE r.id = run.id RETURNING r.* INTO run;
  RETURN run;
END $$;

-- Marks runs whose process has ended as interrupted; returns their number.
CREATE OR REPLACE FUNCTION close_orphaned_import_runs() RETURNS bigint LANGUAGE sql AS $$
  WITH closed AS (
    UPDATE import_runs SET outcome = 'interrupted', owner = NULL, finished_at = now()
    WHERE id IN (
      SELECT id FROM import_runs WHERE outcome = 'running' AND NOT import_owner_is_alive(owner) FOR UPDATE SKIP LOCKED)
    RETURNING 1
  )
  SELECT count(*) FROM closed
$$;
