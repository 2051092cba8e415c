-- Rejects TRUNCATE of hours, days and raw reports. Such a trigger applies to a single table, so each partition needs
-- its own; make_report_partitions() adds it to new partitions.
--
-- Locks: the partitions, in SHARE ROW EXCLUSIVE mode, while the triggers are created.
DO $$
DECLARE
  guarded regclass;
BEGIN
  FOR guarded IN
    SELECT relid FROM pg_partition_tree('location_history_rollups') UNION ALL SELECT relid FROM pg_partition_tree('location_reports')
  LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER refuse_truncate BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate()',
      guarded);
  END LOOP;
END $$;

-- TimescaleDB retention policies that would delete history: none on this engine.
CREATE OR REPLACE FUNCTION foreign_policies() RETURNS TABLE (relation text, policy text, remedy text) LANGUAGE sql IMMUTABLE AS $$
  SELECT NULL::text, NULL::text, NULL::text WHERE false
$$;
