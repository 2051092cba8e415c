-- Positions without PostGIS: replacements of the PostGIS functions in documented statements, based on PostgreSQL's
-- point.
--
-- Locks: none.

CREATE OR REPLACE FUNCTION tracker_compat.st_makepoint(longitude float8, latitude float8) RETURNS tracker_compat.geometry
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN point(longitude, latitude)::tracker_compat.geometry;
CREATE OR REPLACE FUNCTION tracker_compat.st_setsrid(location tracker_compat.geometry, srid integer) RETURNS tracker_compat.geometry
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN location;
CREATE OR REPLACE FUNCTION tracker_compat.st_x(location tracker_compat.geometry) RETURNS float8
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN (location::point)[0];
CREATE OR REPLACE FUNCTION tracker_compat.st_y(location tracker_compat.geometry) RETURNS float8
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN (location::point)[1];

-- Creates a position. Does not call ST_MakePoint, which is the function of PostGIS if PostGIS is installed later.
CREATE OR REPLACE FUNCTION make_geo_point(longitude float8, latitude float8) RETURNS geo_point
  LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN point(longitude, latitude)::geo_point;
