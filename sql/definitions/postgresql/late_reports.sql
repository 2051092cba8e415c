-- Merges reports below the horizon, each counted once at any age, into the daily history; returns those that were new,
-- or NULL. Raises when one of them is not below the horizon or is older than the daily history: the caller splits first.
CREATE OR REPLACE FUNCTION take_late_reports(reports location_reports[]) RETURNS location_reports[] LANGUAGE plpgsql AS $$
DECLARE
  fresh location_reports[];
BEGIN
  PERFORM refuse_unmergeable_reports(reports);
  fresh := claim_late_reports(reports);
  IF fresh IS NULL THEN
    RETURN NULL;
  END IF;
  PERFORM add_to_aggregates(fresh);
  PERFORM queue_late_reports(fresh);
  PERFORM mark_history_changed(min(r.timestamp), max(r.timestamp)) FROM unnest(fresh) AS r;
  RETURN fresh;
END $$;

-- The same for callers who only want to know how many were new. Its body is text: a parsed one would depend on the row type,
-- and location_reports could not get columns.
CREATE OR REPLACE FUNCTION merge_late_reports(reports location_reports[]) RETURNS bigint LANGUAGE sql AS $$
  SELECT coalesce(cardinality(take_late_reports(reports)), 0)
$$;
