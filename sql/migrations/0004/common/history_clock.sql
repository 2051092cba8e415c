-- The latest time that several clocks agree on, and the machines that saw it pass: see sql/definitions/common/history_clock.sql.
CREATE TABLE history_clock (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  agreed_at timestamptz NOT NULL DEFAULT now(),
  proved_at timestamptz NOT NULL DEFAULT now(), -- as far as time has passed since; later where a clock was set back
  seen_at timestamptz NOT NULL DEFAULT clock_timestamp(), -- what the database's clock said when it was last looked at
  lineage uuid NOT NULL DEFAULT gen_random_uuid(), -- the same in every copy of this database
  looks bigint NOT NULL DEFAULT 0,   -- how often a refresher has looked whether history is there; less in an older backup
  looked_at timestamptz NOT NULL DEFAULT clock_timestamp() -- when that was last
);

CREATE TABLE clock_machines (
  machine text PRIMARY KEY,          -- one boot of one machine
  started_at timestamptz,            -- when it booted, by the agreed time; NULL until its clock is believed
  candidate_start timestamptz,       -- when it booted by its clock, which is not believed yet
  candidate_uptime float8,           -- seconds it had been up when that was noted
  seen_at timestamptz NOT NULL       -- last time that it reported, by the agreed time
);

INSERT INTO history_clock (only_row) VALUES (true);
