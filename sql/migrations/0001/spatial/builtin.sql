-- Positions where the server has no PostGIS: the few functions that the product's own SQL and the documented
-- statements use, one line each, over PostgreSQL's `point`.
--
-- They live in tracker_compat and not in public: with a `geometry` there, CREATE EXTENSION postgis fails later.
CREATE DOMAIN tracker_compat.geometry AS point;

CREATE FUNCTION tracker_compat.st_makepoint(longitude float8, latitude float8) RETURNS tracker_compat.geometry
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN point(longitude, latitude)::tracker_compat.geometry;
CREATE FUNCTION tracker_compat.st_setsrid(location tracker_compat.geometry, srid integer) RETURNS tracker_compat.geometry
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN location;
CREATE FUNCTION tracker_compat.st_x(location tracker_compat.geometry) RETURNS float8
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN (location::point)[0];
CREATE FUNCTION tracker_compat.st_y(location tracker_compat.geometry) RETURNS float8
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN (location::point)[1];

CREATE DOMAIN geo_point AS tracker_compat.geometry
  CONSTRAINT geo_point_in_range CHECK (
    VALUE IS NULL
    OR coalesce((VALUE::point)[0] BETWEEN -180 AND 180 AND (VALUE::point)[1] BETWEEN -90 AND 90, false)
  );

-- What the product itself makes positions with. Bound here: with PostGIS installed later, ST_MakePoint is that one's.
CREATE FUNCTION make_geo_point(longitude float8, latitude float8) RETURNS geo_point
  LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN point(longitude, latitude)::geo_point;
