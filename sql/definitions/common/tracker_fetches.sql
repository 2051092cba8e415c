-- Triggers of tracker_fetches that wake the importers and end the runs of removed trackers.
--
-- Locks: the run of a removed tracker in import_runs.

-- NOTIFY on the channel tracker_fetches wakes the importers. It is only a hint: they also poll.
CREATE OR REPLACE FUNCTION announce_tracker_fetches() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  PERFORM pg_notify('tracker_fetches', '');
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER announce_tracker_fetches AFTER INSERT OR UPDATE OF run_id ON tracker_fetches
  FOR EACH ROW WHEN (NEW.run_id IS NOT NULL) EXECUTE FUNCTION announce_tracker_fetches();
CREATE OR REPLACE TRIGGER announce_tracker_round AFTER INSERT OR UPDATE OF in_round ON tracker_fetches
  FOR EACH ROW WHEN (NEW.in_round) EXECUTE FUNCTION announce_tracker_fetches();

-- Ends the queued run of a removed tracker, which would never start.
CREATE OR REPLACE FUNCTION end_run_of_removed_tracker() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  UPDATE import_runs SET outcome = 'failed', finished_at = now(), error_code = 'NOT_FOUND', error = 'The tracker was removed'
    WHERE id = OLD.run_id AND outcome IN ('queued', 'interrupted');
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER end_run_of_removed_tracker AFTER DELETE ON tracker_fetches
  FOR EACH ROW WHEN (OLD.run_id IS NOT NULL) EXECUTE FUNCTION end_run_of_removed_tracker();
