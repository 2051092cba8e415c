-- The cell coordinate of a latitude or longitude: hundredths of a degree.
--
-- Locks: none.
CREATE OR REPLACE FUNCTION cell_of(degrees float8) RETURNS integer LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN round(degrees * 100)::integer;
