-- The engine-specific parts of history_layers (common/history_layers.sql) on the timescaledb engine, and its failing
-- policies.
--
-- Locks: none.

-- The watermark and the last refresh of each continuous aggregate. The bodies of these functions are strings, because a
-- view or a parsed body would depend on the catalog of TimescaleDB, and block ALTER EXTENSION … UPDATE.
CREATE OR REPLACE FUNCTION aggregate_refreshes() RETURNS TABLE (relation name, watermark timestamptz, last_refresh timestamptz)
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
  SELECT a.user_view_name,
    -- The watermark of an aggregate that was never refreshed is the lowest value of its type.
    CASE WHEN w.watermark > 0 THEN _timescaledb_functions.to_timestamp(w.watermark) END,
    greatest((SELECT aggregated_at FROM refresh_state), max(j.last_successful_finish))
  FROM _timescaledb_catalog.continuous_agg AS a
  JOIN _timescaledb_catalog.continuous_aggs_watermark AS w USING (mat_hypertable_id)
  LEFT JOIN timescaledb_information.jobs AS p
    ON p.proc_name = 'policy_refresh_continuous_aggregate' AND (p.config ->> 'mat_hypertable_id')::int = a.mat_hypertable_id
  LEFT JOIN timescaledb_information.job_stats AS j ON j.job_id = p.job_id AND isfinite(j.last_successful_finish)
  GROUP BY 1, 2
$$;

-- The layer of late reports. A view, so that rights to history_layers suffice to read it.
CREATE OR REPLACE VIEW late_day_layer AS
SELECT 'location_history_daily_late' AS relation, min(d.bucket) AS oldest, max(d.bucket) AS newest, count(d.bucket) AS row_count,
  s.daily_end AS removes_before, count(d.bucket) FILTER (WHERE d.bucket < s.daily_end) AS rows_to_remove
FROM (SELECT midnight_before(daily_retention_hours) AS daily_end FROM history_state) AS s
LEFT JOIN location_history_daily_late AS d ON true GROUP BY s.daily_end;

-- Policies that failed last and had no success for their interval plus a day. Ignores policies with fewer than three
-- failures, which may be due to a lock.
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
