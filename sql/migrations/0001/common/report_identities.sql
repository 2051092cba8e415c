-- Which reports of a day below the horizon are counted: a source returns the last week again at every fetch, and a
-- file may be taken in twice. Above the horizon the key of location_reports does this at no cost.
CREATE TABLE report_identities (
  hashed_adv_key text COLLATE "C" NOT NULL,
  day timestamptz NOT NULL,
  milliseconds integer[] NOT NULL, -- since that midnight UTC
  PRIMARY KEY (hashed_adv_key, day)
);
CREATE INDEX report_identities_day ON report_identities (day);
