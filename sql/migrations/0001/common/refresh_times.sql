-- What the refresher has to say of itself, for the doctor and for historyHealth.
ALTER TABLE refresh_state
  ADD notified_at timestamptz(3), -- when a listener last got a notification
  ADD periodic_at timestamptz(3); -- when the last periodic refresh that succeeded began

-- When each layer was last refreshed, and how long that took.
CREATE TABLE layer_refreshes (
  relation text PRIMARY KEY,
  refreshed_at timestamptz(3) NOT NULL,
  ms integer NOT NULL
);
