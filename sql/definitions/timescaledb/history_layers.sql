-- What each layer holds, and how its policies do.
--
-- Locks: none.

-- Up to where each aggregate has been computed at least once, and when last. The bodies of these functions are strings: a
-- view, or a parsed body, would depend on the catalog of TimescaleDB, and keep ALTER EXTENSION … UPDATE from replacing
-- that.
CREATE OR REPLACE FUNCTION aggregate_refreshes() RETURNS TABLE (relation name, watermark timestamptz, last_refresh timestamptz)
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
  SELECT a.user_view_name,
    -- An aggregate that was never refreshed has the oldest time of the type.
    CASE WHEN w.watermark > 0 THEN _timescaledb_functions.to_timestamp(w.watermark) END,
    greatest((SELECT aggregated_at FROM refresh_state), max(j.last_successful_finish))
  FROM _timescaledb_catalog.continuous_agg AS a
  JOIN _timescaledb_catalog.continuous_aggs_watermark AS w USING (mat_hypertable_id)
  LEFT JOIN timescaledb_information.jobs AS p
    ON p.proc_name = 'policy_refresh_continuous_aggregate' AND (p.config ->> 'mat_hypertable_id')::int = a.mat_hypertable_id
  LEFT JOIN timescaledb_information.job_stats AS j ON j.job_id = p.job_id AND isfinite(j.last_successful_finish)
  GROUP BY 1, 2
$$;

-- What each layer holds, and what the next run of retention removes from it. Counts all rows when queried: about a second
-- for ten million. Up to its watermark an aggregate has been computed at least once.
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
FROM state AS s JOIN aggregates AS a ON a.relation = 'location_history_hourly'
LEFT JOIN location_history_hourly AS h ON true GROUP BY s.hourly_end, a.watermark, a.last_refresh
UNION ALL
SELECT 3, 'location_history_daily', min(d.bucket), max(d.bucket), count(d.bucket), a.watermark, a.last_refresh,
  s.daily_end, count(d.bucket) FILTER (WHERE d.bucket < s.daily_end)
FROM state AS s JOIN aggregates AS a ON a.relation = 'location_history_daily'
LEFT JOIN location_history_daily AS d ON true GROUP BY s.daily_end, a.watermark, a.last_refresh
UNION ALL
SELECT 4, 'location_history_daily_late', min(d.bucket), max(d.bucket), count(d.bucket), NULL, NULL,
  s.daily_end, count(d.bucket) FILTER (WHERE d.bucket < s.daily_end)
FROM state AS s LEFT JOIN location_history_daily_late AS d ON true GROUP BY s.daily_end
UNION ALL
SELECT 5, 'location_history', min(m.timestamp), max(m.timestamp), count(m.timestamp), NULL,
  (SELECT view_refreshed_at FROM refresh_state), NULL, 0
FROM location_history AS m;

-- Policies that have kept failing for a day longer than their interval. A single failure does not count: it may be due to
-- a lock.
CREATE OR REPLACE FUNCTION failing_policies()
RETURNS TABLE (policy text, failures bigint, last_success timestamptz, error text)
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
  SELECT j.proc_name || ' of ' || j.hypertable_name, s.total_failures,
    CASE WHEN isfinite(s.last_successful_finish) THEN s.last_successful_finish END,
    (SELECT e.err_message FROM timescaledb_information.job_errors AS e WHERE e.job_id = j.job_id
      ORDER BY e.finish_time DESC LIMIT 1)
  FROM timescaledb_information.jobs AS j JOIN timescaledb_information.job_stats AS s USING (job_id)
  WHERE j.hypertable_schema = current_schema()
    AND j.hypertable_name IN ('location_reports', 'location_history_hourly', 'location_history_daily')
    AND j.scheduled AND s.last_run_status = 'Failed' AND s.total_failures >= 3
    AND s.last_successful_finish < now() - j.schedule_interval - interval '1 day'
$$;
