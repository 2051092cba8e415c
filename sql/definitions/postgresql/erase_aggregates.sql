-- Deletes the hours and days of a tracker from first_day to last_day, both included, even if it has raw reports there.
--
-- Locks: the deleted rows, days before hours like all writers.
CREATE OR REPLACE FUNCTION erase_aggregates(key text, first_day timestamptz, last_day timestamptz) RETURNS void
LANGUAGE sql AS $$
  DELETE FROM location_history_daily WHERE hashed_adv_key = key AND bucket BETWEEN first_day AND last_day;
  DELETE FROM location_history_hourly
    WHERE hashed_adv_key = key AND bucket >= first_day AND bucket < last_day + interval '24 hours';
$$;
