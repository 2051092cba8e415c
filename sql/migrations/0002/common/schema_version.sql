-- Which version of the product last changed this schema. One row.
CREATE TABLE schema_version (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  version text NOT NULL,
  lowest_program text NOT NULL, -- the oldest program that may use it
  definitions text, -- SHA-256 of the files of sql/definitions that were applied last
  changed_at timestamptz(3) NOT NULL DEFAULT now()
);
COMMENT ON TABLE schema_version IS 'Version of this schema, and the oldest program that may use it; one row.';

-- The frozen steps that ran here, each with the SHA-256 of its files.
CREATE TABLE schema_steps (
  step text PRIMARY KEY,
  checksum text NOT NULL,
  recorded_at timestamptz(3) NOT NULL DEFAULT now()
);
