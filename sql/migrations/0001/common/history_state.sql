-- What the database knows of itself: which engine and spatial layer it was made with, how long each layer is kept,
-- and the two boundaries that history stands on. One row.
CREATE TABLE history_state (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  engine text NOT NULL CHECK (engine IN ('timescaledb', 'postgresql')),
  spatial_layer text NOT NULL CHECK (spatial_layer IN ('postgis', 'builtin')),
  -- Lengths in hours: a '1 day' would follow the session's time zone over a change to daylight saving time.
  raw_retention_hours integer NOT NULL CHECK (raw_retention_hours > 0),
  hourly_retention_hours integer NOT NULL CHECK (hourly_retention_hours > 0),
  daily_retention_hours integer NOT NULL CHECK (daily_retention_hours > raw_retention_hours),
  -- The horizon: no raw report is older, all newer ones are there. Stored, never computed from the clock: what was
  -- dropped stays dropped, however the settings change.
  closed_before timestamptz NOT NULL,
  -- History shows hours from here on, and days before. Stored, so that no day is ever shown as both or as neither.
  cut timestamptz NOT NULL,
  CONSTRAINT horizon_is_midnight_utc CHECK (closed_before = date_trunc('day', closed_before, 'UTC')),
  CONSTRAINT cut_is_midnight_utc CHECK (cut = date_trunc('day', cut, 'UTC')),
  CONSTRAINT cut_not_below_horizon CHECK (cut >= closed_before)
);
COMMENT ON TABLE history_state IS 'Engine, retention, horizon (closed_before) and cut of this database; one row.';

-- Neither boundary ever moves back: what lies below it was computed once and cannot be computed again.
CREATE FUNCTION refuse_boundary_moving_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'history boundaries never move back (horizon % to %, cut % to %)',
    OLD.closed_before, NEW.closed_before, OLD.cut, NEW.cut USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER boundaries_never_move_back BEFORE UPDATE ON history_state FOR EACH ROW
  WHEN (NEW.closed_before < OLD.closed_before OR NEW.cut < OLD.cut)
  EXECUTE FUNCTION refuse_boundary_moving_back();

-- Midnight UTC that lies this many hours back: where a layer that is kept so long begins.
CREATE FUNCTION midnight_before(hours integer) RETURNS timestamptz
  LANGUAGE sql STABLE RETURN date_trunc('day', now() - make_interval(hours => hours), 'UTC');

-- Where raw reports begin.
CREATE FUNCTION history_horizon() RETURNS timestamptz LANGUAGE sql STABLE
  RETURN (SELECT closed_before FROM history_state);

-- Where hourly rows begin.
CREATE FUNCTION history_cut() RETURNS timestamptz LANGUAGE sql STABLE
  RETURN (SELECT cut FROM history_state);

-- Where daily rows, and with them the identities of reports, begin. What is older is rejected.
CREATE FUNCTION history_floor() RETURNS timestamptz LANGUAGE sql STABLE
  RETURN (SELECT midnight_before(daily_retention_hours) FROM history_state);

-- The horizon, read so that it cannot be stale. A READ COMMITTED statement that holds its lock on location_reports
-- sees the newest one by itself; a longer-lived snapshot may not, and then locking the row raises a serialization
-- failure (40001), which is the right answer: the transaction must be run again.
CREATE FUNCTION current_horizon() RETURNS timestamptz LANGUAGE plpgsql VOLATILE AS $$
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
