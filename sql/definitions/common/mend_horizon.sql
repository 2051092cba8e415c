-- Repairs a horizon that moved too far because the server clock was ahead.
--
-- Locks: mend_horizon() locks location_reports in SHARE ROW EXCLUSIVE mode, which blocks its writers, and the row of
-- history_state, until the end of the transaction. Set lock_timeout, and retry.

-- The correct horizon: the one that retention gives, but after every closed day that has history, because such a day
-- cannot be computed again.
CREATE OR REPLACE FUNCTION mended_horizon() RETURNS timestamptz LANGUAGE sql STABLE
  RETURN (SELECT least(s.closed_before, greatest(midnight_before(s.raw_retention_hours),
    (SELECT max(i.day) + interval '24 hours' FROM report_identities AS i),
    (SELECT max(d.bucket) + interval '24 hours' FROM location_history_days AS d WHERE d.bucket < s.closed_before)))
    FROM history_state AS s);

-- Moves the horizon and the cut back to their correct values, without changing history. Reports above the horizon are
-- stored as raw reports again and appear in the hourly history. Returns the horizon before and after.
CREATE OR REPLACE FUNCTION mend_horizon() RETURNS TABLE (horizon_before timestamptz, horizon timestamptz)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  LOCK TABLE location_reports IN SHARE ROW EXCLUSIVE MODE;
  SELECT s.closed_before INTO STRICT horizon_before FROM history_state AS s FOR UPDATE;
  horizon := mended_horizon();
  PERFORM set_config('tracker.mends_horizon', 'on', true);
  UPDATE history_state AS s SET closed_before = horizon,
    cut = least(s.cut, greatest(midnight_before(s.hourly_retention_hours), horizon));
  PERFORM set_config('tracker.mends_horizon', '', true);
  RETURN NEXT;
END $$;
