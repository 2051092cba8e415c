-- Forbids TRUNCATE of the tables that say what was counted: it fires no row trigger and leaves no trace. Reports can be
-- deleted, and history is removed by retention.
--
-- Locks: these tables, in SHARE ROW EXCLUSIVE mode, while the triggers are made.
DO $$
DECLARE
  guarded regclass;
BEGIN
  FOREACH guarded IN ARRAY ARRAY['report_identities', 'deleted_reports', 'history_days', 'history_state']::regclass[] LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER refuse_truncate BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate()',
      guarded);
  END LOOP;
END $$;
