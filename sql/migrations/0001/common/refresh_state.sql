-- How far location_history, the materialized view, is behind. One row, written by refreshers only. Counted, not
-- flagged: a change that comes while the view is being refreshed must leave it stale.
CREATE TABLE refresh_state (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  changes bigint NOT NULL DEFAULT 0, -- how often the layers below changed
  refreshed bigint NOT NULL DEFAULT 0, -- value of changes that the view was last refreshed for
  behind_since timestamptz(3), -- when changes last began to be greater than refreshed; NULL where it is not
  aggregated_at timestamptz(3), -- when hours and days were last brought up to changes
  view_refreshed_at timestamptz(3)
);
INSERT INTO refresh_state DEFAULT VALUES;
