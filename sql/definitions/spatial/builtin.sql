CREATE OR REPLACE FUNCTION tracker_compat.st_makepoint(longitude float8, latitude float8) RETURNS tracker_compat.geometry
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN point(longitude, latitude)::tracker_compat.geometry;
CREATE OR REPLACE FUNCTION tracker_compat.st_setsrid(location tracker_compat.geometry, srid integer) RETURNS tracker_compat.geometry
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN location;
CREATE OR REPLACE FUNCTION tracker_compat.st_x(location tracker_compat.geometry) RETURNS float8
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN (location::point)[0];
CREATE OR REPLACE FUNCTION tracker_compat.st_y(location tracker_compat.geometry) RETURNS float8
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN (location::point)[1];

-- What the product itself makes positions with. Bound here: with PostGIS installed later, ST_MakePoint is that one's.
CREATE OR REPLACE FUNCTION make_geo_point(longitude float8, latitude float8) RETURNS geo_point
  LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN point(longitude, latitude)::geo_point;
