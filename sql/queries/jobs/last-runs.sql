-- The last run of every job.
--
-- Result: a row a job, as job_runs has it.
SELECT DISTINCT ON (job) job, slot, attempt, outcome, started_at AS "startedAt", ms, row_count::int AS rows, error
FROM job_runs ORDER BY job, id DESC
