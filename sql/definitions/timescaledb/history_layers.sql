-- What history_layers (common/history_layers.sql) shows of the timescaledb engine, and how its policies do.
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

-- The layer of late reports beside the daily aggregate. A view, so that whoever may read history_layers may read it.
CREATE OR REPLACE VIEW late_day_layer AS
SELECT 'location_history_daily_late' AS relation, min(d.bucket) AS oldest, max(d.bucket) AS newest, count(d.bucket) AS row_count,
  s.daily_end AS removes_before, count(d.bucket) FILTER (WHERE d.bucket < s.daily_end) AS rows_to_remove
FROM (SELECT midnight_before(daily_retention_hours) AS daily_end FROM history_state) AS s
LEFT JOIN location_history_daily_late AS d ON true GROUP BY s.daily_end;

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
