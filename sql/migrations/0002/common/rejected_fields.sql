-- What devices say beside the place, of reports that were rejected as well.
ALTER TABLE rejected_reports
  ADD COLUMN IF NOT EXISTS altitude float8, ADD COLUMN IF NOT EXISTS speed float8, ADD COLUMN IF NOT EXISTS course float8,
  ADD COLUMN IF NOT EXISTS battery integer, ADD COLUMN IF NOT EXISTS motion text;
