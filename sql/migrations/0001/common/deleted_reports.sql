-- Reports that were deleted on purpose: bad points, which their source returns again at every fetch. ingest_reports()
-- rejects them as 'deleted'. An INSERT by hand is taken: whoever makes one means it.
CREATE TABLE deleted_reports (
  hashed_adv_key text COLLATE "C" NOT NULL,
  timestamp timestamptz(3) NOT NULL,
  deleted_at timestamptz(3) NOT NULL DEFAULT now(),
  PRIMARY KEY (hashed_adv_key, timestamp)
);
CREATE INDEX deleted_reports_timestamp ON deleted_reports (timestamp); -- for retention
