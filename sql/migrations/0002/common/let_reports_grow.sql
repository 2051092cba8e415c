-- What keeps location_reports from getting columns. Until the definitions of the new version are applied, those of 0.1.0 go
-- on working. It runs some time before the columns are added: a call that is under way then waits for its lock, and goes on
-- with the body that it began with, so that body has to fit the table without the columns and with them.

-- A body that is parsed depends on the row type, and PostgreSQL then refuses a column with a default.
CREATE OR REPLACE FUNCTION merge_late_reports(reports location_reports[]) RETURNS bigint LANGUAGE sql AS $$
  SELECT coalesce(cardinality(take_late_reports(reports)), 0)
$$;

-- ingest_reports() makes rows by the positions of the nine columns: what follows them is left empty.
DO $$
DECLARE
  definition text := pg_get_functiondef('ingest_reports(boolean)'::regprocedure);
  nine_columns constant text := $sql$SELECT take_late_reports(array_agg(
      ROW (i.hashed_adv_key, i.timestamp, make_geo_point(i.longitude, i.latitude), i.confidence,
        i.horizontal_accuracy, i.status, i.nearest_city, i.source, now())::location_reports ORDER BY i.position))
    INTO late FROM incoming_reports AS i WHERE i.timestamp < horizon;$sql$;
  all_columns constant text := $sql$EXECUTE (
      SELECT format('SELECT take_late_reports(array_agg(
          ROW (i.hashed_adv_key, i.timestamp, make_geo_point(i.longitude, i.latitude), i.confidence,
            i.horizontal_accuracy, i.status, i.nearest_city, i.source, now()%s)::location_reports ORDER BY i.position))
        FROM incoming_reports AS i WHERE i.timestamp < $1',
        string_agg(CASE WHEN a.attnotnull THEN ', false' ELSE ', NULL' END, '' ORDER BY a.attnum))
      FROM pg_attribute AS a WHERE a.attrelid = 'location_reports'::regclass AND a.attnum > 9 AND NOT a.attisdropped
    ) INTO late USING horizon;$sql$;
BEGIN
  EXECUTE replace(definition, nine_columns, all_columns);
END $$;
