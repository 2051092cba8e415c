-- The range and number of rows of each layer, and the rows that the next run of retention removes from it. Each query
-- counts all rows: about a second for ten million. `watermark` is the time up to which a continuous aggregate has been
-- computed.
--
-- Locks: none.
CREATE OR REPLACE VIEW history_layers AS
WITH state AS (
  SELECT midnight_before(raw_retention_hours) AS raw_end,
    greatest(cut, midnight_before(hourly_retention_hours)) AS hourly_end,
    midnight_before(daily_retention_hours) AS daily_end
  FROM history_state
), aggregates AS (
  SELECT * FROM aggregate_refreshes()
)
SELECT 1 AS position, 'location_reports' AS relation, min(r.timestamp) AS oldest, max(r.timestamp) AS newest,
  count(r.timestamp) AS row_count, NULL::timestamptz AS watermark, NULL::timestamptz AS last_refresh,
  s.raw_end AS removes_before, count(r.timestamp) FILTER (WHERE r.timestamp < s.raw_end) AS rows_to_remove
FROM state AS s LEFT JOIN location_reports AS r ON true GROUP BY s.raw_end
UNION ALL
SELECT 2, 'location_history_hourly', min(h.bucket), max(h.bucket), count(h.bucket), a.watermark, a.last_refresh,
  s.hourly_end, count(h.bucket) FILTER (WHERE h.bucket < s.hourly_end)
FROM state AS s LEFT JOIN aggregates AS a ON a.relation = 'location_history_hourly'
LEFT JOIN location_history_hourly AS h ON true GROUP BY s.hourly_end, a.watermark, a.last_refresh
UNION ALL
SELECT 3, 'location_history_daily', min(d.bucket), max(d.bucket), count(d.bucket), a.watermark, a.last_refresh,
  s.daily_end, count(d.bucket) FILTER (WHERE d.bucket < s.daily_end)
FROM state AS s LEFT JOIN aggregates AS a ON a.relation = 'location_history_daily'
LEFT JOIN location_history_daily AS d ON true GROUP BY s.daily_end, a.watermark, a.last_refresh
UNION ALL
SELECT 4, l.relation, l.oldest, l.newest, l.row_count, NULL, NULL, l.removes_before, l.rows_to_remove
FROM late_day_layer AS l
UNION ALL
SELECT 5, 'location_history', min(m.timestamp), max(m.timestamp), count(m.timestamp), NULL,
  (SELECT view_refreshed_at FROM refresh_state), NULL, 0
FROM location_history AS m;
