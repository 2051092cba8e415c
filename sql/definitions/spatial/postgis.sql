-- Creates a position, with PostGIS.
--
-- Locks: none.
CREATE OR REPLACE FUNCTION make_geo_point(longitude float8, latitude float8) RETURNS geo_point
  LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN ST_SetSRID(ST_MakePoint(longitude, latitude), 4326)::geo_point;
