-- Repairs a horizon that is ahead of the agreed time, after the clock of the server was.
--
-- Locks: mend_horizon() locks location_reports in SHARE ROW EXCLUSIVE mode, which keeps its writers out, and the row of
-- history_state, to the end of the transaction. Set lock_timeout, and retry.

-- Where such a horizon belongs: where retention would put it, but above every closed day that has history: those days are
-- complete in the daily history only, and could not be computed again.
CREATE OR REPLACE FUNCTION mended_horizon() RETURNS timestamptz LANGUAGE sql STABLE
  RETURN (SELECT least(s.closed_before, greatest(midnight_before(s.raw_retention_hours),
    (SELECT max(i.day) + interval '24 hours' FROM report_identities AS i),
    (SELECT max(d.bucket) + interval '24 hours' FROM location_history_days AS d WHERE d.bucket < s.closed_before)))
    FROM history_state AS s);

-- Moves the horizon and the cut back to where they belong, without touching a day of history. Reports above the horizon are
-- stored as raw reports again, and have hours. Returns the horizon before and after.
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
