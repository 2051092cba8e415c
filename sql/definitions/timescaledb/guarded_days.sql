-- Protects closed days, and rejects TRUNCATE of days.
--
-- Locks: the tables of the days, in SHARE ROW EXCLUSIVE mode, while the triggers are created.

-- The raw reports of days below the horizon are gone. A refresh that would recompute such a day (force => true, or
-- because the day was marked as changed) would empty it: it fails here instead.
CREATE OR REPLACE FUNCTION refuse_removing_closed_days() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF OLD.bucket < history_horizon() THEN
    RAISE EXCEPTION 'the day % of location_history_daily cannot be computed again: its raw reports are gone', OLD.bucket::date
      USING ERRCODE = 'integrity_constraint_violation',
        HINT = format('Refresh from %s on, and never with force => true.', history_horizon());
  END IF;
  RETURN OLD;
END $$;

DO $$
DECLARE
  guarded regclass;
BEGIN
  SELECT format('%I.%I', materialization_hypertable_schema, materialization_hypertable_name)::regclass INTO STRICT guarded
    FROM timescaledb_information.continuous_aggregates
    WHERE view_schema = current_schema() AND view_name = 'location_history_daily';
  EXECUTE format('CREATE OR REPLACE TRIGGER refuse_removing_closed_days BEFORE DELETE ON %s FOR EACH ROW
    WHEN (current_setting(''tracker.removes_days'', true) IS DISTINCT FROM ''on'')
    EXECUTE FUNCTION refuse_removing_closed_days()', guarded);
  EXECUTE format('CREATE OR REPLACE TRIGGER refuse_truncate BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate()',
    guarded);
  EXECUTE 'CREATE OR REPLACE TRIGGER refuse_truncate BEFORE TRUNCATE ON location_history_daily_late
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate()';
END $$;

-- TimescaleDB retention policies that would delete history, with the statement that removes each.
CREATE OR REPLACE FUNCTION foreign_policies() RETURNS TABLE (relation text, policy text, remedy text)
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
  SELECT guarded.name, format('%s, job %s', j.proc_name, j.job_id), format('SELECT remove_retention_policy(''%s'')', guarded.name)
  FROM timescaledb_information.jobs AS j
  JOIN (
    SELECT 'location_reports' AS name, current_schema() AS hypertable_schema, 'location_reports' AS hypertable_name
    UNION ALL
    SELECT a.view_name, a.materialization_hypertable_schema, a.materialization_hypertable_name
    FROM timescaledb_information.continuous_aggregates AS a
    WHERE a.view_schema = current_schema() AND a.view_name IN ('location_history_hourly', 'location_history_daily')
  ) AS guarded ON j.proc_name = 'policy_retention' AND (
    (j.hypertable_schema, j.hypertable_name) = (guarded.hypertable_schema, guarded.hypertable_name)
    OR (j.hypertable_schema, j.hypertable_name) = (current_schema(), guarded.name))
  ORDER BY 1
$$;
