-- Sets the refresh policies of the continuous aggregates: hours every hour with a lag of one hour, days every day with
-- a lag of one day. The refresher aggregates changes immediately; the policies also run while it is stopped. The
-- parameters are the number of hours that each policy reaches back; a policy with that window is not changed. Must not
-- be called before all changes are logged, see changes_logged_before().
--
-- Locks: the row of history_state, so that calls run one at a time.
CREATE OR REPLACE FUNCTION set_refresh_windows(hourly_window integer, daily_window integer) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  wanted record;
BEGIN
  PERFORM FROM history_state FOR UPDATE;
  FOR wanted IN
    SELECT * FROM (VALUES
      ('location_history_hourly', make_interval(hours => hourly_window), interval '1 hour'),
      ('location_history_daily', make_interval(hours => daily_window), interval '24 hours')
    ) AS w (relation, reach, lag)
  LOOP
    CONTINUE WHEN EXISTS (
      SELECT FROM timescaledb_information.jobs AS j
      JOIN _timescaledb_catalog.continuous_agg AS a ON a.mat_hypertable_id = (j.config ->> 'mat_hypertable_id')::integer
      WHERE j.proc_name = 'policy_refresh_continuous_aggregate' AND a.user_view_name = wanted.relation
        AND (j.config ->> 'start_offset')::interval = wanted.reach);
    PERFORM remove_continuous_aggregate_policy(wanted.relation::regclass, if_exists => true);
    PERFORM add_continuous_aggregate_policy(wanted.relation::regclass,
      start_offset => wanted.reach, end_offset => wanted.lag, schedule_interval => wanted.lag);
  END LOOP;
END $$;
