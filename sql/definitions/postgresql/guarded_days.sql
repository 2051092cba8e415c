-- A trigger for TRUNCATE is of one table alone: partitions get theirs one by one, new ones from make_report_partitions().
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

-- There are no policies on this engine.
CREATE OR REPLACE FUNCTION foreign_policies() RETURNS TABLE (relation text, policy text, remedy text) LANGUAGE sql IMMUTABLE AS $$
  SELECT NULL::text, NULL::text, NULL::text WHERE false
$$;
