-- Earlier tables of the names that are needed, location_history and a plain location_reports, are kept under others;
-- their rows are carried over once the new history is there to take them.
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['location_history', 'location_reports'] LOOP
    IF EXISTS (SELECT FROM pg_class WHERE oid = to_regclass('public.' || name) AND relkind IN ('r', 'p')) THEN
      EXECUTE format('ALTER TABLE public.%I RENAME TO %I', name, name || '_backup');
    END IF;
  END LOOP;
END $$;
