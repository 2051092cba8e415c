-- Deletes the hours and days of a tracker from first_day to last_day, both included, even if it has raw reports there:
-- in the continuous aggregates and in location_history_daily_late.
--
-- Locks: the deleted rows, days before hours.
CREATE OR REPLACE FUNCTION erase_aggregates(key text, first_day timestamptz, last_day timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('tracker.removes_days', 'on', true);
  DELETE FROM location_history_daily WHERE hashed_adv_key = key AND bucket BETWEEN first_day AND last_day;
  PERFORM set_config('tracker.removes_days', '', true);
  DELETE FROM location_history_daily_late WHERE hashed_adv_key = key AND bucket BETWEEN first_day AND last_day;
  DELETE FROM location_history_hourly
    WHERE hashed_adv_key = key AND bucket >= first_day AND bucket < last_day + interval '24 hours';
END $$;
