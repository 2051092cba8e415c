-- The parts of update_nearest_city() that set the city of hours and days on this engine.
--
-- Locks: the row of the day.

-- Hours and days above the horizon: does nothing, because the update trigger of location_reports has recomputed them.
CREATE OR REPLACE FUNCTION set_open_bucket_city(key text, size text, start timestamptz, city text, said_at timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
END $$;

-- A closed day.
CREATE OR REPLACE FUNCTION set_closed_day_city(key text, day timestamptz, city text, said_at timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE location_history_daily AS d SET nearest_city = city, nearest_city_at = said_at
    WHERE d.hashed_adv_key = key AND d.bucket = day;
END $$;
