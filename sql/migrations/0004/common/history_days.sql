-- How many reports each day of history should have: see sql/definitions/common/history_days.sql.
CREATE TABLE history_days (
  day timestamptz PRIMARY KEY,
  reports bigint NOT NULL,              -- above the horizon raw reports, below it those that days count
  identities bigint NOT NULL DEFAULT 0, -- below the horizon: of those whose identities are kept
  recounted bigint NOT NULL DEFAULT 0,  -- of them, those that were uncounted: imported again they are no further ones
  CONSTRAINT history_days_begin_at_midnight_utc CHECK (day = date_trunc('day', day, 'UTC'))
);
