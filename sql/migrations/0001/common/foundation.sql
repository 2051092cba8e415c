-- What everything else stands on: a schema for stand-ins of extensions, last on the search path of this database, so
-- that the real extension, in public, always wins.
CREATE SCHEMA tracker_compat;
COMMENT ON SCHEMA tracker_compat IS 'Stand-ins for functions and types of PostGIS and TimescaleDB, where the server has none.';

DO $$
BEGIN
  EXECUTE format('ALTER DATABASE %I SET search_path = %s, tracker_compat',
    current_database(), current_setting('search_path'));
  PERFORM set_config('search_path', current_setting('search_path') || ', tracker_compat', false);
END $$;
