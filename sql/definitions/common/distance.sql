-- Distance in metres between two positions on a sphere with the earth's mean radius (haversine): at most 0.6 % off, and
-- the same with and without PostGIS.
--
-- Locks: none.
CREATE OR REPLACE FUNCTION distance_in_metres(latitude_a float8, longitude_a float8, latitude_b float8, longitude_b float8)
RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 2 * 6371008.8 * asin(least(1, sqrt(
  sind((latitude_b - latitude_a) / 2) ^ 2
  + cosd(latitude_a) * cosd(latitude_b) * sind((longitude_b - longitude_a) / 2) ^ 2)));
