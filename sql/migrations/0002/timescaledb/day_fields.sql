-- What a device said beside the place in the report that the row shows, see summarize_reports().
ALTER TABLE location_history_daily_late
  ADD COLUMN IF NOT EXISTS altitude float8, ADD COLUMN IF NOT EXISTS speed float8, ADD COLUMN IF NOT EXISTS course float8,
  ADD COLUMN IF NOT EXISTS battery smallint, ADD COLUMN IF NOT EXISTS motion text,
  ADD COLUMN IF NOT EXISTS imprecise boolean NOT NULL DEFAULT false, -- there is no precise report in it
  -- Time of that report; NULL in rows of 0.1.0, where it is last_report_at.
  ADD COLUMN IF NOT EXISTS located_at timestamptz(3);
