-- Positions over PostGIS.
--
-- The range check is ours: geometry(Point,4326) stores POINT(200 95) as it is. NaN fails BETWEEN, and an empty
-- point has no coordinates, so both are refused as well.
CREATE EXTENSION IF NOT EXISTS postgis;

CREATE DOMAIN geo_point AS geometry(Point, 4326)
  CONSTRAINT geo_point_in_range CHECK (
    VALUE IS NULL
    OR coalesce(ST_X(VALUE) BETWEEN -180 AND 180 AND ST_Y(VALUE) BETWEEN -90 AND 90, false)
  );

-- What the product itself makes positions with.
CREATE FUNCTION make_geo_point(longitude float8, latitude float8) RETURNS geo_point
  LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN ST_SetSRID(ST_MakePoint(longitude, latitude), 4326)::geo_point;
