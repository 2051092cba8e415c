-- Records the start of a run. The caller holds the lock of the job, so nobody else runs it.
--
-- $1 text         name of the job
-- $2 timestamptz  slot; NULL: started by hand
-- $3 text         name of the process that runs it, for people to read
--
-- Result: id and attempt of the run, and "doneSlot", the newest slot that is done (NULL: none): another process may
-- have finished it since the schedules were read. No row if this slot, or a newer one, has been run.
-- Locks: the inserted row.
INSERT INTO job_runs (job, slot, holder, attempt)
SELECT $1, $2::timestamptz, $3, 1 + count(*) FROM job_runs WHERE job = $1 AND slot = $2
HAVING NOT EXISTS (
  SELECT FROM job_runs WHERE job = $1 AND (slot > $2 AND slot <= now() OR slot = $2 AND outcome IN ('running', 'done'))
)
ON CONFLICT DO NOTHING
RETURNING id, attempt, (SELECT max(r.slot) FROM job_runs AS r WHERE r.job = $1 AND r.slot <= now() AND r.outcome = 'done') AS "doneSlot"
