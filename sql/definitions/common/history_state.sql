-- The boundaries of history: the horizon (closed_before), from which raw reports are kept; the cut, from which hours are;
-- and the floor, from which days are.
--
-- Locks: none, except that current_horizon() locks the row of history_state outside READ COMMITTED.

-- Neither horizon nor cut ever moves back: what is below was computed once and cannot be computed again.
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

-- Midnight UTC before the time this many hours ago: where a layer that is kept that long begins. By the agreed time,
-- because what is older is removed.
CREATE OR REPLACE FUNCTION midnight_before(hours integer) RETURNS timestamptz
  LANGUAGE sql STABLE RETURN date_trunc('day', agreed_now() - make_interval(hours => hours), 'UTC');

-- Where raw reports begin.
CREATE OR REPLACE FUNCTION history_horizon() RETURNS timestamptz LANGUAGE sql STABLE
  RETURN (SELECT closed_before FROM history_state);

-- Where hourly rows begin.
CREATE OR REPLACE FUNCTION history_cut() RETURNS timestamptz LANGUAGE sql STABLE
  RETURN (SELECT cut FROM history_state);

-- Where daily rows, and the identities of reports, begin. Older reports are rejected.
CREATE OR REPLACE FUNCTION history_floor() RETURNS timestamptz LANGUAGE sql STABLE
  RETURN (SELECT midnight_before(daily_retention_hours) FROM history_state);

-- The horizon, never a stale one. A READ COMMITTED statement that holds its lock on location_reports sees the newest one
-- anyway; an older snapshot may not, and then locking the row raises a serialization failure (40001): the transaction has
-- to be run again.
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
