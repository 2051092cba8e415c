-- Which trackers' reports are to be fetched, and who is at it. The queue is nothing but these rows: a tracker that is
-- wanted is leased for one attempt, by the database's clock; a fetcher that dies leaves a lease that runs out, and
-- another asks.
CREATE TABLE tracker_fetches (
  tracker_id bigint PRIMARY KEY REFERENCES trackers (id) ON DELETE CASCADE,
  -- Since when its reports are wanted; NULL where there is nothing to do.
  wanted_at timestamptz(3),
  -- Wanted because all trackers are; a round is over when no row says so.
  in_round boolean NOT NULL DEFAULT false,
  -- The run that was queued for this tracker alone, because somebody waits for it.
  run_id bigint REFERENCES import_runs (id) ON DELETE SET NULL,
  -- When it was last asked for, answered or not: the one that waited longest is next.
  attempted_at timestamptz(3),
  -- How often in a row there was no answer, and why not the last time.
  failures integer NOT NULL DEFAULT 0,
  last_failure text,
  -- One attempt, and when others may begin another one.
  lease uuid,
  leased_until timestamptz(3),
  CONSTRAINT tracker_fetches_leased_until CHECK ((lease IS NULL) = (leased_until IS NULL)),
  CONSTRAINT tracker_fetches_wanted CHECK (wanted_at IS NOT NULL OR run_id IS NULL AND NOT in_round)
);
CREATE INDEX tracker_fetches_wanted_idx ON tracker_fetches (attempted_at NULLS FIRST, tracker_id) WHERE wanted_at IS NOT NULL;

-- When the endpoint may be called next: the calls of all processes keep a distance. One row.
CREATE TABLE find_my_pace (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  next_call_at timestamptz(3) NOT NULL DEFAULT now()
);
INSERT INTO find_my_pace DEFAULT VALUES;

-- Wakes the importers: nothing more than a hint, they look for themselves now and then.
CREATE FUNCTION announce_tracker_fetches() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  PERFORM pg_notify('tracker_fetches', '');
  RETURN NULL;
END $$;
CREATE TRIGGER announce_tracker_fetches AFTER INSERT OR UPDATE OF run_id ON tracker_fetches
  FOR EACH ROW WHEN (NEW.run_id IS NOT NULL) EXECUTE FUNCTION announce_tracker_fetches();
CREATE TRIGGER announce_tracker_round AFTER INSERT OR UPDATE OF in_round ON tracker_fetches
  FOR EACH ROW WHEN (NEW.in_round) EXECUTE FUNCTION announce_tracker_fetches();

-- The run that waits for a tracker which is removed will never begin.
CREATE FUNCTION end_run_of_removed_tracker() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  UPDATE import_runs SET outcome = 'failed', finished_at = now(), error_code = 'NOT_FOUND', error = 'The tracker was removed'
    WHERE id = OLD.run_id AND outcome IN ('queued', 'interrupted');
  RETURN NULL;
END $$;
CREATE TRIGGER end_run_of_removed_tracker AFTER DELETE ON tracker_fetches
  FOR EACH ROW WHEN (OLD.run_id IS NOT NULL) EXECUTE FUNCTION end_run_of_removed_tracker();
