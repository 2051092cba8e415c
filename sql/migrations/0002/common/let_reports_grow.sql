-- What keeps location_reports from getting columns. Until the definitions of the new version are applied, those of 0.1.0 go
-- on working.

-- A body that is parsed depends on the row type, and PostgreSQL then refuses a column with a default.
CREATE OR REPLACE FUNCTION merge_late_reports(reports location_reports[]) RETURNS bigint LANGUAGE sql AS $$
  SELECT coalesce(cardinality(take_late_reports(reports)), 0)
$$;

-- ingest_reports() makes rows by the positions of the columns: the new ones are left empty.
DO $$
DECLARE
  definition text := pg_get_functiondef('ingest_reports(boolean)'::regprocedure);
BEGIN
  EXECUTE replace(definition, 'i.source, now())::location_reports',
    'i.source, now(), NULL, NULL, NULL, NULL, NULL, false)::location_reports');
END $$;
