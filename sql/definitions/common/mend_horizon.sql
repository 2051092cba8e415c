-- Where the horizon belongs that has run ahead: where retention would have it, but above every day that history has
-- already. Those days are complete in the daily history alone, and nothing could compute them again.
CREATE OR REPLACE FUNCTION mended_horizon() RETURNS timestamptz LANGUAGE sql STABLE
  RETURN (SELECT least(s.closed_before, greatest(midnight_before(s.raw_retention_hours),
    (SELECT max(i.day) + interval '24 hours' FROM report_identities AS i),
    (SELECT max(d.bucket) + interval '24 hours' FROM location_history_days AS d WHERE d.bucket < s.closed_before)))
    FROM history_state AS s);

-- Moves the horizon and the cut that have run ahead of the agreed time back to where they belong, as far as no day of
-- history is touched: reports above it are stored raw again, and have hours. Returns the horizon of before and now.
--
-- Writers of location_reports are kept out. Set lock_timeout, and try again.
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
