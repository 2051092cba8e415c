-- Records what this database was made with. The settings come from the migration's session.
INSERT INTO history_state
  (engine, spatial_layer, raw_retention_hours, hourly_retention_hours, daily_retention_hours, closed_before, cut)
SELECT current_setting('tracker.history_engine'), current_setting('tracker.spatial_layer'),
  raw, hourly, daily, midnight_before(raw), midnight_before(hourly)
FROM (SELECT current_setting('tracker.raw_retention_hours')::integer AS raw,
  current_setting('tracker.hourly_retention_hours')::integer AS hourly,
  current_setting('tracker.daily_retention_hours')::integer AS daily) AS configured;
