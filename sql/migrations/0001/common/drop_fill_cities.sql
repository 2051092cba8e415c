-- Undoes fill_cities.sql.
DROP FUNCTION fill_cities, cells_without_city;
DROP FUNCTION IF EXISTS raw_spans_by_day; -- of the timescaledb engine
