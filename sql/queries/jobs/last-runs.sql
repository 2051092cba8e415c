-- The last run of every job.
--
-- No parameters.
--
-- Result: job, slot, attempt, outcome, "startedAt", ms, rows, error; one row a job.
-- Locks: none.
SELECT DISTINCT ON (job) job, slot, attempt, outcome, started_at AS "startedAt", ms, row_count::int AS rows, error
FROM job_runs ORDER BY job, id DESC
