-- Where the schedules of some jobs stand, by the clock of this database.
--
-- A slot in the future was run while the clock was ahead: it counts when its time has come.
--
-- $1 text[]  names of jobs
-- Result: a row a job: now; slot, outcome, "retryAt" of the newest run for a slot (NULL: none yet).
SELECT job.name, now() AS now, newest.slot, newest.outcome, newest.retry_at AS "retryAt"
FROM unnest($1::text[]) AS job (name)
LEFT JOIN LATERAL (
  SELECT r.slot, r.outcome, r.retry_at FROM job_runs AS r
  WHERE r.job = job.name AND r.slot <= now() ORDER BY r.slot DESC, r.id DESC LIMIT 1
) AS newest ON true
