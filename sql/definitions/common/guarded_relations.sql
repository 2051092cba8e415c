-- Rejects TRUNCATE of the tables that record which reports were counted or deleted, because it fires no row triggers.
-- Reports can be deleted, and retention removes history.
--
-- Locks: these tables, in SHARE ROW EXCLUSIVE mode, while the triggers are created.
DO $$
DECLARE
  guarded regclass;
BEGIN
  FOREACH guarded IN ARRAY ARRAY['report_identities', 'deleted_reports', 'history_days', 'history_state']::regclass[] LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER refuse_truncate BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate()',
      guarded);
  END LOOP;
END $$;
