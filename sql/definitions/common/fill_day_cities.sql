-- Part of fill_cities() on both engines.
--
-- Locks: the rows that change.

-- Sets nearest_city of closed days in a relation from the cell of their position, for the given trackers and times.
-- Skips a day that already has the city of the report it shows. Returns the number of days changed.
--
-- EXECUTE, so that each call is planned for its trackers and times.
CREATE OR REPLACE FUNCTION fill_day_cities(relation regclass, keys text[], from_times timestamptz[]) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
  filled bigint;
BEGIN
  EXECUTE format(
    'UPDATE %s AS d SET nearest_city = c.nearest_city, nearest_city_at = coalesce(d.located_at, d.last_report_at)
     FROM unnest($1, $2) AS span (key, from_time), geocoding_settled_cells AS c
     WHERE d.hashed_adv_key = span.key AND d.bucket = date_trunc(''day'', span.from_time, ''UTC'')
       AND d.bucket < history_horizon()
       AND d.nearest_city_at IS DISTINCT FROM coalesce(d.located_at, d.last_report_at)
       AND c.latitude_e2 = cell_of(ST_Y(d.location)) AND c.longitude_e2 = cell_of(ST_X(d.location))', relation)
    USING keys, from_times;
  GET DIAGNOSTICS filled = ROW_COUNT;
  RETURN filled;
END $$;
