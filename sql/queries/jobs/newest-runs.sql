-- The newest run of each of these jobs, by the clock of the database. Ignores slots in the future, which exist after a
-- clock was ahead.
--
-- $1 text[]  names of jobs
--
-- Result: name, now, and slot, outcome, "retryAt" of the job's newest run for a slot (NULL: none yet); one row a job.
-- Locks: none.
SELECT job.name, now() AS now, newest.slot, newest.outcome, newest.retry_at AS "retryAt"
FROM unnest($1::text[]) AS job (name)
LEFT JOIN LATERAL (
  SELECT r.slot, r.outcome, r.retry_at FROM job_runs AS r
  WHERE r.job = job.name AND r.slot <= now() ORDER BY r.slot DESC, r.id DESC LIMIT 1
) AS newest ON true
