-- TRUNCATE fires no row trigger, leaves no trace, and is one word. Reports can be deleted; history goes by retention.
DO $$
DECLARE
  guarded regclass;
BEGIN
  FOREACH guarded IN ARRAY ARRAY['report_identities', 'deleted_reports', 'history_days', 'history_state']::regclass[] LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER refuse_truncate BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate()',
      guarded);
  END LOOP;
END $$;
