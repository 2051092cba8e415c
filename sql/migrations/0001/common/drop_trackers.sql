-- Undoes tracker_ids.sql and trackers.sql, or adopt_trackers.sql: a table that was there before stays, as it was.
DO $$
DECLARE
  step record;
BEGIN
  IF to_regclass('trackers_adoption') IS NULL THEN
    DROP TABLE trackers;
    DROP TYPE tracker_status;
    DROP FUNCTION pass_given_ids;
    RETURN;
  END IF;
  DROP FUNCTION pass_given_ids CASCADE;
  DROP TRIGGER mark_trackers_inserted ON trackers;
  DROP TRIGGER mark_trackers_deleted ON trackers;
  DROP TRIGGER mark_trackers_updated ON trackers;
  FOR step IN SELECT undo FROM trackers_adoption ORDER BY trackers_adoption.step DESC LOOP
    EXECUTE step.undo;
  END LOOP;
  DROP TABLE trackers_adoption;
END $$;
