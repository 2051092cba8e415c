-- The boundaries of history: raw reports are kept from the horizon (closed_before) on, hours from the cut on, and days
-- from the floor on.
--
-- Locks: none, except that current_horizon() locks the row of history_state outside READ COMMITTED.

-- Horizon and cut never move back: history before them cannot be computed again.
CREATE OR REPLACE FUNCTION refuse_boundary_moving_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('tracker.mends_horizon', true) = 'on' THEN
    RETURN NEW; -- see mend_horizon()
  END IF;
  RAISE EXCEPTION 'history boundaries never move back (horizon % to %, cut % to %)',
    OLD.closed_before, NEW.closed_before, OLD.cut, NEW.cut USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE OR REPLACE TRIGGER boundaries_never_move_back BEFORE UPDATE ON history_state FOR EACH ROW
  WHEN (NEW.closed_before < OLD.closed_before OR NEW.cut < OLD.cut)
  EXECUTE FUNCTION refuse_boundary_moving_back();

-- The start of a layer that is kept for this many hours: the last midnight UTC before that many hours ago. Uses the
-- agreed time, because older rows are removed.
CREATE OR REPLACE FUNCTION midnight_before(hours integer) RETURNS timestamptz
  LANGUAGE sql STABLE RETURN date_trunc('day', agreed_now() - make_interval(hours => hours), 'UTC');

-- The start of raw reports.
CREATE OR REPLACE FUNCTION history_horizon() RETURNS timestamptz LANGUAGE sql STABLE
  RETURN (SELECT closed_before FROM history_state);

-- The start of hourly rows.
CREATE OR REPLACE FUNCTION history_cut() RETURNS timestamptz LANGUAGE sql STABLE
  RETURN (SELECT cut FROM history_state);

-- The start of daily rows and of the identities of reports. Older reports are rejected.
CREATE OR REPLACE FUNCTION history_floor() RETURNS timestamptz LANGUAGE sql STABLE
  RETURN (SELECT midnight_before(daily_retention_hours) FROM history_state);

-- The current horizon. In READ COMMITTED, a statement that runs after the lock on location_reports sees it anyway. With
-- another isolation level the snapshot may be older: then locking the row raises a serialization failure (40001), and
-- the transaction must be retried.
CREATE OR REPLACE FUNCTION current_horizon() RETURNS timestamptz LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  horizon timestamptz;
BEGIN
  IF current_setting('transaction_isolation') = 'read committed' THEN
    SELECT closed_before INTO STRICT horizon FROM history_state;
  ELSE
    SELECT closed_before INTO STRICT horizon FROM history_state FOR SHARE;
  END IF;
  RETURN horizon;
END $$;
