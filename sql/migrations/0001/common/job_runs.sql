-- Every run of every scheduled job: what, for which slot, when, how long, and what came of it.
CREATE TABLE job_runs (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  job text NOT NULL,
  slot timestamptz(0), -- moment of the schedule that it ran for; NULL where it was asked for by hand
  covers_from timestamptz(0), -- oldest slot before it that was missed: this run stands for those as well
  attempt integer NOT NULL, -- of the slot
  holder text NOT NULL, -- host and process that ran it
  outcome text NOT NULL DEFAULT 'running' CHECK (outcome IN ('running', 'done', 'failed')),
  started_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
  finished_at timestamptz(3),
  ms integer, -- how long it took, by the clock of its process
  row_count bigint,
  details jsonb,
  error text,
  retry_at timestamptz(3), -- a failed slot is tried again then, unless a newer one is due
  CONSTRAINT job_runs_outcome_is_complete CHECK ((outcome = 'running') = (finished_at IS NULL)),
  CONSTRAINT job_runs_covers_earlier CHECK (covers_from < slot)
);
-- No slot is run by two, or done twice, whatever else goes wrong.
CREATE UNIQUE INDEX job_runs_slot_once ON job_runs (job, slot) WHERE outcome IN ('running', 'done');
CREATE INDEX job_runs_newest ON job_runs (job, slot DESC, id DESC);
