-- The parts of update_nearest_city() that set the city of hours and days on this engine.
--
-- Locks: the rows of the hour or day.

-- No limit on decompressed rows, because raw reports of yesterday are compressed.
ALTER FUNCTION update_nearest_city(text, timestamptz, timestamptz, text)
  SET timescaledb.max_tuples_decompressed_per_dml_transaction = 0;

-- An hour or day above the horizon: sets the city that the next refresh would compute.
CREATE OR REPLACE FUNCTION set_open_bucket_city(key text, size text, start timestamptz, city text, said_at timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF size = '1 hour' THEN
    UPDATE location_history_hourly AS h SET nearest_city = city, nearest_city_at = said_at
      WHERE h.hashed_adv_key = key AND h.bucket = start
        AND (h.nearest_city, h.nearest_city_at) IS DISTINCT FROM (city, said_at);
  ELSE
    UPDATE location_history_daily AS d SET nearest_city = city, nearest_city_at = said_at
      WHERE d.hashed_adv_key = key AND d.bucket = start
        AND (d.nearest_city, d.nearest_city_at) IS DISTINCT FROM (city, said_at);
  END IF;
END $$;

-- A closed day. It may have rows in two relations; only the row that contains the report of the city changes.
CREATE OR REPLACE FUNCTION set_closed_day_city(key text, day timestamptz, city text, said_at timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE location_history_daily AS d SET nearest_city = city, nearest_city_at = said_at
    WHERE d.hashed_adv_key = key AND d.bucket = day
      AND said_at IN (coalesce(d.located_at, d.last_report_at), d.nearest_city_at);
  UPDATE location_history_daily_late AS d SET nearest_city = city, nearest_city_at = said_at
    WHERE d.hashed_adv_key = key AND d.bucket = day
      AND said_at IN (coalesce(d.located_at, d.last_report_at), d.nearest_city_at);
END $$;
